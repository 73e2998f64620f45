"""Following a course's changes, and what changed since one was there last."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext as _

from courses.models import CourseChange, CoursePage, CourseSubscription, StudyPosition
from courses.models.changes import CourseChangeQuerySet

if TYPE_CHECKING:
    from accounts.models import User

# So many changes of a course are told on one page; the rest is a number.
CHANGES_TOLD = 3
MOST_CHANGES = 200


class NotOpenToFollowers(Exception):
    """The course is not published: nobody hears of its changes."""

    def __init__(self, course: CoursePage) -> None:
        super().__init__(_("“%s” is not published; it can be followed once it is.") % course)


@dataclass(frozen=True, kw_only=True)
class FollowedCourse:
    """A course that somebody follows.

    changes: the latest since they were there last; more: how many there are besides.
    """

    course: CoursePage
    url: str
    changes: list[CourseChange]
    more: int


def subscribe(*, member: "User", course: CoursePage, at: datetime) -> bool:
    """Let member hear of the changes of course; say whether this call began it. Raises NotOpenToFollowers."""
    if not course.live:
        raise NotOpenToFollowers(course)
    _wish, is_new = CourseSubscription.objects.get_or_create(
        member=member, course=course, defaults={"created_at": at}
    )
    return is_new


def unsubscribe(*, member: "User", course: CoursePage) -> bool:
    """Let member hear of course, published or not, no more; say whether they did."""
    deleted, _by_model = CourseSubscription.objects.by(member).to(course).delete()
    return bool(deleted)


def is_subscribed(*, member: "User", course: CoursePage) -> bool:
    return CourseSubscription.objects.by(member).to(course).exists()


def followed(*, member: "User", url_of: Callable[[CoursePage], str]) -> list[FollowedCourse]:
    """Published courses that member follows, what changed last first: two queries for any number."""
    courses = CoursePage.objects.live().filter(subscriptions__member=member).defer_streamfields()
    by_pk = {course.pk: course for course in courses.order_by("title", "pk")}
    if not by_pk:
        return []
    news: dict[int, list[CourseChange]] = defaultdict(list)
    for change in _unseen(member).filter(course__in=by_pk)[:MOST_CHANGES]:
        news[change.course_id].append(change)
    # Dictionaries remember the order in which keys came: courses with news first, the latest on top.
    return [
        FollowedCourse(
            course=by_pk[pk],
            url=url_of(by_pk[pk]),
            changes=news[pk][:CHANGES_TOLD],
            more=max(len(news[pk]) - CHANGES_TOLD, 0),
        )
        for pk in dict.fromkeys([*news, *by_pk])
    ]


def _unseen(member: "User") -> CourseChangeQuerySet:
    """Changes told to followers, since member opened a lesson of the course or began to follow it."""
    subscription = CourseSubscription.objects.by(member).order_by().filter(course=OuterRef("course"))
    position = StudyPosition.objects.order_by().filter(member=member, course=OuterRef("course"))
    since = Subquery(subscription.values("created_at")[:1])
    left_off_at = Subquery(position.values("opened_at")[:1])
    return (
        CourseChange.objects.notable()
        .annotate(seen_until=Greatest(since, Coalesce(left_off_at, since)))
        .filter(published_at__gt=F("seen_until"))
    )
