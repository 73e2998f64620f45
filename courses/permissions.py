"""Who may open, edit and study: the facts of the database put before `courses.policies`."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.contenttypes.models import ContentType
from wagtail.models import Page, ReferenceIndex

from courses.models import CoursePage, Enrolment, LessonCompletion, LessonPage
from courses.models.tree import edited_paths
from courses.policies import LessonAccess, LessonFacts, decide
from portal.content.models import PortalDocument


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What one person is to one course: enough to decide about every lesson of it without asking again.

    ``enrolment`` is the open enrolment in the whole course. ``lessons`` holds the status of open enrolments
    at single lessons, by the lesson's id.
    """

    user: Any
    course: CoursePage
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

    def studies(self, lesson: LessonPage) -> bool:
        """Whether the person has a place in the course, or at this lesson of it."""
        return self.is_active or self.lessons.get(lesson.pk) == Enrolment.Status.ACTIVE

    def access(
        self, lesson: LessonPage, *, is_shown: bool, is_completed: bool, undone_before: LessonPage | None
    ) -> LessonAccess:
        """Decide about a lesson of the course.

        is_shown: it, its section and its course are published. is_completed: by the person. undone_before:
        the first published lesson before it that the person has not completed.
        """
        lesson_status = self.lessons.get(lesson.pk)
        facts = LessonFacts(
            is_shown=is_shown,
            is_keeper=False,
            is_signed_in=not self.user.is_anonymous,
            is_enrolled=self.is_active,
            is_bought_alone=lesson_status == Enrolment.Status.ACTIVE,
            is_reserved=self.is_pending or lesson_status == Enrolment.Status.PENDING,
            is_preview=lesson.is_preview,
            is_course_free=self.course.is_free,
            is_out_of_turn=self.course.is_sequential and not is_completed and undone_before is not None,
        )
        access = decide(facts)
        # A question to the database, not asked for whom a place opens the lesson anyway.
        if access is not LessonAccess.OPEN and (self.is_keeper or self._keeps(lesson)):
            return decide(replace(facts, is_keeper=True))
        return access

    def _keeps(self, page: CoursePage | LessonPage) -> bool:
        if self.user.is_anonymous or not self.user.is_active:
            return False
        if self.user.is_superuser or page.owner_id == self.user.pk:
            return True
        return any(page.path.startswith(path) for path in edited_paths(self.user))


def standings(user: Any, courses: Sequence[CoursePage]) -> dict[int, Standing]:
    """What user is to each of courses, by their ids: one query for any number, none for a visitor."""
    enrolments = Enrolment.objects.none() if user.is_anonymous else Enrolment.objects.by(user).open()
    whole: dict[int, Enrolment] = {}
    lessons: dict[int, dict[int, str]] = defaultdict(dict)
    for enrolment in enrolments.filter(course__in=[course.pk for course in courses]):
        if enrolment.lesson_id is None:
            whole[enrolment.course_id] = enrolment
        else:
            lessons[enrolment.course_id][enrolment.lesson_id] = enrolment.status
    return {
        course.pk: Standing(
            user=user, course=course, enrolment=whole.get(course.pk), lessons=lessons[course.pk]
        )
        for course in courses
    }


def standing(user: Any, course: CoursePage) -> Standing:
    """What user is to course."""
    return standings(user, [course])[course.pk]


def lesson_access(user: Any, lesson: LessonPage) -> LessonAccess:
    """May user open lesson, and if not, why not? The one answer for page, API, search and files."""
    here = standing(user, lesson.course)
    is_in_order = here.is_active and lesson.course.is_sequential
    return here.access(
        lesson,
        is_shown=LessonPage.objects.shown().filter(pk=lesson.pk).exists(),
        is_completed=is_in_order and LessonCompletion.objects.filter(member=user, lesson=lesson).exists(),
        undone_before=undone_before(user, lesson) if is_in_order else None,
    )


def undone_before(user: Any, lesson: LessonPage) -> LessonPage | None:
    """The first published lesson before lesson in its course that user has not completed."""
    before = LessonPage.objects.of(lesson.course).shown().filter(path__lt=lesson.path)
    return before.with_completion_of(user).filter(is_completed=False).defer_streamfields().first()


def may_open(user: Any, lesson: LessonPage) -> bool:
    return lesson_access(user, lesson).is_open


def may_fetch(user: Any, document: PortalDocument) -> bool:
    """Whether user may fetch a document.

    A lesson's document is for those who may open the lesson, any other published page's for everyone, and one
    that no page names for people with access to the CMS. Its uploader and editors may always.
    """
    if not user.is_anonymous and document.uploaded_by_user_id == user.pk:
        return True
    if document.is_editable_by_user(user):
        return True
    references = ReferenceIndex.get_references_to(document).filter(
        base_content_type=ContentType.objects.get_for_model(Page)
    )
    named_by = list(references.values_list("object_id", flat=True).distinct())
    if not named_by:
        return user.has_perm("wagtailadmin.access_admin")
    if LessonPage.objects.filter(pk__in=named_by).open_to(user).exists():
        return True
    return Page.objects.live().filter(pk__in=named_by).not_type(LessonPage).exists()
