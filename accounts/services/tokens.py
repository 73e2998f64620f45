"""Tokens of the API: who may have them, what each is good for, and what ends them.

A token is good while its holder's account is open, the password is the one it was given for, its generation
is the holder's (all tokens are ended together by beginning the next one) and its family is not ended. A
family is one sign-in with everything renewed from it. A refresh token, moreover, buys one new pair and is
dead from then on; if it is used again later, somebody has a copy of it, and the whole family ends.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

from django.db import transaction
from django.db.models import Exists, F
from django.utils.translation import gettext as _
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken, Token, UntypedToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts.models import EndedTokenFamily, User
from accounts.services import second_factor

#: Claims of our own: the sign-in a token comes from, its moment, and the generation of the holder's tokens.
FAMILY = "family"
AUTH_TIME = "auth_time"
GENERATION = "generation"
#: A client that sends its refresh token twice, because two of its parts renew at once or the first answer got
#: lost, does so within this time; the second is refused, and what the first got lives on.
GRACE = timedelta(seconds=30)


class TokenRefused(Exception):
    """A token that buys nothing: str() says why, and what to do."""


def issue(*, user: User, at: datetime) -> RefreshToken:
    """A pair of tokens for one who has just proved who they are; this is a sign-in."""
    user.last_login = at
    user.save(update_fields=["last_login"])
    return _make(user, auth_time=int(at.timestamp()))


def holder(token: Token) -> User:
    """The person a token speaks for. Raises TokenRefused when it speaks for nobody (any more)."""
    ended = EndedTokenFamily.objects.filter(family=token.get(FAMILY, ""))
    people = User.objects.with_access().annotate(is_signed_out=Exists(ended))
    user = people.filter(pk=token.get(api_settings.USER_ID_CLAIM), is_active=True).first()
    if user is None:
        raise TokenRefused(_("The account of this token is blocked or deleted."))
    if token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
        raise TokenRefused(_("The password has been changed since this token was given; sign in again."))
    if user.is_signed_out or token.get(GENERATION, 0) != user.token_generation:
        raise TokenRefused(_("This token was signed out; sign in again."))
    return user


def is_fresh(token: Token | None, *, at: datetime, within: timedelta) -> bool:
    """Whether the holder of a token proved who they are a short while ago; renewing it is no proof."""
    signed_in_at = token.get(AUTH_TIME) if token is not None else None
    return signed_in_at is not None and at - datetime.fromtimestamp(signed_in_at, UTC) < within


def renew(raw: str, *, at: datetime) -> RefreshToken:
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
        if _use_up(old):
            # Of the row compared above: should password or generation change meanwhile, the new pair is dead.
            return _make(user, family=_family(old), auth_time=old.get(AUTH_TIME))
    if _was_used_long_before(old, at=at):
        _end_family(old, at=at)
    raise TokenRefused(_("This refresh token has been used already; sign in again."))


def check(raw: str) -> None:
    """Raise TokenRefused unless a token, access or refresh, is good."""
    try:
        token = UntypedToken(raw)  # type: ignore[arg-type] # its annotation is wrong
    except TokenError as error:
        raise TokenRefused(_("This token is not valid or has expired; sign in again.")) from error
    if BlacklistedToken.objects.filter(token__jti=token[api_settings.JTI_CLAIM]).exists():
        raise TokenRefused(_("This token has been used or signed out; sign in again."))
    holder(token)


def end(raw: str, *, at: datetime) -> None:
    """Sign out: the refresh token is dead from now on, and the access tokens of its family.

    Raises TokenRefused when it was dead already.
    """
    token = _read_refresh(raw)
    if not _use_up(token):
        raise TokenRefused(_("This token has been used or signed out; sign in again."))
    _end_family(token, at=at)


def end_all(*, user: User) -> None:
    """End all tokens of a person at once, access tokens too, and what is being renewed at this moment."""
    User.objects.filter(pk=user.pk).update(token_generation=F("token_generation") + 1)


def forget_ended(*, at: datetime) -> int:
    """Delete what was noted of families whose last token has expired; the number of families."""
    expired = EndedTokenFamily.objects.filter(ended_at__lt=at - api_settings.REFRESH_TOKEN_LIFETIME)
    return expired.delete()[0]


class _UsedOrNot(RefreshToken):
    """A refresh token that may stand on the black list: whether it does is asked later, with its date."""

    def check_blacklist(self) -> None:
        pass


def _make(user: User, *, auth_time: int | None, family: str = "") -> RefreshToken:
    """A refresh token, noted as given. Its text is not kept: a copy of the database opens no account."""
    token = RefreshToken()
    token[api_settings.USER_ID_CLAIM] = str(user.pk)
    token[api_settings.REVOKE_TOKEN_CLAIM] = get_md5_hash_password(user.password)
    token[GENERATION] = user.token_generation
    token[FAMILY] = family or token[api_settings.JTI_CLAIM]
    if auth_time is not None:
        token[AUTH_TIME] = auth_time
    OutstandingToken.objects.create(
        user=user,
        jti=token[api_settings.JTI_CLAIM],
        token="",
        created_at=token.current_time,
        expires_at=datetime.fromtimestamp(token["exp"], UTC),
    )
    return token


def _use_up(token: RefreshToken) -> bool:
    """Put a token on the black list, and say whether this call did it: the row is there once."""
    _row, is_first = cast("tuple[BlacklistedToken, bool]", token.blacklist())
    return is_first


def _was_used_long_before(token: RefreshToken, *, at: datetime) -> bool:
    used = BlacklistedToken.objects.filter(token__jti=token[api_settings.JTI_CLAIM])
    return used.filter(blacklisted_at__lt=at - GRACE).exists()


def _family(token: RefreshToken) -> str:
    return token.get(FAMILY) or token[api_settings.JTI_CLAIM]


def _end_family(token: RefreshToken, *, at: datetime) -> None:
    ended = EndedTokenFamily(family=_family(token), ended_at=at)
    EndedTokenFamily.objects.bulk_create([ended], ignore_conflicts=True)


def _read_refresh(raw: str) -> RefreshToken:
    try:
        return _UsedOrNot(raw)  # type: ignore[arg-type] # its annotation is wrong
    except TokenError as error:
        raise TokenRefused(_("This refresh token is not valid or has expired; sign in again.")) from error
