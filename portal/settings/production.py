"""Settings for the real thing. Every secret comes from the environment; a missing one stops the start."""

from portal.settings.base import *  # noqa: F403
from portal.settings.base import MIDDLEWARE, STORAGES, STRIPE_ACCOUNTS
from portal.settings.env import env, required

DEBUG = False
SECRET_KEY = required("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = required("ALLOWED_HOSTS").split(",")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[f"https://{host}" for host in ALLOWED_HOSTS])
PORTAL_BASE_URL = required("PORTAL_BASE_URL")
WAGTAILADMIN_BASE_URL = PORTAL_BASE_URL
DEFAULT_FROM_EMAIL = required("DEFAULT_FROM_EMAIL")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
required("DATABASE_URL")
for account in STRIPE_ACCOUNTS.values():
    # A currency is offered only when its whole key pair is there; half a pair would take money unconfirmed.
    for part in ("secret_key", "publishable_key", "webhook_secret"):
        if not account[part]:
            required(f"STRIPE_{account['currency']}_{part.upper()}")

SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
REQUIRE_STAFF_TWO_FACTOR = env.bool("REQUIRE_STAFF_TWO_FACTOR", default=True)

# After SecurityMiddleware: static files need its headers and nothing else.
MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")
STORAGES["staticfiles"] = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}

# The CMS previews a page in a frame of the same site, so frames are refused to other sites only.
SILENCED_SYSTEM_CHECKS = ["security.W019"]
