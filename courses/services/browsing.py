"""The catalogue: which courses there are, how many of what kind, and what a card says of each."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    IntegerField,
    Prefetch,
    Q,
    Value,
    When,
    prefetch_related_objects,
)
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy, pgettext_lazy
from wagtail.images import get_image_model
from wagtail.models import Page

from commerce.money import Money
from courses.models import CoursePage, CourseSectionPage, CourseTopic, LessonPage
from courses.models.pages import CoursePageQuerySet
from courses.models.tree import STEP, ancestor_path
from courses.services.outlining import progress_percent
from portal.content.catalogues import LONGEST_SEARCH, Facet, Option, words_of

RELATED_COURSES = 3
#: So many of the best matches of a kind can be paged through.
MOST_MATCHES = 1000
# All words; in which order, the catalogue says itself.
PLAIN: dict[str, Any] = {"operator": "and", "order_by_relevance": False}
HIDDEN = -1

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
#: The best match first; without words the default.
RELEVANCE = "relevance"

PRICES = {"free": pgettext_lazy("courses", "Free"), "paid": pgettext_lazy("courses", "Paid")}
FACETS = {
    "topic": gettext_lazy("Topic"),
    "level": gettext_lazy("Level"),
    "language": gettext_lazy("Language"),
    "price": gettext_lazy("Price"),
}


@dataclass(frozen=True, kw_only=True)
class CourseCard:
    """What a card shows. price is falsy when the course is free; progress is None without an enrolment.

    singles: how many lessons of the course the viewer has bought alone; progress is theirs then.
    """

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
    singles: int = 0


@dataclass(frozen=True)
class Survey:
    """How many published courses there are of each kind, and which of them have the words looked for.

    Made by `survey`. ``matches`` holds the paths of the courses found in tiers, the best first; None when
    nothing was looked for. ``kinds`` holds what courses there are by their facets, and how many of each kind
    have the words.
    """

    matches: list[list[str]] | None
    kinds: list[Mapping[str, Any]] = field(repr=False)

    @property
    def topics(self) -> list[tuple[str, str]]:
        """Slug and name of the topics that have published courses, by name."""
        named = {(kind["topic_slug"], kind["topic_name"]) for kind in self.kinds if kind["topic_slug"]}
        return sorted(named, key=lambda topic: topic[1].casefold())

    def count(self, chosen: Mapping[str, str]) -> int:
        """How many courses there are that fit all that is chosen, by name of the facet."""
        return sum(kind["total"] for kind in self.kinds if _fits(kind, chosen))

    def facets(self, chosen: Mapping[str, str]) -> list[Facet]:
        """Every facet, its options counted among the courses that what is chosen in the others leaves."""
        return [self._facet(name, chosen) for name in FACETS]

    def courses(self, chosen: Mapping[str, str], *, ordering: str = "") -> CoursePageQuerySet:
        """The courses that fit; ordering is one of ORDERINGS, RELEVANCE, or "", relevance when searching."""
        courses = CoursePage.objects.live().filter(_having(chosen))
        if self.matches is not None:
            courses = courses.filter(path__in=list(chain.from_iterable(self.matches)))
        if ordering in ORDERINGS:
            return courses.order_by(*ORDERINGS[ordering])
        if not self.matches:
            return courses.order_by(*ORDERINGS[DEFAULT_ORDERING])
        tiers = (When(path__in=paths, then=Value(tier)) for tier, paths in enumerate(self.matches) if paths)
        return courses.order_by(
            Case(*tiers, default=Value(len(self.matches)), output_field=IntegerField()),
            *ORDERINGS[DEFAULT_ORDERING],
        )

    def _facet(self, name: str, chosen: Mapping[str, str]) -> Facet:
        others = {other: value for other, value in chosen.items() if other != name}
        options = [
            Option(
                value=value,
                label=str(label),
                count=self.count({**others, name: value}),
                is_chosen=chosen.get(name) == value,
            )
            for value, label in self._choices(name)
        ]
        return Facet(
            name=name,
            label=str(FACETS[name]),
            options=[option for option in options if option.count or option.is_chosen],
        )

    def _choices(self, name: str) -> Iterable[tuple[str, Any]]:
        match name:
            case "topic":
                return self.topics
            case "level":
                return CoursePage.Level.choices
            case "language":
                return settings.LANGUAGES
            case _:
                return PRICES.items()


def survey(*, search: str = "") -> Survey:
    """Look over the published courses: one query, two when words are looked for, for any number of them."""
    matches = _matches(search) if search.strip() else None
    counted = Count("pk")
    if matches is not None:
        counted = Count("pk", filter=Q(path__in=list(chain.from_iterable(matches))))
    kinds = (
        CoursePage.objects.live()
        .order_by()
        .values(
            "level",
            "language",
            topic_slug=F("topic__slug"),
            topic_name=F("topic__name"),
            price_kind=Case(When(price=0, then=Value("free")), default=Value("paid")),
        )
        .annotate(total=counted)
    )
    return Survey(matches, list(kinds))


def catalogue(*, search: str = "", ordering: str = "", **chosen: str) -> CoursePageQuerySet:
    """Published courses that fit. chosen are values of FACETS, ordering as in `Survey.courses`.

    search asks for all words in one place: in the course, or in one of its published lessons.
    """
    matches = _matches(search) if search.strip() else None
    return Survey(matches, []).courses(chosen, ordering=ordering)


def for_cards(courses: CoursePageQuerySet, *, viewer: Any) -> CoursePageQuerySet:
    """Fetch with courses all that their cards show: two queries for any number of courses."""
    return (
        courses.select_related("preview", "topic")
        .prefetch_related(_renditions())
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
            singles=_singles(course),
        )
        for course in courses
    ]


def with_related(course: CoursePage, *, viewer: Any) -> list[CoursePage]:
    """The related courses, for their cards; the sizes of the course's own picture come along with theirs."""
    others = list(for_cards(related(course), viewer=viewer).prefetch_related(None))
    prefetch_related_objects([course, *others], _renditions())
    return others


def related(course: CoursePage) -> CoursePageQuerySet:
    """A few other published courses, the newest first: of the same topic, if the course has one."""
    others = CoursePage.objects.live().exclude(pk=course.pk)
    if course.topic_id is not None:
        others = others.filter(topic=course.topic_id)
    return others.order_by(*ORDERINGS[DEFAULT_ORDERING])[:RELATED_COURSES]


def _singles(course: CoursePage) -> int:
    return 0 if course.enrolment_status == "ACTIVE" else getattr(course, "singles_count", 0)


def _progress(course: CoursePage) -> int | None:
    if singles := _singles(course):
        return progress_percent(completed_count=course.singles_completed, lessons_count=singles)
    if course.enrolment_status != "ACTIVE" and not course.completed_count:
        return None
    return progress_percent(completed_count=course.completed_count, lessons_count=course.lessons_count)


def _renditions() -> Prefetch:
    return Prefetch("preview__renditions", queryset=get_image_model().get_rendition_model().objects.all())


def _having(chosen: Mapping[str, str]) -> Q:
    """What is chosen, as a condition on courses. Empty values choose nothing."""
    condition = Q()
    for name, value in chosen.items():
        match name:
            case _ if not value:
                continue
            case "topic":
                condition &= Q(topic__slug=value)
            case "price":
                condition &= Q(price=0) if value == "free" else Q(price__gt=0)
            case _:
                condition &= Q(**{name: value})
    return condition


def _fits(kind: Mapping[str, Any], chosen: Mapping[str, str]) -> bool:
    columns = {"topic": "topic_slug", "price": "price_kind"}
    return all(kind[columns.get(name, name)] == value for name, value in chosen.items() if value)


def _matches(search: str) -> list[list[str]]:
    """Paths of the courses found by the words of search, in tiers, the best first: one query.

    First those with the words in their title; then those with the words anywhere in what they say of
    themselves; then those with words that begin so, for who is still typing; then those with the words in one
    of their published lessons. That a course says something somewhere is told to everybody; what comes back
    is the course, never the place or the words around it, which is for those who may open the lesson.
    """
    words = " ".join(words_of(search))
    if not words:  # signs only: the indexes hold none
        signs = search.strip()[:LONGEST_SEARCH].replace("\x00", "")
        titled = CoursePage.objects.live().filter(title__icontains=signs)
        newest = titled.order_by(*ORDERINGS[DEFAULT_ORDERING]).values_list("path", flat=True)
        return [list(newest[:MOST_MATCHES])]
    # As pages of a type: SQLite, asked for one model, would look into its index once for every row of it.
    courses, lessons, sections = (
        Page.objects.filter(content_type=ContentType.objects.get_for_model(model))
        for model in (CoursePage, LessonPage, CourseSectionPage)
    )
    courses, lessons = courses.live(), lessons.live()
    above = ancestor_path(F("path"), 1)
    found = [
        _found(courses.search(words, fields=["title"], **PLAIN).get_queryset(), tier=0),
        _found(courses.search(words, **PLAIN).get_queryset(), tier=1),
        _found(courses.autocomplete(words, **PLAIN).get_queryset(), tier=2),
        _found(lessons.search(words, **PLAIN).get_queryset(), tier=3, path=above),
        _found(lessons.autocomplete(words, **PLAIN).get_queryset(), tier=3, path=above),
        _found(sections.filter(live=False), tier=HIDDEN),
    ]
    first, *others = found
    tiers: dict[int, list[str]] = defaultdict(list)
    for path, tier in first.union(*others).order_by("tier", "-found_path"):
        tiers[tier].append(path)
    hidden = set(tiers.pop(HIDDEN, []))
    # What stands above a lesson is its course, or a section of it. Paths of other pages are no course's.
    tiers[3] = [course for path in tiers[3] if path not in hidden for course in (path, path[:-STEP])]
    return [list(dict.fromkeys(tiers[tier]))[:MOST_MATCHES] for tier in sorted(tiers)]


def _found(pages: Any, *, tier: int, path: Any = None) -> Any:
    """Path and tier of what one search found, to be joined with what others did."""
    return (
        pages.order_by()
        .annotate(
            found_path=Cast(path or F("path"), CharField(max_length=255)), tier=Value(tier, IntegerField())
        )
        .values_list("found_path", "tier")
    )
