"""Tokens of the API: who may have them, what each is good for, and what ends them.

A token is good while its holder's account is open and the password is the one it was given for. A refresh
token, moreover, buys one new pair and is dead from then on.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken, Token, UntypedToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts.models import User
from accounts.services import second_factor


class TokenRefused(Exception):
    """A token that buys nothing: str() says why, and what to do."""


def issue(*, user: User, at: datetime) -> RefreshToken:
    """A pair of tokens for one who has just proved who they are; this is a sign-in."""
    user.last_login = at
    user.save(update_fields=["last_login"])
    return RefreshToken.for_user(user)


def holder(token: Token) -> User:
    """The person a token speaks for. Raises TokenRefused when it speaks for nobody (any more)."""
    user = User.objects.filter(pk=token.get(api_settings.USER_ID_CLAIM), is_active=True).first()
    if user is None:
        raise TokenRefused(_("The account of this token is blocked or deleted."))
    if token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
        raise TokenRefused(_("The password has been changed since this token was given; sign in again."))
    return user


def renew(raw: str) -> RefreshToken:
    """A new pair for a refresh token. Of any number of callers at once exactly one gets it.

    Raises TokenRefused.
    """
    old = _read_refresh(raw)
    user = holder(old)
    if second_factor.is_missing(user):
        raise TokenRefused(
            _("Your account needs a second factor. Set one up on the site, at /accounts/2fa/.")
        )
    with transaction.atomic():
        if not _use_up(old):
            raise TokenRefused(_("This refresh token has been used already; sign in again."))
        # Of the row compared above: should the password change meanwhile, the new pair is dead too.
        return RefreshToken.for_user(user)


def check(raw: str) -> None:
    """Raise TokenRefused unless a token, access or refresh, is good."""
    try:
        token = UntypedToken(raw)  # type: ignore[arg-type] # its annotation is wrong
    except TokenError as error:
        raise TokenRefused(_("This token is not valid or has expired; sign in again.")) from error
    if BlacklistedToken.objects.filter(token__jti=token[api_settings.JTI_CLAIM]).exists():
        raise TokenRefused(_("This token has been used or signed out; sign in again."))
    holder(token)


def end(raw: str) -> None:
    """Sign a refresh token out: it is dead from now on. Raises TokenRefused when it was dead already."""
    if not _use_up(_read_refresh(raw)):
        raise TokenRefused(_("This token has been used or signed out; sign in again."))


def end_all(*, user: User, at: datetime) -> None:
    """Sign all refresh tokens of a person out. An access token lives on for its few minutes."""
    living = OutstandingToken.objects.filter(user=user, expires_at__gt=at, blacklistedtoken__isnull=True)
    BlacklistedToken.objects.bulk_create(
        [BlacklistedToken(token=token) for token in living], ignore_conflicts=True
    )


def _use_up(token: RefreshToken) -> bool:
    """Put a token on the black list, and say whether this call did it: the row is there once."""
    _row, is_first = cast("tuple[BlacklistedToken, bool]", token.blacklist())
    return is_first


def _read_refresh(raw: str) -> RefreshToken:
    try:
        return RefreshToken(raw)  # type: ignore[arg-type] # its annotation is wrong
    except TokenError as error:
        raise TokenRefused(
            _("This refresh token is not valid, has expired or was used; sign in again.")
        ) from error
