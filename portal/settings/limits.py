"""How often one may try: settings that hold everywhere, for pages and for the API."""

from __future__ import annotations

from portal.settings.env import env

# How many proxies of one's own stand in front: whose address counts, and whose is only claimed.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
# Counted in the cache that all processes share. A try that cannot be counted is refused.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "signup": "20/m/ip",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "confirm_email": "1/3m/key",
    "manage_email": "10/m/user",
    "change_password": "5/m/user",
    "reauthenticate": "10/m/user",
    "reactivate": "20/m/ip,3/h/key",
    "avatar": "10/m/user",
    "export": "10/h/user",
    "link_telegram": "20/h/user",
    # What visitors order is set aside for a day, so that somebody could empty the shop without paying.
    "order_as_guest": "10/m/ip,60/h/ip",
}
THROTTLE_RATES = {
    "anon": env.str("THROTTLE_ANON", default="120/min"),
    "user": env.str("THROTTLE_USER", default="600/min"),
    "token": env.str("THROTTLE_TOKEN", default="20/min"),
    "payments": env.str("THROTTLE_PAYMENTS", default="60/min"),
}
