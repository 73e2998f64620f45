"""What courses write to people."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from wagtail.models import TaskState

from accounts.models import Message
from accounts.notifications import Kind, register

REVIEW_ASKED = "courses.review_asked"
REVIEW_APPROVED = "courses.review_approved"
REVIEW_REJECTED = "courses.review_rejected"


def _still_waits(message: Message, *, at: datetime) -> bool:
    """Nobody has decided yet, and the reader still may."""
    state = TaskState.objects.filter(
        pk=message.context["task_state"], status=TaskState.STATUS_IN_PROGRESS
    ).first()
    if state is None or not state.workflow_state.content_object:
        return False
    return bool(state.task.specific.get_actions(state.workflow_state.content_object, message.recipient))


def _with_moment(message: Message) -> dict[str, Any]:
    goes_live = message.context["goes_live"]
    return {**message.context, "goes_live": datetime.fromisoformat(goes_live) if goes_live else None}


def _to_editor(message: Message) -> str:
    return reverse("wagtailadmin_pages:edit", args=[message.context["page"]])


def register_own() -> None:
    """Make the letters of courses known; called when the app starts."""
    register(
        Kind(
            REVIEW_ASKED,
            still_wanted=_still_waits,
            link=_to_editor,
            is_essential=False,
            label=_("Something waits for your review"),
            about=_("For moderators: an author has sent a page."),
        )
    )
    decided = {
        "words": _with_moment,
        "link": _to_editor,
        "is_essential": False,
        "about": _("For authors: what became of a page that you sent for review."),
    }
    register(Kind(REVIEW_APPROVED, label=_("Your page was approved"), **decided))
    register(Kind(REVIEW_REJECTED, label=_("Changes to your page are asked for"), **decided))
