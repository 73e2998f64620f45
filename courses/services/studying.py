"""Studying: what is done, undone, and next. A lesson is complete when its reader says so."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from courses import permissions
from courses.models import CoursePage, LessonCompletion, LessonPage

if TYPE_CHECKING:
    from accounts.models import User


class LessonLocked(Exception):
    """The member may not open the lesson."""

    def __init__(self, lesson: LessonPage) -> None:
        super().__init__(_("“%s” is locked for you; enrol in its course first.") % lesson)


def complete(*, member: "User", lesson: LessonPage, at: datetime) -> bool:
    """Mark lesson as done; say whether it was not before. Raises LessonLocked."""
    if not permissions.may_open(member, lesson):
        raise LessonLocked(lesson)
    _completion, is_new = LessonCompletion.objects.get_or_create(
        member=member, lesson=lesson, defaults={"completed_at": at}
    )
    return is_new


def undo(*, member: "User", lesson: LessonPage) -> bool:
    """Take the mark back; say whether there was one. Raises LessonLocked."""
    if not permissions.may_open(member, lesson):
        raise LessonLocked(lesson)
    deleted, _by_model = LessonCompletion.objects.filter(member=member, lesson=lesson).delete()
    return bool(deleted)


def next_lesson(*, member: "User", course: CoursePage) -> LessonPage | None:
    """The first lesson that member may open and has not done; None when there is none left."""
    lessons = LessonPage.objects.of(course).shown().open_to(member).with_completion_of(member)
    return lessons.filter(is_completed=False).defer_streamfields().first()
