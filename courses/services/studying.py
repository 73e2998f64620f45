"""Studying: what is done, undone, and next. A lesson is complete when its reader says so.

A course is complete when all its published lessons are. docs/decisions/0015-studying.md has the rules.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Case, Subquery, When
from django.utils.translation import gettext as _

from courses import permissions
from courses.models import CoursePage, Enrolment, LessonCompletion, LessonPage, StudyPosition
from courses.services import outlining

if TYPE_CHECKING:
    from accounts.models import User

# Reading on in the same lesson is not worth a row written more often than this.
NOTED_AGAIN_AFTER = timedelta(minutes=10)


class LessonLocked(Exception):
    """The member may not open the lesson; the message says what opens it."""

    def __init__(self, lesson: LessonPage, reason: str) -> None:
        super().__init__(
            _("“%(lesson)s” is locked for you. %(reason)s") % {"lesson": lesson, "reason": reason}
        )


def complete(*, member: "User", lesson: LessonPage, at: datetime) -> bool:
    """Mark lesson as done; say whether it was not before. Raises LessonLocked.

    The place whose last lesson this is, gets its `completed_at`.
    """
    _require_open(member, lesson)
    places = Enrolment.objects.by(member).active().filter(course=lesson.course)
    with transaction.atomic():
        # Locked first: of two last lessons marked at once, the second mark must see the first.
        unfinished = list(places.filter(completed_at__isnull=True).order_by("pk").select_for_update())
        _completion, is_new = LessonCompletion.objects.get_or_create(
            member=member, lesson=lesson, defaults={"completed_at": at}
        )
        for place in unfinished:
            _finish(place, at=at)
    return is_new


def undo(*, member: "User", lesson: LessonPage) -> bool:
    """Take the mark back; say whether there was one. Raises LessonLocked.

    In a course that is studied in order, what comes after and is not done is locked again.
    """
    _require_open(member, lesson)
    deleted, _by_model = LessonCompletion.objects.filter(member=member, lesson=lesson).delete()
    return bool(deleted)


def leave_off(*, member: "User", lesson: LessonPage, at: datetime) -> None:
    """Remember that member, who has a place in it, opened lesson: there they go on the next time."""
    position = {"lesson": lesson, "opened_at": at}
    rows = StudyPosition.objects.filter(member=member, course=lesson.course)
    if rows.exclude(opened_at__gt=at).update(**position) or rows.exists():
        return
    # Two pages opened at once for the first time: one of them is where the member left off.
    StudyPosition.objects.bulk_create(
        [StudyPosition(member=member, course=lesson.course, **position)], ignore_conflicts=True
    )


def is_worth_noting(*, left_off_at: datetime | None, at: datetime) -> bool:
    """Whether opening a lesson, which was opened last at left_off_at, is news enough to write it down."""
    return left_off_at is None or at - left_off_at > NOTED_AGAIN_AFTER


def next_lesson(*, member: "User", course: CoursePage) -> LessonPage | None:
    """Where member goes on: the lesson opened last or the first after it that is open and not done.

    After the last one the search begins anew. None when nothing is left. `Outline.next_up` says the same.
    """
    lessons = LessonPage.objects.of(course).shown().open_to(member).with_completion_of(member)
    position = StudyPosition.objects.order_by().filter(member=member, course=course)
    comes_later = Case(When(path__lt=Subquery(position.values("lesson__path")[:1]), then=1), default=0)
    return lessons.filter(is_completed=False).order_by(comes_later, "path").defer_streamfields().first()


def progress(*, member: "User", enrolments: Sequence[Enrolment]) -> dict[int, int]:
    """Percent done of member's active enrolments, by their ids: two queries for any number."""
    active = [each for each in enrolments if each.status == Enrolment.Status.ACTIVE]
    courses = CoursePage.objects.filter(pk__in={each.course_id for each in active}).order_by()
    counted = courses.with_outline_counts().with_progress_of(member)
    whole = {
        pk: outlining.progress_percent(completed_count=completed, lessons_count=lessons)
        for pk, completed, lessons in counted.values_list("pk", "completed_count", "lessons_count")
    }
    lessons = {each.lesson_id for each in active if each.lesson_id is not None}
    done = set(
        LessonCompletion.objects.filter(member=member, lesson__in=lessons).values_list("lesson", flat=True)
    )
    return {
        each.pk: whole[each.course_id] if each.lesson_id is None else 100 * (each.lesson_id in done)
        for each in active
    }


def _require_open(member: "User", lesson: LessonPage) -> None:
    access = permissions.lesson_access(member, lesson)
    if not access.is_open:
        undone_before = permissions.undone_before(member, lesson)
        raise LessonLocked(lesson, outlining.lock_reason(access, undone_before=undone_before))


def _finish(place: Enrolment, *, at: datetime) -> bool:
    """Write down when all of a place's published lessons were complete for the first time."""
    lessons = LessonPage.objects.order_by().shown()
    if place.lesson_id is None:
        lessons = lessons.of(place.course).order_by()
    else:
        lessons = lessons.filter(pk=place.lesson_id)
    undone = lessons.with_completion_of(place.member).filter(is_completed=False)
    if undone.exists():
        return False
    return bool(Enrolment.objects.filter(pk=place.pk, completed_at__isnull=True).update(completed_at=at))
