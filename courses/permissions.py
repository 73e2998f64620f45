"""Who may open, edit and study: the facts of the database put before `courses.policies`."""

from dataclasses import dataclass
from typing import Any

from courses.models import CoursePage, Enrolment, LessonPage
from courses.models.tree import edited_paths
from courses.policies import LessonAccess, LessonFacts, decide


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What one person is to one course: enough to decide about every lesson of it without asking again.

    ``enrolment`` is the open enrolment in the whole course. ``lessons`` holds the status of open enrolments
    at single lessons, by the lesson's id.
    """

    user: Any
    course: CoursePage
    edited_paths: list[str]
    enrolment: Enrolment | None
    lessons: dict[int, str]

    @property
    def is_keeper(self) -> bool:
        """Whether the person owns the course or may edit it in the CMS."""
        return self._keeps(self.course)

    @property
    def is_active(self) -> bool:
        """Whether the person is enrolled in the whole course."""
        return self.enrolment is not None and self.enrolment.status == Enrolment.Status.ACTIVE

    @property
    def is_pending(self) -> bool:
        """Whether the person has ordered the whole course and not paid it yet."""
        return self.enrolment is not None and self.enrolment.status == Enrolment.Status.PENDING

    def access(self, lesson: LessonPage, *, is_shown: bool) -> LessonAccess:
        """Decide about a lesson of the course. is_shown: it, its section and its course are published."""
        lesson_status = self.lessons.get(lesson.pk)
        return decide(
            LessonFacts(
                is_shown=is_shown,
                is_keeper=self.is_keeper or self._keeps(lesson),
                is_signed_in=not self.user.is_anonymous,
                is_enrolled=self.is_active or lesson_status == Enrolment.Status.ACTIVE,
                is_reserved=self.is_pending or lesson_status == Enrolment.Status.PENDING,
                is_preview=lesson.is_preview,
                is_course_free=self.course.is_free,
            )
        )

    def _keeps(self, page: CoursePage | LessonPage) -> bool:
        if self.user.is_anonymous or not self.user.is_active:
            return False
        if self.user.is_superuser or page.owner_id == self.user.pk:
            return True
        return any(page.path.startswith(path) for path in self.edited_paths)


def standing(user: Any, course: CoursePage) -> Standing:
    """What user is to course: two queries, none for a visitor."""
    enrolments = Enrolment.objects.none() if user.is_anonymous else Enrolment.objects.by(user).open()
    enrolment = None
    lessons = {}
    for found in enrolments.filter(course=course.pk):
        if found.lesson_id is None:
            enrolment = found
        else:
            lessons[found.lesson_id] = found.status
    return Standing(
        user=user, course=course, edited_paths=edited_paths(user), enrolment=enrolment, lessons=lessons
    )


def lesson_access(user: Any, lesson: LessonPage) -> LessonAccess:
    """May user open lesson, and if not, why not? The one answer for page, API, search and files."""
    is_shown = LessonPage.objects.shown().filter(pk=lesson.pk).exists()
    return standing(user, lesson.course).access(lesson, is_shown=is_shown)


def may_open(user: Any, lesson: LessonPage) -> bool:
    return lesson_access(user, lesson).is_open
