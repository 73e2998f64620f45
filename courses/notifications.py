"""What courses write to people."""

from datetime import datetime
from typing import Any

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


def register_own() -> None:
    """Make the letters of courses known; called when the app starts."""
    register(Kind(REVIEW_ASKED, still_wanted=_still_waits))
    register(Kind(REVIEW_APPROVED, words=_with_moment))
    register(Kind(REVIEW_REJECTED, words=_with_moment))
