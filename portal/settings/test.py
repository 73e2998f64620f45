"""Settings for the tests: SQLite in memory, or the PostgreSQL that TEST_DATABASE_URL names."""

from portal.settings.base import *  # noqa: F403
from portal.settings.base import BASE_DIR, CURRENCIES, REST_FRAMEWORK, STORAGES
from portal.settings.env import env

DEBUG = False
SECRET_KEY = "test-only-not-a-secret-because-it-is-published"
ALLOWED_HOSTS = ["*"]
TEST_DATABASE_URL = env.str("TEST_DATABASE_URL", default="")
if TEST_DATABASE_URL:
    DATABASES = {"default": env.db_url("TEST_DATABASE_URL")}
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
TELEGRAM_BACKEND = "accounts.tests.chats.Remembering"
TELEGRAM_STAFF_CHAT_ID = "-1001"
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_RATE_LIMITS = False
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
REQUIRE_STAFF_TWO_FACTOR = False
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = dict.fromkeys(
    ("anon", "user", "token", "payments", "lending"), "100000/min"
)
STORAGES["default"] = STORAGES["private"] = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
MEDIA_ROOT = BASE_DIR / "var" / "test-media"

PAYMENT_GATEWAY = "commerce.gateways.fake.FakeGateway"
STRIPE_ACCOUNTS = {
    currency.lower(): {
        "currency": currency,
        "secret_key": f"sk_test_{currency.lower()}",
        "publishable_key": f"pk_test_{currency.lower()}",
        "webhook_secret": f"whsec_test_{currency.lower()}",
    }
    for currency in CURRENCIES
}
