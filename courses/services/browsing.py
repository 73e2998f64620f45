"""The catalogue: which courses there are, and what a card says of each to the one who looks."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Prefetch, Q
from wagtail.images import get_image_model

from commerce.money import Money
from courses.models import CoursePage, CourseTopic
from courses.models.pages import CoursePageQuerySet
from courses.services.outlining import progress_percent

RELATED_COURSES = 3
# Nobody types more; every word costs the database a comparison.
LONGEST_SEARCH = 10
MOST_FULL_TEXT_MATCHES = 500

# The catalogue's orders, as clients and addresses name them, and what they are in the database.
ORDERINGS = {
    "-published_at": ("-first_published_at", "-pk"),
    "published_at": ("first_published_at", "pk"),
    "title": ("title", "pk"),
    "-title": ("-title", "-pk"),
    "price": ("price", "title", "pk"),
    "-price": ("-price", "title", "pk"),
}
DEFAULT_ORDERING = "-published_at"


@dataclass(frozen=True, kw_only=True)
class CourseCard:
    """What a card shows. price is falsy when the course is free; progress is None without an enrolment."""

    course: CoursePage
    title: str
    url: str
    introduction: str
    preview_image: Any
    lessons_count: int
    minutes: int
    topic: CourseTopic | None
    level_label: str
    price: Money
    enrolment: str | None
    progress: int | None


def catalogue(
    *,
    search: str = "",
    topic: str = "",
    level: str = "",
    language: str = "",
    ordering: str = DEFAULT_ORDERING,
) -> CoursePageQuerySet:
    """Published courses that fit. topic is a slug; ordering one of ORDERINGS; search asks for all words."""
    courses = CoursePage.objects.live()
    if topic:
        courses = courses.filter(topic__slug=topic)
    if level:
        courses = courses.filter(level=level)
    if language:
        courses = courses.filter(language=language)
    if words := search.split()[:LONGEST_SEARCH]:
        courses = courses.filter(_matches(words))
    return courses.order_by(*ORDERINGS[ordering])


def for_cards(courses: CoursePageQuerySet, *, viewer: Any) -> CoursePageQuerySet:
    """Fetch with courses all that their cards show: two queries for any number of courses."""
    renditions = get_image_model().get_rendition_model().objects.all()
    return (
        courses.select_related("preview", "topic")
        .prefetch_related(Prefetch("preview__renditions", queryset=renditions))
        .with_outline_counts()
        .with_progress_of(viewer)
        .defer_streamfields()
    )


def cards(courses: Iterable[CoursePage], *, url_of: Callable[[CoursePage], str]) -> list[CourseCard]:
    """Make a card of every course that came through `for_cards`."""
    return [
        CourseCard(
            course=course,
            title=course.title,
            url=url_of(course),
            introduction=course.introduction,
            preview_image=course.preview,
            lessons_count=course.lessons_count,
            minutes=course.minutes,
            topic=course.topic,
            level_label=course.get_level_display(),
            price=course.price_money,
            enrolment=course.enrolment_status or None,
            progress=_progress(course),
        )
        for course in courses
    ]


def related(course: CoursePage) -> CoursePageQuerySet:
    """A few other published courses, the newest first: of the same topic, if the course has one."""
    others = CoursePage.objects.live().exclude(pk=course.pk)
    if course.topic_id is not None:
        others = others.filter(topic=course.topic_id)
    return others.order_by(*ORDERINGS[DEFAULT_ORDERING])[:RELATED_COURSES]


def _progress(course: CoursePage) -> int | None:
    if course.enrolment_status != "ACTIVE" and not course.completed_count:
        return None
    return progress_percent(completed_count=course.completed_count, lessons_count=course.lessons_count)


def _matches(words: list[str]) -> Q:
    """Courses with all words in title or introduction, or found by the full-text index (which stems)."""
    written = reduce(and_, (Q(title__icontains=word) | Q(introduction__icontains=word) for word in words))
    # The full-text index has a language of its own, in which a stray quotation mark is an error.
    plain = " ".join(re.findall(r"\w+", " ".join(words)))
    if not plain:
        return written
    found = CoursePage.objects.live().search(plain, operator="and")[:MOST_FULL_TEXT_MATCHES]
    return written | Q(pk__in=[page.pk for page in found])
