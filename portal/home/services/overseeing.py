"""Whether what is scheduled runs when it should: for the CMS, and for `/health/ready`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from croniter import croniter
from django.db.models import OuterRef, Subquery, TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.home.models import ScheduledRun, ScheduledWork

#: So long a run may keep one waiting: for the next look at the schedules, and for tasks before it.
GRACE = timedelta(minutes=2)
#: What schedules are called for people. The names in the settings are for programs.
TITLES: Mapping[str, Promise] = {
    "beat": _("Sign of life"),
    "block-inactive-accounts": _("Block accounts that nobody uses"),
    "check-integrity": _("Look whether the books are right"),
    "clean-up": _("Clean up"),
    "close-unfetched-loans": _("End loans that nobody has fetched"),
    "deliver-undelivered": _("Hand over what was paid for"),
    "expire-holds": _("Give on what waited on the hold shelf for too long"),
    "flush-expired-tokens": _("Forget tokens that have expired"),
    "publish-scheduled-pages": _("Scheduled publishing"),
    "read-telegram": _("Read what people write to the bot"),
    "reconcile": _("Compare with the payment service"),
    "refund": _("Give money back"),
    "remind-of-abandoned": _("Remind of courses that were left off"),
    "remind-of-loans": _("Remind of loans"),
    "remind-of-unpaid": _("Remind of unpaid orders"),
    "send-due-messages": _("Send letters"),
    "send-receipts": _("Send receipts to visitors"),
    "settle-open-sessions": _("Settle payments, and end those that have expired"),
    "spread-messages": _("Write to all who follow a course"),
    "sweep-imports": _("Go on with imports of books"),
    "tell-staff-of-overdue-loans": _("Tell staff of overdue loans"),
    "tidy-messages": _("Forget old letters"),
    "write-digests": _("Write digests"),
}


class Condition(TextChoices):
    """How a schedule is. LATE goes before what became of the run before; so does RUNNING."""

    FINE = "fine", _("As planned")
    WAITING = "waiting", _("Not due yet")
    RUNNING = "running", _("Running")
    LATE = "late", _("Late")
    FAILED = "failed", _("Failed")
    CUT_OFF = "cut-off", _("Cut off")


TROUBLES = frozenset({Condition.LATE, Condition.FAILED, Condition.CUT_OFF})


@dataclass(frozen=True, kw_only=True)
class Overseen:
    """One schedule: due_at is the latest moment at which it should have begun, None before its first."""

    name: str
    title: str
    cron: str
    due_at: datetime | None
    last: ScheduledRun | None
    condition: Condition

    @property
    def is_in_trouble(self) -> bool:
        return self.condition in TROUBLES


def oversee(*, at: datetime, zone: tzinfo, longest: timedelta) -> list[Overseen]:
    """Every schedule that is installed, those in trouble first.

    zone: in which the cron expressions are read. longest: how long a run may take; what is noted as running
    for longer was cut off.
    """
    newest = ScheduledRun.objects.filter(name=OuterRef("name")).order_by("-started_at", "-pk")
    installed = list(ScheduledWork.objects.annotate(last=Subquery(newest.values("pk")[:1])))
    runs = ScheduledRun.objects.in_bulk([work.last for work in installed if work.last])
    seen = [_overseen(work, runs.get(work.last), at=at, zone=zone, longest=longest) for work in installed]
    return sorted(seen, key=lambda each: (not each.is_in_trouble, each.title.casefold()))


def title_of(name: str) -> str:
    """What a schedule is called for people; one without a title, as those of former times, keeps its name."""
    return str(TITLES.get(name, name))


def troubled(schedules: Iterable[Overseen]) -> list[Overseen]:
    return [each for each in schedules if each.is_in_trouble]


def _overseen(
    work: ScheduledWork, last: ScheduledRun | None, *, at: datetime, zone: tzinfo, longest: timedelta
) -> Overseen:
    due_at = croniter(work.cron, (at - GRACE).astimezone(zone)).get_prev(datetime)
    owed = due_at if due_at >= work.since else None
    return Overseen(
        name=work.name,
        title=title_of(work.name),
        cron=work.cron,
        due_at=owed,
        last=last,
        condition=_condition(last, owed=owed, at=at, longest=longest),
    )


def _condition(
    last: ScheduledRun | None, *, owed: datetime | None, at: datetime, longest: timedelta
) -> Condition:
    if owed is not None and (last is None or last.started_at < owed):
        return Condition.LATE
    if last is None:
        return Condition.WAITING
    match last.outcome:
        case ScheduledRun.Outcome.RUNNING if last.started_at >= at - longest:
            return Condition.RUNNING
        case ScheduledRun.Outcome.RUNNING | ScheduledRun.Outcome.CUT_OFF:
            return Condition.CUT_OFF
        case ScheduledRun.Outcome.FAILED:
            return Condition.FAILED
    return Condition.FINE
