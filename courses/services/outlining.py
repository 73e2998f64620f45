"""The outline of a course as one person sees it: sections, lessons, locks with their reasons, ticks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from courses.models import CourseSectionPage, LessonPage
from courses.models.tree import STEP
from courses.permissions import Standing
from courses.policies import LessonAccess

LOCK_REASONS = {
    LessonAccess.LOCKED_SIGN_IN: _("Sign in to open this lesson."),
    LessonAccess.LOCKED_ENROL: _("Enrol in the course to open this lesson; it is free."),
    LessonAccess.LOCKED_PAYMENT: _("Buy the course to open this lesson."),
    LessonAccess.LOCKED_UNPAID: _("It opens as soon as your order is paid."),
    LessonAccess.LOCKED_SEQUENCE: _("Complete “%(lesson)s” first."),
    LessonAccess.HIDDEN: _("This lesson is not published."),
}


def lock_reason(access: LessonAccess, *, undone_before: LessonPage | None) -> str:
    """Why a lesson is locked and what opens it, in words; empty when it is open."""
    if access.is_open:
        return ""
    return str(LOCK_REASONS[access]) % {"lesson": undone_before}


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
    left_off_at: datetime | None


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
    def has_begun(self) -> bool:
        """Whether the person has opened a lesson as a member, or completed one."""
        return any(entry.is_completed or entry.left_off_at for entry in self.entries)

    @property
    def next_up(self) -> OutlineEntry | None:
        """Where to go on: the lesson opened last or the first after it, not done and open.

        After the last lesson the search begins anew; the first lesson when all are done; None without any.
        """
        open_entries = [entry for entry in self.entries if not entry.is_locked]
        places = (place for place, entry in enumerate(open_entries) if entry.left_off_at)
        left_off = next(places, 0)
        in_turn = open_entries[left_off:] + open_entries[:left_off]
        undone = (entry for entry in in_turn if not entry.is_completed)
        return next(undone, None) or next(iter(open_entries), None)

    @property
    def first_undone(self) -> OutlineEntry | None:
        return next((entry for entry in self.entries if not entry.is_completed), None)

    def place_of(self, lesson: LessonPage) -> int | None:
        """Where lesson stands, counted from 1; None for one that is not published."""
        places = (place for place, entry in enumerate(self.entries, 1) if entry.lesson.pk == lesson.pk)
        return next(places, None)

    def entry_of(self, lesson: LessonPage) -> OutlineEntry | None:
        """The entry of lesson; None for one that is not published."""
        return next((entry for entry in self.entries if entry.lesson.pk == lesson.pk), None)

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


def outlines(*, standings: Mapping[int, Standing], url_of: Callable[[LessonPage], str]) -> dict[int, Outline]:
    """Outline the courses of standings, which are one person's, by the courses' ids: one query for all."""
    courses = {standing.course.path: standing.course for standing in standings.values()}
    found: dict[int, list[OutlineSection]] = {course.pk: [] for course in courses.values()}
    if not courses:
        return {}
    viewer = next(iter(standings.values())).user
    lessons = (
        LessonPage.objects.of_any(courses.values())
        .shown()
        .with_section()
        .with_completion_of(viewer)
        .with_position_of(viewer)
        .defer_streamfields()
    )
    first_undone: dict[int, LessonPage] = {}
    for lesson in lessons:
        course = courses.get(lesson.path[:-STEP]) or courses[lesson.path[: -2 * STEP]]
        lesson.course = course
        entry = _entry(
            lesson,
            standing=standings[course.pk],
            undone_before=first_undone.get(course.pk),
            url=url_of(lesson),
        )
        _place(entry, found[course.pk])
        if not lesson.is_completed:
            first_undone.setdefault(course.pk, lesson)
    return {pk: Outline(sections) for pk, sections in found.items()}


def outline(*, standing: Standing, url_of: Callable[[LessonPage], str]) -> Outline:
    """Outline the course of standing for its person: one query, whatever its size."""
    return outlines(standings={standing.course.pk: standing}, url_of=url_of)[standing.course.pk]


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


def _place(entry: OutlineEntry, sections: list[OutlineSection]) -> None:
    lesson = entry.lesson
    is_in_section = lesson.depth > lesson.course.depth + 1
    anchor = section_anchor(lesson.url_path.split("/")[-3]) if is_in_section else ""
    if not sections or sections[-1].anchor != anchor:
        sections.append(OutlineSection(title=lesson.section_title if is_in_section else "", anchor=anchor))
    sections[-1].entries.append(entry)


def _entry(
    lesson: LessonPage, *, standing: Standing, undone_before: LessonPage | None, url: str
) -> OutlineEntry:
    access = standing.access(
        lesson, is_shown=True, is_completed=lesson.is_completed, undone_before=undone_before
    )
    return OutlineEntry(
        lesson=lesson,
        title=lesson.title,
        url=url,
        minutes=lesson.duration_minutes,
        access=access,
        is_locked=not access.is_open,
        lock_reason=lock_reason(access, undone_before=undone_before),
        is_completed=lesson.is_completed,
        is_preview=lesson.is_preview,
        left_off_at=lesson.left_off_at,
    )
