"""Who needs a second factor, and who has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from django.conf import settings

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

#: Recovery codes alone are no factor: they replace one that was lost.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def is_demanded_of(user: User | AnonymousUser) -> bool:
    """Whether this person has a way into the CMS or the admin, where a stolen password would harm others."""
    return user.is_authenticated and (user.is_staff or user.has_perm("wagtailadmin.access_admin"))


def is_set_up(user: User | AnonymousUser) -> bool:
    """Whether this person signs in with an authenticator app or a security key besides the password."""
    return user.is_authenticated and Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def is_missing(user: User) -> bool:
    """Whether this person must have a second factor, by the setting, and has none."""
    return settings.REQUIRE_STAFF_TWO_FACTOR and is_demanded_of(user) and not is_set_up(user)
