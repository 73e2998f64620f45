"""What courses write to people."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.models import TaskState

from accounts.models import Message
from accounts.notifications import Kind, register
from courses.models import CourseChange, CoursePage, CourseSubscription, Enrolment, StudyPosition

REVIEW_ASKED = "courses.review_asked"
REVIEW_APPROVED = "courses.review_approved"
REVIEW_REJECTED = "courses.review_rejected"
COURSE_UPDATED = "courses.course_updated"
COURSE_ABANDONED = "courses.course_abandoned"


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


def path_of(page: Any) -> str:
    """The path of a page on the site; empty for one that has none."""
    return urlsplit(page.get_url() or "").path


def _change(message: Message) -> CourseChange:
    return CourseChange.objects.select_related("course", "page").get(pk=message.context["change"])


def _is_news_still(message: Message, *, at: datetime) -> bool:
    """The reader follows the course still, and what changed in it can still be found there."""
    change = CourseChange.objects.filter(
        pk=message.context["change"], course__live=True, page__live=True, is_minor=False
    ).first()
    wishes = CourseSubscription.objects.filter(member=message.recipient)
    return change is not None and wishes.filter(course=change.course_id).exists()


def _may_go_at_once(message: Message) -> bool:
    return not message.context["is_soon"]


def _news(message: Message) -> dict[str, Any]:
    change = _change(message)
    return {
        "course": change.course,
        "change": change,
        "is_about_course": change.page_id == change.course_id,
        "path": path_of(change.course),
    }


def _to_changed_course(message: Message) -> str:
    return path_of(_change(message).course)


def _is_left_still(message: Message, *, at: datetime) -> bool:
    """The reader has not been there since, has not finished, and still has the place."""
    course, left_at = message.context["course"], datetime.fromisoformat(message.context["left_at"])
    positions = StudyPosition.objects.filter(member=message.recipient, course=course, opened_at__lte=left_at)
    places = (
        Enrolment.objects.active()
        .whole_courses()
        .filter(member=message.recipient, course=course, course__live=True, completed_at__isnull=True)
    )
    return positions.exists() and places.exists()


def _left_course(message: Message) -> dict[str, Any]:
    course = CoursePage.objects.get(pk=message.context["course"])
    return {"course": course, "path": path_of(course)}


def _to_left_course(message: Message) -> str:
    return path_of(CoursePage.objects.get(pk=message.context["course"]))


def _sample_news() -> dict[str, Any]:
    course = SimpleNamespace(title=gettext("Gardening"))
    change = SimpleNamespace(title=gettext("Sowing"), kind="ADDED", note=gettext("Two more kinds of beans."))
    return {"course": course, "change": change, "is_about_course": False, "path": "/courses/gardening/"}


def _sample_left() -> dict[str, Any]:
    return {"course": SimpleNamespace(title=gettext("Gardening")), "path": "/courses/gardening/"}


def _sample_review() -> dict[str, Any]:
    return {
        "page": 1,
        "title": gettext("Sowing"),
        "who": "Ada Lovelace",
        "comment": gettext("Please say which beans."),
        "goes_live": None,
        "page_url": "https://portal.example/courses/gardening/sowing/",
    }


def _to_editor(message: Message) -> str:
    return reverse("wagtailadmin_pages:edit", args=[message.context["page"]])


def register_own() -> None:
    """Make the letters of courses known; called when the app starts."""
    register(
        Kind(
            REVIEW_ASKED,
            still_wanted=_still_waits,
            sample=_sample_review,
            link=_to_editor,
            is_essential=False,
            label=_("Something waits for your review"),
            about=_("For moderators: an author has sent a page."),
        )
    )
    decided = {
        "words": _with_moment,
        "sample": _sample_review,
        "link": _to_editor,
        "is_essential": False,
        "about": _("For authors: what became of a page that you sent for review."),
    }
    register(Kind(REVIEW_APPROVED, label=_("Your page was approved"), **decided))
    register(
        Kind(
            COURSE_UPDATED,
            still_wanted=_is_news_still,
            sample=_sample_news,
            words=_news,
            link=_to_changed_course,
            is_for_now=_may_go_at_once,
            is_essential=False,
            label=_("A course that you follow has changed"),
            about=_("At once after four quiet hours; what follows soon comes once a day."),
        )
    )
    register(
        Kind(
            COURSE_ABANDONED,
            still_wanted=_is_left_still,
            sample=_sample_left,
            words=_left_course,
            link=_to_left_course,
            is_essential=False,
            label=_("A course waits for you"),
            about=_("When you have not gone on with it for two weeks."),
        )
    )
    register(Kind(REVIEW_REJECTED, label=_("Changes to your page are asked for"), **decided))
