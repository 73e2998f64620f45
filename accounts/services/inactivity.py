"""Warn and block accounts that nobody uses, and open them again for their owners.

Only a person who was warned at least a week before is blocked: an account that is overdue when this runs for
the first time is warned first, and blocked a week later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from django.core import signing
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import policies
from accounts.models import User, UserQuerySet
from accounts.notifications import INACTIVITY_WARNING, REACTIVATION_LINK
from accounts.services import credentials
from accounts.services.notifying import Note, notify, notify_many

BATCH = 500
LINK_LIVES = timedelta(hours=24)
#: Whoever asks again and again within this time gets one letter.
ONE_LETTER_IN = timedelta(minutes=15)
SALT = "accounts.reactivation"


class LinkRefused(Exception):
    """A link that was to open an account does not: its text is for people."""


@dataclass(frozen=True)
class Outcome:
    """How many accounts a run warned and blocked."""

    warned: int
    blocked: int


def warn_and_block(*, at: datetime, zone: tzinfo) -> Outcome:
    """Block who is due at a moment, and warn who will be in a week. Again on the same day does nothing more.

    Works in batches with a transaction each: memory does not grow with the number of people, and a crash
    loses nothing, for the next run finds who is left.
    """
    return Outcome(blocked=_block(at=at, zone=zone), warned=_warn(at=at, zone=zone))


def request_reactivation(*, email: str, link_for: Callable[[str], str], at: datetime) -> None:
    """Send the owner of an account that inactivity blocked a link that opens it.

    Does nothing for any other address, and never says which it was. link_for makes the absolute address of
    the page for a token.
    """
    user = User.objects.filter(email=email.strip().lower(), is_active=False).first()
    if user is None or user.blocked_for_inactivity_at is None:
        return
    valid_until = at + LINK_LIVES
    span = int(at.timestamp() // ONE_LETTER_IN.total_seconds())
    notify(
        recipient=user,
        kind=REACTIVATION_LINK,
        subject_of=f"user:{user.pk}",
        context={
            "link": link_for(_token(user, valid_until=valid_until)),
            "valid_until": valid_until.isoformat(),
            "hours": int(LINK_LIVES / timedelta(hours=1)),
        },
        dedupe=f"{user.blocked_for_inactivity_at.isoformat()}/{span}",
        at=at,
    )


@transaction.atomic
def reactivate(*, token: str, at: datetime) -> User:
    """Open the account that a mailed link belongs to. Each link works once, and only while the account is
    blocked for the inactivity it was made for. What was signed in before does not come back. Raises
    LinkRefused."""
    try:
        said = signing.Signer(salt=SALT).unsign_object(token)
        pk, blocked_at = int(said["user"]), datetime.fromisoformat(said["blocked_at"])
        valid_until = datetime.fromisoformat(said["valid_until"])
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise LinkRefused(
            _("This link is not complete. Open it from the letter again, or ask for a new one.")
        ) from error
    if at >= valid_until:
        raise LinkRefused(_("This link was valid for 24 hours. Ask for a new one."))
    rows = User.objects.filter(pk=pk, is_active=False, blocked_for_inactivity_at=blocked_at)
    if not rows.update(is_active=True, blocked_for_inactivity_at=None, reactivated_at=at):
        raise LinkRefused(
            _("This link has been used, or is not the newest one. Sign in, or ask for a new link.")
        )
    user = User.objects.get(pk=pk)
    credentials.sign_out(user=user)
    return user


@transaction.atomic
def open_again(*, user: User, at: datetime) -> bool:
    """Open a blocked account, whoever blocked it: for administrators. False when it is open already.

    The month of inactivity begins anew. What was signed in before does not come back: it may be the reason
    why the account was blocked.
    """
    rows = User.objects.filter(pk=user.pk, is_active=False)
    if not rows.update(is_active=True, blocked_for_inactivity_at=None, reactivated_at=at):
        return False
    credentials.sign_out(user=user)
    return True


def block(*, user: User) -> bool:
    """Block an account by a person's decision, which its owner cannot undo. False when it was so before."""
    rows = User.objects.filter(pk=user.pk)
    blocked = rows.filter(is_active=True) | rows.filter(blocked_for_inactivity_at__isnull=False)
    return blocked.update(is_active=False, blocked_for_inactivity_at=None) == 1


def _watched() -> UserQuerySet:
    return User.objects.filter(is_active=True, is_superuser=False)


def _block(*, at: datetime, zone: tzinfo) -> int:
    on = at.astimezone(zone).date()
    # One conditional statement on the rows' own columns: who signs in meanwhile is not blocked.
    return (
        _watched()
        .last_seen_before(policies.month_is_over_for(on=on, zone=zone))
        .warned_since_seen()
        .filter(inactivity_warned_at__lt=policies.week_is_over_for(on=on, zone=zone))
        .update(is_active=False, blocked_for_inactivity_at=at)
    )


def _warn(*, at: datetime, zone: tzinfo) -> int:
    on = at.astimezone(zone).date()
    seen_before = policies.month_is_over_for(on=on + policies.WARNING_BEFORE, zone=zone)
    unwarned = _watched().last_seen_before(seen_before).not_warned_since_seen().order_by("pk")
    warned, after = 0, 0
    while keys := list(unwarned.filter(pk__gt=after).values_list("pk", flat=True)[:BATCH]):
        warned += _warn_batch(unwarned.filter(pk__in=keys), at=at, zone=zone)
        after = keys[-1]
    return warned


@transaction.atomic
def _warn_batch(users: UserQuerySet, *, at: datetime, zone: tzinfo) -> int:
    # Locked and looked at again: two runs at once, or a sign-in meanwhile.
    people = list(users.select_for_update())
    notify_many(notes=[_warning(user, at=at, zone=zone) for user in people], at=at)
    return User.objects.filter(pk__in=[user.pk for user in people]).update(inactivity_warned_at=at)


def _warning(user: User, *, at: datetime, zone: tzinfo) -> Note:
    last_seen = user.last_seen_at
    blocked_on = policies.blocking_day(last_seen=last_seen, warned_at=at, zone=zone)
    return Note(
        recipient=user,
        kind=INACTIVITY_WARNING,
        subject_of=f"user:{user.pk}",
        context={"blocked_on": blocked_on.isoformat()},
        dedupe=f"since {last_seen.isoformat()}",
    )


def _token(user: User, *, valid_until: datetime) -> str:
    blocked_at = user.blocked_for_inactivity_at
    assert blocked_at is not None
    return signing.Signer(salt=SALT).sign_object(
        {"user": user.pk, "blocked_at": blocked_at.isoformat(), "valid_until": valid_until.isoformat()}
    )
