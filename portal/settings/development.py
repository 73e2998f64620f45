"""Settings for one's own machine: SQLite, the payment sandbox, mail into a local outbox page."""

from portal.settings.base import *  # noqa: F403
from portal.settings.base import (
    ACCOUNT_RATE_LIMITS,
    BASE_DIR,
    CONTENT_SECURITY_POLICY,
    CURRENCIES,
    REST_FRAMEWORK,
)
from portal.settings.env import env

DEBUG = True
SECRET_KEY = env.str("SECRET_KEY", default="development-only-not-a-secret-because-it-is-published")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

# Where the web process of `make run` listens; links in mail and the sandbox's webhooks go there.
PORT = env.int("PORT", default=8000)
PORTAL_BASE_URL = env.str("PORTAL_BASE_URL", default=f"http://localhost:{PORT}")
WAGTAILADMIN_BASE_URL = PORTAL_BASE_URL

ACCOUNT_EMAIL_VERIFICATION = env.str("ACCOUNT_EMAIL_VERIFICATION", default="optional")
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.filebased.EmailBackend")
EMAIL_FILE_PATH = BASE_DIR / "var" / "outbox"
TELEGRAM_BACKEND = env.str("TELEGRAM_BACKEND", default="accounts.services.telegram.Folder")
TELEGRAM_BOT_NAME = env.str("TELEGRAM_BOT_NAME", default="") or "portal_demo_bot"
TELEGRAM_STAFF_CHAT_ID = env.str("TELEGRAM_STAFF_CHAT_ID", default="") or "staff"

# The sandbox accepts any sk_test_ key; these make the demo work with nothing to fill in.
SANDBOX_PORT = env.int("SANDBOX_PORT", default=12111)
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default=f"http://127.0.0.1:{SANDBOX_PORT}")
STRIPE_CHECKOUT_ORIGIN = env.str("STRIPE_CHECKOUT_ORIGIN", default=f"http://127.0.0.1:{SANDBOX_PORT}")
STRIPE_JS_URL = env.str("STRIPE_JS_URL", default=f"http://127.0.0.1:{SANDBOX_PORT}/endive/stripe.js")
CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"][1] = STRIPE_CHECKOUT_ORIGIN
STRIPE_ACCOUNTS = {
    currency.lower(): {
        "currency": currency,
        "secret_key": env.str(f"STRIPE_{currency}_SECRET_KEY", default=f"sk_test_portal_{currency.lower()}"),
        "publishable_key": env.str(
            f"STRIPE_{currency}_PUBLISHABLE_KEY", default=f"pk_test_portal_{currency.lower()}"
        ),
        "webhook_secret": env.str(
            f"STRIPE_{currency}_WEBHOOK_SECRET", default=f"whsec_portal_{currency.lower()}"
        ),
    }
    for currency in CURRENCIES
}

REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = {
    "anon": env.str("THROTTLE_ANON", default="6000/min"),
    "user": env.str("THROTTLE_USER", default="6000/min"),
    "token": env.str("THROTTLE_TOKEN", default="6000/min"),
    "payments": env.str("THROTTLE_PAYMENTS", default="6000/min"),
}
ACCOUNT_RATE_LIMITS = {
    **ACCOUNT_RATE_LIMITS,
    "login": "300/m/ip",
    "login_failed": "100/m/ip,20/5m/key",
    "signup": "100/m/ip",
    "order_as_guest": "600/m/ip",
}
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True  # http://localhost
