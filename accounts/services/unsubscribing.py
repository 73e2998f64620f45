"""One click in a letter, and no more of its kind comes by mail: without signing in (RFC 8058).

The link is signed and lives as long as the letter may be kept; it can do nothing but this.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from accounts.models import Channel, Frequency, NotificationChoice, User
from accounts.notifications import Kind, choosable
from accounts.services.digesting import DIGEST

SALT = "accounts.unsubscribe"


class NoSuchLink(Exception):
    """A link that was not made here, or of an account that is no more."""


@dataclass(frozen=True)
class Wish:
    """What a link asks for. kinds: of which no more mail comes."""

    user: User
    kinds: tuple[Kind, ...]
    is_digest: bool


def is_possible(kind: Kind) -> bool:
    """Whether letters of a kind carry the link: those that one may switch off."""
    return kind.name == DIGEST or (not kind.is_essential and bool(kind.label) and not kind.to_staff)


def link(*, user: User, kind: Kind) -> str:
    """The absolute address that unsubscribes a person from a kind of mail."""
    token = signing.Signer(salt=SALT).sign_object({"user": user.pk, "kind": kind.name}, compress=False)
    return f"{settings.PORTAL_BASE_URL}{reverse('accounts:unsubscribe', args=[token])}"


def read(*, token: str) -> Wish:
    """What a link asks for. Raises NoSuchLink."""
    try:
        said = signing.Signer(salt=SALT).unsign_object(token)
        pk, name = int(said["user"]), str(said["kind"])
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise NoSuchLink from error
    user = User.objects.filter(pk=pk).first()
    may_end = [kind for kind in choosable() if is_possible(kind)]
    kinds = tuple(kind for kind in may_end if name in (DIGEST, kind.name))
    if user is None or not kinds:
        raise NoSuchLink
    return Wish(user=user, kinds=kinds, is_digest=name == DIGEST)


@transaction.atomic
def unsubscribe(*, wish: Wish) -> None:
    """Send no more mail of these kinds; again changes nothing. Inbox and chats stay as they were chosen."""
    for kind in wish.kinds:
        NotificationChoice.objects.update_or_create(
            user=wish.user, kind=kind.name, channel=Channel.EMAIL, defaults={"frequency": Frequency.OFF}
        )
