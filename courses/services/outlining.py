"""The outline of a course as one person sees it: sections, lessons, locks with their reasons, ticks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from courses.models import CoursePage, CourseSectionPage, LessonPage
from courses.permissions import Standing
from courses.policies import LessonAccess

LOCK_REASONS = {
    LessonAccess.LOCKED_SIGN_IN: _("Sign in to open this lesson."),
    LessonAccess.LOCKED_ENROL: _("Enrol in the course to open this lesson; it is free."),
    LessonAccess.LOCKED_PAYMENT: _("Buy the course to open this lesson."),
    LessonAccess.LOCKED_UNPAID: _("It opens as soon as your order is paid."),
    LessonAccess.HIDDEN: _("This lesson is not published."),
}


@dataclass(frozen=True, kw_only=True)
class OutlineEntry:
    lesson: LessonPage
    title: str
    url: str
    minutes: int
    access: LessonAccess
    is_locked: bool
    lock_reason: str
    is_completed: bool
    is_preview: bool


@dataclass(frozen=True)
class OutlineSection:
    """Lessons under one heading; title is "" for lessons that stand outside sections."""

    title: str
    anchor: str = ""
    entries: list[OutlineEntry] = field(default_factory=list)


@dataclass(frozen=True)
class Outline:
    """Published lessons in the order in which they are studied. Iterates over its sections."""

    sections: list[OutlineSection]

    def __iter__(self) -> Iterator[OutlineSection]:
        return iter(self.sections)

    def __len__(self) -> int:
        return len(self.sections)

    @property
    def entries(self) -> list[OutlineEntry]:
        return [entry for section in self.sections for entry in section.entries]

    @property
    def lessons_count(self) -> int:
        return len(self.entries)

    @property
    def minutes(self) -> int:
        return sum(entry.minutes for entry in self.entries)

    @property
    def completed_count(self) -> int:
        return sum(entry.is_completed for entry in self.entries)

    @property
    def next_up(self) -> OutlineEntry | None:
        """The first open lesson that is not done; the first of all when everything is; None without any."""
        open_entries = [entry for entry in self.entries if not entry.is_locked]
        return next((entry for entry in open_entries if not entry.is_completed), None) or next(
            iter(open_entries), None
        )

    def place_of(self, lesson: LessonPage) -> int | None:
        """Where lesson stands, counted from 1; None for one that is not published."""
        places = (place for place, entry in enumerate(self.entries, 1) if entry.lesson.pk == lesson.pk)
        return next(places, None)

    def at(self, place: int) -> OutlineEntry | None:
        """The entry at a place, counted from 1; None beyond the ends."""
        return self.entries[place - 1] if 1 <= place <= len(self.entries) else None


class Step(StrEnum):
    """The one thing to do next with a course. `commerce` and the CMS know how."""

    CONTINUE = "continue"
    BUY = "buy"
    ENROL = "enrol"
    SIGN_IN = "sign_in"
    RESUME_PAYMENT = "resume_payment"
    EDIT = "edit"


def progress_percent(*, completed_count: int, lessons_count: int) -> int:
    """Whole percents, rounded down: 100 only when everything is done."""
    return 100 * completed_count // lessons_count if lessons_count else 0


def outline(*, course: CoursePage, standing: Standing, url_of: Callable[[LessonPage], str]) -> Outline:
    """Outline course for the person of standing: one query, whatever its size."""
    lessons = (
        LessonPage.objects.of(course)
        .shown()
        .with_section()
        .with_completion_of(standing.user)
        .defer_streamfields()
    )
    sections: list[OutlineSection] = []
    for lesson in lessons:
        anchor = section_anchor(lesson.url_path.split("/")[-3]) if lesson.depth > course.depth + 1 else ""
        if not sections or sections[-1].anchor != anchor:
            sections.append(OutlineSection(title=lesson.section_title if anchor else "", anchor=anchor))
        lesson.course = course
        sections[-1].entries.append(_entry(lesson, standing=standing, url=url_of(lesson)))
    return Outline(sections)


def section_anchor(slug: str) -> str:
    """The name of a section's place on the course page."""
    return f"section-{slug}"


def anchor_of(section: CourseSectionPage) -> str:
    return section_anchor(section.slug)


def next_step(standing: Standing) -> Step:
    """What the one button of a course says to the person of standing."""
    if standing.is_active:
        return Step.CONTINUE
    if standing.is_keeper:
        return Step.EDIT
    if standing.user.is_anonymous:
        return Step.SIGN_IN
    if standing.course.is_free:
        return Step.ENROL
    return Step.RESUME_PAYMENT if standing.is_pending else Step.BUY


def _entry(lesson: LessonPage, *, standing: Standing, url: str) -> OutlineEntry:
    access = standing.access(lesson, is_shown=True)
    return OutlineEntry(
        lesson=lesson,
        title=lesson.title,
        url=url,
        minutes=lesson.duration_minutes,
        access=access,
        is_locked=not access.is_open,
        lock_reason="" if access.is_open else str(LOCK_REASONS[access]),
        is_completed=lesson.is_completed,
        is_preview=lesson.is_preview,
    )
