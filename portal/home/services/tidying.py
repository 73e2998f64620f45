"""Delete what was kept for a while, and is of no use to anybody any more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django_q.models import Task
from wagtail.models import PageLogEntry, Revision, RevisionMixin, WorkflowState

from courses.services.announcing import PUBLICATIONS
from portal.home.models import ScheduledRun

logger = logging.getLogger(__name__)

#: So many rows go in one transaction: others wait for no more.
BATCH = 500
#: A list of sessions is written beside the session itself; what is so new may be half of a pair.
PAIRED_WITHIN = timedelta(days=1)
MAY_COME_BACK = (WorkflowState.STATUS_IN_PROGRESS, WorkflowState.STATUS_NEEDS_CHANGES)


class TidyingFailed(Exception):
    """Some of it could not be deleted; the message says what, the log why. The rest was."""


def tidy(*, at: datetime, keep: Mapping[str, int]) -> str:
    """Delete what is older than may be kept; how much of what, in words.

    keep: days for "tasks" (what django-q notes), "runs" (of schedules) and "revisions" (of pages); expired
    sessions go at once. Each part goes by itself, so that one which fails keeps none of the others. Raises
    TidyingFailed at the end.
    """

    def before(kind: str) -> datetime:
        return at - timedelta(days=keep[kind])

    parts: Mapping[str, Callable[[], QuerySet[Any]]] = {
        "sessions": lambda: Session.objects.filter(expire_date__lt=at),
        "devices": lambda: _devices(at),
        "tasks": lambda: Task.objects.filter(stopped__lt=before("tasks")),
        "runs": lambda: _runs(before("runs")),
        "revisions": lambda: _revisions(before("revisions")),
    }
    deleted, failed = [], []
    for name, rows in parts.items():
        try:
            deleted.append(f"{_delete(rows())} {name}")
        except Exception:
            logger.exception("Old %s could not be deleted", name)
            failed.append(name)
    words = ", ".join(deleted)
    if failed:
        raise TidyingFailed(f"Could not delete old {', '.join(failed)}; deleted: {words or 'nothing'}")
    return words


def _delete(rows: QuerySet[Any]) -> int:
    """Delete rows batch by batch; how many there were."""
    deleted = 0
    while batch := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        rows.model._default_manager.filter(pk__in=batch).delete()
        deleted += len(batch)
    return deleted


def _devices(at: datetime) -> QuerySet[Any]:
    """Entries of people's lists of devices whose session is gone: they hold addresses and open nothing."""
    session = Session.objects.filter(session_key=OuterRef("session_key"))
    return UserSession.objects.filter(~Exists(session), last_seen_at__lt=at - PAIRED_WITHIN)


def _runs(before: datetime) -> QuerySet[Any]:
    """Runs of schedules, but for the last of each: a rare one would seem never to have run."""
    later = ScheduledRun.objects.filter(name=OuterRef("name"), started_at__gt=OuterRef("started_at"))
    return ScheduledRun.objects.filter(Exists(later), started_at__lt=before)


def _revisions(before: datetime) -> QuerySet[Any]:
    """Revisions that are neither the newest, nor on the site, nor waiting for somebody or for their moment.

    Wagtail's own purge_revisions keeps the newest alone: of a page with a draft it deletes what is on the
    site, and with it what the next publication is compared with, to tell whether anything changed.
    """
    kept = Q(approved_go_live_at__isnull=False) | Q(task_states__workflow_state__status__in=MAY_COME_BACK)
    for column in _columns():
        kept |= Q(pk__in=column)
    published = PageLogEntry.objects.filter(
        page=OuterRef("page"), action__in=PUBLICATIONS, revision__isnull=False
    ).order_by("-timestamp", "-pk")
    newest = PageLogEntry.objects.filter(pk=Subquery(published.values("pk")[:1]))
    kept |= Q(pk__in=newest.values("revision"))
    return Revision.objects.filter(created_at__lt=before).exclude(
        pk__in=Revision.objects.filter(kept).values("pk")
    )


def _columns() -> Iterator[QuerySet[Any]]:
    """Every column in which a model says which of its revisions is the newest, or on the site."""
    for model in apps.get_models():
        if issubclass(model, RevisionMixin):
            for name in ("latest_revision", "live_revision"):
                # A page's columns are the table's of all pages: its own models have none.
                if any(field.name == name for field in model._meta.local_fields):
                    yield model._default_manager.filter(**{f"{name}__isnull": False}).values(name)
