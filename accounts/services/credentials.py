"""What follows when somebody else changes how a person signs in: an administrator, in either admin.

The pages of one's own account are allauth's, which does as much by itself.
"""

from __future__ import annotations

from functools import partial

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import F

from accounts.models import User
from accounts.services import tokens

NEW_ADDRESS = "account/email/address_given"
NEW_PASSWORD = "account/email/password_given"  # noqa: S105 the name of a letter


def belongs_to_another(email: str, *, than: User) -> bool:
    """Whether somebody else signs in with an address, or has confirmed it as one of several."""
    email = email.lower()
    others = User.objects.filter(email=email).exclude(pk=than.pk)
    confirmed = EmailAddress.objects.filter(email=email, verified=True).exclude(user_id=than.pk)
    return others.exists() or confirmed.exists()


def drop_claims(*, email: str) -> None:
    """Forget that people named an address as one more of theirs and never confirmed it: its owner comes.

    Else whoever names a stranger's address keeps them from signing up, and a new password asked for at that
    address would lead its owner into the account of the one who named it.
    """
    claims = EmailAddress.objects.filter(email=email.strip().lower(), verified=False)
    claims.exclude(user__email=F("email")).delete()


@transaction.atomic
def address_given(*, user: User, former: str) -> None:
    """Make `user.email` the only address of the account, in place of the former one and all others.

    Any address of an account can reset its password, so none may stay that the administrator did not see. The
    new one is confirmed only if its owner did so before; else the next sign-in asks for it. The former ones
    are told. To be called in a request.
    """
    gone = EmailAddress.objects.filter(user=user).exclude(email=user.email)
    told = dict.fromkeys([former, *gone.filter(verified=True).order_by("pk").values_list("email", flat=True)])
    gone.delete()
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"primary": True}, create_defaults={"primary": True}
    )
    for email in told:
        _tell(user, NEW_ADDRESS, email)


@transaction.atomic
def password_given(*, user: User) -> None:
    """Sign the person out everywhere and tell them of the new password. To be called in a request."""
    sign_out(user=user)
    _tell(user, NEW_PASSWORD, user.email)


def sign_out(*, user: User, keep: str | None = None) -> None:
    """End all tokens of a person, and all sessions except the one whose key is kept."""
    tokens.end_all(user=user)
    for session in UserSession.objects.filter(user=user).exclude(session_key=keep or ""):
        session.end()


def _tell(user: User, letter: str, email: str) -> None:
    # Not now: what is rolled back is told to nobody.
    transaction.on_commit(partial(get_adapter().send_notification_mail, letter, user, email=email))
