"""Addresses to which no mail goes any more, because the mail provider says so: to go on would spoil our name.

Letters that somebody asks for that very moment (confirming an address, resetting a password) are allauth's
and go out all the same: the person sits before the screen and waits.
"""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db.models import QuerySet

from accounts.models import StoppedAddress, User
from accounts.notifications import Kind

Reason = StoppedAddress.Reason
#: Events of Anymail's, by their type.
EVENTS = {"bounced": Reason.BOUNCED, "complained": Reason.COMPLAINED, "unsubscribed": Reason.UNSUBSCRIBED}
#: What the provider did not even try, by its reason.
REJECTIONS = {
    "bounced": Reason.BOUNCED,
    "invalid": Reason.BOUNCED,
    "spam": Reason.COMPLAINED,
    "unsubscribed": Reason.UNSUBSCRIBED,
}


def note_event(
    *, kind: str, rejected_for: str | None, recipient: str | None, details: str | None, at: datetime
) -> bool:
    """Take note of what the provider reports about a letter; whether it stops further mail to the address.

    kind, rejected_for: as Anymail names them. What was only delayed, opened or delivered stops nothing.
    """
    reason = REJECTIONS.get(rejected_for or "") if kind == "rejected" else EVENTS.get(kind)
    if reason is None or not recipient:
        return False
    stop(email=recipient, reason=reason, details=details or "", at=at)
    return True


def stop(*, email: str, reason: StoppedAddress.Reason, details: str, at: datetime) -> StoppedAddress:
    """Send no more mail to an address; the newest reason counts, but for one that stops less than before."""
    said = {"reason": reason, "details": details[:500], "stopped_at": at}
    row, is_new = StoppedAddress.objects.get_or_create(email=email.lower(), defaults=said)
    if not is_new:
        rows = StoppedAddress.objects.filter(pk=row.pk)
        if reason == Reason.UNSUBSCRIBED:
            # Receipts would go again to where mail comes back, or is called spam.
            rows = rows.filter(reason=Reason.UNSUBSCRIBED)
        rows.update(**said)
        row.refresh_from_db()
    return row


def lift(*, email: str) -> bool:
    """Send mail to an address again; whether it was stopped."""
    deleted, _by_model = StoppedAddress.objects.filter(email=email.lower()).delete()
    return bool(deleted)


def stopped_of(*, user: User) -> QuerySet[StoppedAddress]:
    """Those of a person's addresses to which no mail goes. Of what they only say is theirs, nothing."""
    verified = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return StoppedAddress.objects.filter(email__in={email.lower() for email in (user.email, *verified)})


def why(*, email: str, kind: Kind) -> str:
    """Why no mail of a kind goes to an address; empty when it does.

    Who unsubscribed at the provider still gets what is essential; an address that bounces gets nothing.
    """
    row = StoppedAddress.objects.filter(email=email.lower()).first()
    if row is None or (row.reason == Reason.UNSUBSCRIBED and kind.is_essential):
        return ""
    return str(row.get_reason_display())
