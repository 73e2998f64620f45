"""Letters about moderation: to those who may decide, and back to who asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from wagtail.models import Page, TaskState, WorkflowState

from accounts.services import notifying
from courses.notifications import REVIEW_APPROVED, REVIEW_ASKED, REVIEW_REJECTED


@transaction.atomic
def ask(*, task_state: TaskState, by: Any, at: datetime) -> int:
    """Tell those who may decide that something waits for them; give the number of letters.

    Nobody is told of what they sent themselves. Superusers are told when there is nobody else.
    """
    page = task_state.workflow_state.content_object
    if not isinstance(page, Page):
        return 0
    author = task_state.workflow_state.requested_by
    told = 0
    for person in _deciding(task_state, but={each.pk for each in (by, author) if each is not None}):
        message = notifying.notify(
            recipient=person,
            kind=REVIEW_ASKED,
            subject_of=f"task:{task_state.pk}",
            context={**_said_of(page), "task_state": task_state.pk, "who": _name(author)},
            dedupe="asked",
            at=at,
        )
        told += message is not None
    return told


@transaction.atomic
def answer(*, workflow_state: WorkflowState, by: Any, at: datetime) -> bool:
    """Tell who asked what was decided, with the comment; whether a letter was written.

    What was published without an approval is as good as approved. None of a moderation that was called off
    otherwise, and none to who decided about what they sent themselves.
    """
    page, author = workflow_state.content_object, workflow_state.requested_by
    if not isinstance(page, Page) or author is None or author == by:
        return False
    is_cancelled = workflow_state.status == WorkflowState.STATUS_CANCELLED
    if is_cancelled and not _is_published(workflow_state):
        return False
    is_approved = is_cancelled or workflow_state.status == WorkflowState.STATUS_APPROVED
    if not _wants(get_user_model().objects.filter(pk=author.pk), "approved" if is_approved else "rejected"):
        return False
    decision = workflow_state.current_task_state
    page.refresh_from_db()
    goes_live = page.scheduled_revision and page.scheduled_revision.approved_go_live_at
    message = notifying.notify(
        recipient=author,
        kind=REVIEW_APPROVED if is_approved else REVIEW_REJECTED,
        subject_of=f"task:{decision.pk}",
        context={
            **_said_of(page),
            "who": _name(by),
            # A moderation that ended without an approval ended without a comment; an earlier one was told.
            "comment": "" if is_cancelled else decision.comment,
            "goes_live": goes_live.isoformat() if goes_live else "",
            "page_url": page.full_url or "",
        },
        dedupe="answered",
        at=at,
    )
    return message is not None


def _is_published(workflow_state: WorkflowState) -> bool:
    """Whether what was asked about, or something newer, is on the site, or waits for its moment."""
    page = Page.objects.get(pk=workflow_state.object_id)
    asked = workflow_state.current_task_state.revision
    released = [page.live_revision if page.live else None, page.scheduled_revision]
    return any(each is not None and each.created_at >= asked.created_at for each in released)


def _deciding(task_state: TaskState, *, but: set[Any]) -> list[Any]:
    active = get_user_model().objects.filter(is_active=True)
    members = active.filter(groups__in=task_state.task.specific.groups.all()).distinct()
    if not members.exists():
        members = active.filter(is_superuser=True)
    return _wants(members.exclude(pk__in=but).order_by("pk"), "submitted")


def _wants(people: QuerySet[Any], news: str) -> list[Any]:
    """Without those who unticked this in the CMS, under “Account → Notifications”."""
    return list(people.exclude(**{f"wagtail_userprofile__{news}_notifications": False}))


def _name(person: Any) -> str:
    return person.get_full_name() or str(person) if person is not None else ""


def _said_of(page: Page) -> dict[str, Any]:
    return {"page": page.pk, "title": page.draft_title or page.title}
