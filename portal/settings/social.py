"""Signing in by way of other sites: which ones, by the environment alone."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from portal.settings.env import env

# The key pairs that providers gave the portal, and where their page of consent is: a form that leads there
# needs the browser's leave. GitHub and GitLab may stand on a machine of one's own.
SOCIAL_KEYS = {
    "github": {
        "origin": env.str("SOCIAL_GITHUB_URL", default="https://github.com").rstrip("/"),
        "client_id": env.str("SOCIAL_GITHUB_CLIENT_ID", default=""),
        "secret": env.str("SOCIAL_GITHUB_CLIENT_SECRET", default=""),
    },
    "gitlab": {
        "origin": env.str("SOCIAL_GITLAB_URL", default="https://gitlab.com").rstrip("/"),
        "client_id": env.str("SOCIAL_GITLAB_CLIENT_ID", default=""),
        "secret": env.str("SOCIAL_GITLAB_CLIENT_SECRET", default=""),
    },
    "google": {
        "origin": "https://accounts.google.com",
        "client_id": env.str("SOCIAL_GOOGLE_CLIENT_ID", default=""),
        "secret": env.str("SOCIAL_GOOGLE_CLIENT_SECRET", default=""),
    },
    "microsoft": {
        "origin": "https://login.microsoftonline.com",
        "client_id": env.str("SOCIAL_MICROSOFT_CLIENT_ID", default=""),
        "secret": env.str("SOCIAL_MICROSOFT_CLIENT_SECRET", default=""),
    },
}
SOCIAL_PROVIDERS = env.list("SOCIAL_PROVIDERS", default=[])


def social_provider(name: str) -> dict[str, Any]:
    """What allauth needs of a provider. Raises ImproperlyConfigured for one not known, or without keys."""
    if name not in SOCIAL_KEYS:
        raise ImproperlyConfigured(
            f'SOCIAL_PROVIDERS names "{name}". Known are: {", ".join(sorted(SOCIAL_KEYS))}.'
        )
    keys = SOCIAL_KEYS[name]
    if not (keys["client_id"] and keys["secret"]):
        raise ImproperlyConfigured(
            f"SOCIAL_PROVIDERS names {name}: set SOCIAL_{name.upper()}_CLIENT_ID and "
            f"SOCIAL_{name.upper()}_CLIENT_SECRET too, or take it out."
        )
    provider: dict[str, Any] = {"APPS": [{"client_id": keys["client_id"], "secret": keys["secret"]}]}
    if name == "github" and keys["origin"] != "https://github.com":
        provider["GITHUB_URL"] = keys["origin"]  # its API is elsewhere than that of github.com
    if name == "gitlab":
        provider["GITLAB_URL"] = keys["origin"]
    return provider


SOCIALACCOUNT_PROVIDERS = {name: social_provider(name) for name in SOCIAL_PROVIDERS}
SOCIALACCOUNT_ADAPTER = "accounts.adapter.SocialAccountAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
# An address that a provider calls confirmed opens no account that is here already: its owner signs in and
# connects the two.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
