"""Settings that hold everywhere. What differs is in development, production and test."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from portal.settings.env import BASE_DIR, choice, env, positive, required
from portal.settings.limits import *  # noqa: F403
from portal.settings.limits import ALLAUTH_TRUSTED_PROXY_COUNT, THROTTLE_RATES
from portal.settings.social import *  # noqa: F403
from portal.settings.social import SOCIAL_KEYS, SOCIAL_PROVIDERS

INSTALLED_APPS = [
    "portal.home",
    "portal.api",
    "portal.demo",
    "courses",
    "library",
    "commerce",
    "portal.content",
    "accounts",
    "wagtail.contrib.settings",
    "wagtail.contrib.search_promotions",
    "wagtail.contrib.redirects",
    "wagtail.contrib.forms",
    "wagtail.embeds",
    "wagtail.sites",
    "accounts.apps.PeopleInTheCmsConfig",  # wagtail.users
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "wagtail_modeladmin",
    "modelcluster",
    "taggit",
    "django_htmx",
    "django_q",
    "django_filters",
    "anymail",
    "csp",
    "health_check",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "drf_yasg",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sitemaps",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.api.middleware.ApiCacheMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "accounts.middleware.TimeZoneMiddleware",
    "accounts.middleware.StaffTwoFactorMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "wagtail.contrib.redirects.middleware.RedirectMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
ASGI_APPLICATION = "portal.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "wagtail.contrib.settings.context_processors.settings",
                "portal.home.context_processors.portal",
            ],
        },
    },
]

# --- The portal ------------------------------------------------------------------------------------
PORTAL_NAME = env.str("PORTAL_NAME", default="Learning portal")
PORTAL_BASE_URL = env.str("PORTAL_BASE_URL", default="http://localhost:8000")
CATALOGUE_PAGE_SIZE = env.int("CATALOGUE_PAGE_SIZE", default=12)
SITE_ID = 1

# --- Databases and caches --------------------------------------------------------------------------
database_url = env.str("DATABASE_URL", default="") or f"sqlite:///{BASE_DIR / 'var' / 'portal.sqlite3'}"
DATABASES = {"default": env.db_url_config(database_url)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Several processes write: without these, every concurrent write risks "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 600
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    # Shared by every process of one machine or many, with nothing to install.
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        # Rate limits are counted here. With the usual 300 entries, whoever fills the table would have his own
        # counter thrown out, and could go on guessing.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
# Wagtail keeps the sizes of pictures here. In the database cache that would be a write for every picture of
# every page, where reading the row itself is one cheap query.
CACHES["renditions"] = (
    {**CACHES["default"], "KEY_PREFIX": "renditions"}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
)

# --- People ----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "courses:my_learning"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.SignupForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = env.str("ACCOUNT_EMAIL_VERIFICATION", default="mandatory")
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
# Who finds a browser open changes no address and connects nothing without the password.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_MAX_EMAIL_ADDRESSES = 5
ACCOUNT_USER_DISPLAY = "accounts.models.display_name"

# --- Second factor and sessions --------------------------------------------------------------------
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = PORTAL_NAME
MFA_TOTP_TOLERANCE = 1  # half a minute to both sides, for telephones whose clock is not quite right
# Whether people with a way into the CMS or the admin must have a second factor to go there.
REQUIRE_STAFF_TWO_FACTOR = env.bool("REQUIRE_STAFF_TWO_FACTOR", default=False)
# A write for every page that is looked at would be too much to know when a session was last used.
USERSESSIONS_TRACK_ACTIVITY = False

# --- Signing in by way of others: see portal.settings.social ----------------------------------------
INSTALLED_APPS += [f"allauth.socialaccount.providers.{provider}" for provider in SOCIAL_PROVIDERS]

# The first superuser, made by the command csu.
SUPERUSER_USERNAME = env.str("DJANGO_SUPERUSER_USERNAME", default="")
SUPERUSER_EMAIL = env.str("DJANGO_SUPERUSER_EMAIL", default="")
SUPERUSER_PASSWORD = env.str("DJANGO_SUPERUSER_PASSWORD", default="")

# --- Languages and time ----------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LANGUAGE_COOKIE_AGE = 31_536_000  # as long as people stay signed in, and longer
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
USE_I18N = True
FORMAT_MODULE_PATH = "portal.settings.formats"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True

# --- Files -----------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "/media/"
MEDIA_DIR = Path(env.str("MEDIA_DIR", default=str(BASE_DIR / "media")))
MEDIA_ROOT = MEDIA_DIR / "public"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Never below MEDIA_URL: what is here leaves only through a view that asks for permission.
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": MEDIA_DIR / "private", "base_url": None},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
# The largest file of books that librarians may import.
IMPORT_MAX_MEGABYTES = env.int("IMPORT_MAX_MEGABYTES", default=100)

# --- Wagtail ---------------------------------------------------------------------------------------
WAGTAIL_SITE_NAME = PORTAL_NAME
WAGTAILADMIN_BASE_URL = PORTAL_BASE_URL
WAGTAIL_FRONTEND_LOGIN_URL = "account_login"
WAGTAIL_PASSWORD_MANAGEMENT_ENABLED = False
WAGTAIL_EMAIL_MANAGEMENT_ENABLED = False
WAGTAILIMAGES_IMAGE_MODEL = "content.PortalImage"
WAGTAILDOCS_DOCUMENT_MODEL = "content.PortalDocument"
WAGTAILDOCS_SERVE_METHOD = "serve_view"
WAGTAILDOCS_EXTENSIONS = ["csv", "docx", "epub", "ods", "odt", "pdf", "pptx", "txt", "xlsx", "zip"]
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "wagtail.search.backends.database"}}
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_ENABLE_WHATS_NEW_BANNER = False
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAILEMBEDS_FINDERS = []  # a link is never fetched from our servers; lessons embed YouTube by its id
WAGTAIL_I18N_ENABLED = False
# Letters about moderation are ours (courses.services.moderating).
WAGTAILADMIN_NOTIFICATION_INCLUDE_SUPERUSERS = False

# --- API -------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_PARSER_CLASSES": [
        "portal.api.parsers.ShallowJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.api.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "portal.api.pagination.PageNumberPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "portal.api.errors.problem_details",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
        "rest_framework.throttling.ScopedRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": THROTTLE_RATES,
    # The same count as allauth's: else anybody would invent an address for each try, and never be slowed.
    "NUM_PROXIES": ALLAUTH_TRUSTED_PROXY_COUNT,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "COERCE_DECIMAL_TO_STRING": True,
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    # A token names the password it was given for; with another one it is dead (services.tokens).
    "CHECK_REVOKE_TOKEN": True,
    "AUTH_HEADER_TYPES": ("Bearer",),
}
# So long after signing in, a token alone is proof enough to delete the account it speaks for.
API_FRESH_SIGN_IN = timedelta(minutes=env.int("API_FRESH_SIGN_IN_MINUTES", default=15))
API_AUTH_HEADERS = env.list("API_AUTH_HEADERS", default=["Authorization", "Authorize"])
API_PAGE_SIZE = env.int("API_PAGE_SIZE", default=20)
API_PAGE_SIZE_MAX = env.int("API_PAGE_SIZE_MAX", default=100)
SWAGGER_USE_COMPAT_RENDERERS = False
SWAGGER_SETTINGS = {
    "DEFAULT_INFO": "portal.api.schema.INFO",
    "DEFAULT_GENERATOR_CLASS": "portal.api.schema.SchemaGenerator",
    "DEFAULT_AUTO_SCHEMA_CLASS": "portal.api.schema.AutoSchema",
    "SECURITY_DEFINITIONS": {
        "Bearer": {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            "description": "`Bearer <access token>`, the token from POST /api/v1/token/",
        }
    },
    "USE_SESSION_AUTH": False,
    "VALIDATOR_URL": None,
}

# --- Money -----------------------------------------------------------------------------------------
CURRENCIES = env.list("CURRENCIES", default=["USD", "EUR"])
DEFAULT_CURRENCY = env.str("DEFAULT_CURRENCY", default=CURRENCIES[0])
# Who sells, as receipts have it.
SELLER_NAME = env.str("SELLER_NAME", default="") or PORTAL_NAME
SELLER_ADDRESS = env.str("SELLER_ADDRESS", default="")
# How long after it was placed an order waits for money that comes by hand; for cards it is a day.
PAYABLE_FOR = {
    "cash": timedelta(days=positive("CASH_PAYABLE_DAYS", default=3)),
    "transfer": timedelta(days=positive("TRANSFER_PAYABLE_DAYS", default=14)),
}
PAYMENT_GATEWAY = "commerce.gateways.stripe.StripeGateway"
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="https://api.stripe.com")
STRIPE_CHECKOUT_ORIGIN = env.str("STRIPE_CHECKOUT_ORIGIN", default="https://checkout.stripe.com")
STRIPE_JS_URL = env.str("STRIPE_JS_URL", default="https://js.stripe.com/endive/stripe.js")
STRIPE_API_KEY = env.str("STRIPE_API_KEY", default="")
SANDBOX_STATE = env.str("SANDBOX_STATE", default=str(BASE_DIR / "var" / "stripe-sandbox.sqlite3"))


def stripe_account(currency: str) -> dict[str, str]:
    """The key pair that takes money in a currency: one Stripe account per currency."""
    fallback = STRIPE_API_KEY if currency == DEFAULT_CURRENCY else ""
    return {
        "currency": currency,
        "secret_key": env.str(f"STRIPE_{currency}_SECRET_KEY", default=fallback),
        "publishable_key": env.str(f"STRIPE_{currency}_PUBLISHABLE_KEY", default=""),
        "webhook_secret": env.str(f"STRIPE_{currency}_WEBHOOK_SECRET", default=""),
    }


STRIPE_ACCOUNTS = {currency.lower(): stripe_account(currency) for currency in CURRENCIES}

# --- Background work -------------------------------------------------------------------------------
# Where tasks wait: orm (the database) or redis. What each loses when a worker dies: docs/operations.md
Q_BROKER = choice("Q_BROKER", among=("orm", "redis"), default="orm")
Q_REDIS_URL = env.str("Q_REDIS_URL", default="") or REDIS_URL
if Q_BROKER == "redis" and not Q_REDIS_URL:
    required("Q_REDIS_URL")
Q_CLUSTER = {
    "name": "portal",
    **({"redis": Q_REDIS_URL} if Q_BROKER == "redis" else {"orm": "default"}),
    "workers": env.int("Q_WORKERS", default=2),
    "queue_limit": env.int("Q_WORKERS", default=2),
    "bulk": 1,
    "timeout": 300,
    "retry": 1200,
    "max_attempts": 5,
    "save_limit": 50,
    "poll": 1,
    "recycle": 500,
    "catch_up": False,
    "label": _("Background work"),
}
# What runs for longer has been cut off: the time-out, and what it takes to end a task.
LONGEST_TASK = timedelta(seconds=Q_CLUSTER["timeout"] + 30)
# Cron expressions are read in TIME_ZONE. What runs once a day does so after 3 in the morning: where clocks
# change, an hour before that may be missing or come twice.
# Installed by migrate (portal.home.services.scheduling); what is not named here is removed.
SCHEDULES = {
    "deliver-undelivered": {"func": "commerce.tasks.sweep_undelivered", "cron": "*/5 * * * *"},
    "settle-open-sessions": {"func": "commerce.tasks.sweep_open_sessions", "cron": "* * * * *"},
    "refund": {"func": "commerce.tasks.sweep_refunds", "cron": "*/5 * * * *"},
    "send-receipts": {"func": "commerce.tasks.sweep_receipts", "cron": "* * * * *"},
    "reconcile": {"func": "commerce.tasks.reconcile_yesterday", "cron": "10 5 * * *"},
    "check-integrity": {"func": "commerce.tasks.check_integrity", "cron": "40 3 * * *"},
    "sweep-imports": {"func": "library.tasks.sweep_imports", "cron": "*/10 * * * *"},
    "expire-holds": {"func": "library.tasks.expire_holds", "cron": "5 * * * *"},
    "close-unfetched-loans": {"func": "library.tasks.close_unfetched", "cron": "50 6 * * *"},
    "remind-of-loans": {"func": "library.tasks.remind", "cron": "0 7 * * *"},
    "tell-staff-of-overdue-loans": {"func": "library.tasks.tell_staff_of_overdue", "cron": "30 7 * * *"},
    "beat": {"func": "portal.home.tasks.beat", "cron": "* * * * *"},
    "clean-up": {"func": "portal.home.tasks.clean_up", "cron": "50 4 * * *"},
    "publish-scheduled-pages": {"func": "portal.home.tasks.publish_scheduled_pages", "cron": "* * * * *"},
    "send-due-messages": {"func": "accounts.tasks.send_due_messages", "cron": "* * * * *"},
    "write-digests": {"func": "accounts.tasks.write_digests", "cron": "*/15 * * * *"},
    "spread-messages": {"func": "accounts.tasks.spread_messages", "cron": "*/5 * * * *"},
    "remind-of-unpaid": {"func": "commerce.tasks.remind_of_unpaid", "cron": "*/15 * * * *"},
    "remind-of-abandoned": {"func": "courses.tasks.remind_of_abandoned", "cron": "0 9 * * *"},
    "tidy-messages": {"func": "accounts.tasks.tidy_messages", "cron": "50 3 * * *"},
    "read-telegram": {"func": "accounts.tasks.read_telegram", "cron": "* * * * *"},
    "block-inactive-accounts": {"func": "accounts.tasks.block_inactive_accounts", "cron": "20 4 * * *"},
    "flush-expired-tokens": {"func": "accounts.tasks.flush_expired_tokens", "cron": "30 3 * * *"},
}
# Days for which the nightly clean-up keeps what is only of use for looking back.
KEEP_DAYS = {
    "tasks": env.int("KEEP_TASKS_DAYS", default=14),
    "runs": env.int("KEEP_RUNS_DAYS", default=30),
    "revisions": env.int("KEEP_REVISIONS_DAYS", default=180),
}

# --- Mail ------------------------------------------------------------------------------------------
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.smtp.EmailBackend")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Learning portal <portal@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 30  # seconds; less than accounts.services.notifying waits before it tries again
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", default=False)
ANYMAIL = env.json("ANYMAIL", default={})
# What the mail provider reports (bounces, complaints) is heard only when it can be told from a stranger.
ANYMAIL_WEBHOOK_SECRET = env.str("ANYMAIL_WEBHOOK_SECRET", default="")
if ANYMAIL_WEBHOOK_SECRET:
    ANYMAIL["WEBHOOK_SECRET"] = ANYMAIL_WEBHOOK_SECRET

# So long messages stay that are through and read: longer than any reason to write the same may come back.
MESSAGES_KEPT_DAYS = env.int("MESSAGES_KEPT_DAYS", default=400)
if MESSAGES_KEPT_DAYS < 90:
    raise ImproperlyConfigured(
        f"MESSAGES_KEPT_DAYS is {MESSAGES_KEPT_DAYS}; it must be 90 or more: a reminder whose message is "
        "deleted while its reason lasts would be sent again. .env.sample describes it."
    )

# --- Telegram --------------------------------------------------------------------------------------
# A bot that speaks for the portal. Without its token nothing is said in chats.
TELEGRAM_BACKEND = env.str("TELEGRAM_BACKEND", default="accounts.services.telegram.BotApi")
TELEGRAM_API_BASE = env.str("TELEGRAM_API_BASE", default="https://api.telegram.org")
TELEGRAM_BOT_TOKEN = env.str("TELEGRAM_BOT_TOKEN", default="")
TELEGRAM_BOT_NAME = env.str("TELEGRAM_BOT_NAME", default="")  # people find it by this name
TELEGRAM_STAFF_CHAT_ID = env.str("TELEGRAM_STAFF_CHAT_ID", default="")
TELEGRAM_FILE_PATH = BASE_DIR / "var" / "outbox" / "telegram"  # of the stand-in
TELEGRAM_TIMEOUT = env.float("TELEGRAM_TIMEOUT", default=10)  # seconds, for a whole call

# --- Security --------------------------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "SAMEORIGIN"  # the CMS previews pages in a frame of its own
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/cms/", "/admin/"],
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": ["https://www.youtube-nocookie.com"],
        # A payment form posts here and is sent on to the provider; browsers check that hop too.
        # So does one that signs in by way of another site.
        "form-action": [
            SELF,
            STRIPE_CHECKOUT_ORIGIN,
            *(SOCIAL_KEYS[name]["origin"] for name in SOCIAL_PROVIDERS),
        ],
        "frame-ancestors": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
    },
}

# --- Logs ------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # Two lines for every page that is indexed; its failures are errors.
        "django_tasks": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
