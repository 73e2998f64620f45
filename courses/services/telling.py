"""Tell those who follow a course what changed in it: at once after a quiet time, else in their digest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from wagtail.models import Page

from accounts.models import Message
from accounts.notifications import Line
from accounts.services import notifying
from courses.models import CourseChange, CourseSubscription
from courses.notifications import COURSE_UPDATED, path_of

if TYPE_CHECKING:
    from accounts.models import User

#: After a change so long nobody is disturbed by another one; it stands in the next digest.
QUIET = timedelta(hours=4)
FOLLOWERS = "courses.followers"


@transaction.atomic
def change(change: CourseChange, *, at: datetime) -> bool:
    """Write to all who follow the course of a change; whether this call did.

    Nobody hears of a minor one. Each follower gets one message for each change, whatever is called again: it
    goes out at once if the course had no notable change in the four hours before, and is left to digests
    otherwise.
    """
    if change.is_minor:
        return False
    # Two publications at once: the second looks when the first has committed.
    list(Page.objects.select_for_update(no_key=True).filter(pk=change.course_id).values_list("pk", flat=True))
    # Also those published a moment later that were quicker here: followers have heard of them.
    others = CourseChange.objects.of(change.course).notable().exclude(pk=change.pk)
    is_soon = others.filter(published_at__gt=change.published_at - QUIET).exists()
    written = notifying.broadcast(
        kind=COURSE_UPDATED,
        subject_of=f"course:{change.course_id}",
        context={"change": change.pk, "is_soon": is_soon},
        dedupe=f"change:{change.pk}",
        audience=FOLLOWERS,
        of=str(change.course_id),
        at=at,
    )
    return written is not None


def followers(of: str, *, after: int, at_most: int, since: datetime) -> list[int]:
    """The keys of people who followed a course at a moment; see `notifications.register_audience`."""
    wishes = CourseSubscription.objects.filter(course=int(of), member__gt=after, created_at__lte=since)
    return list(wishes.order_by("member").values_list("member", flat=True)[:at_most])


def lines(*, reader: User, messages: Sequence[Message], at: datetime) -> list[Line]:
    """What a digest says of changes: course by course, in the order in which they happened. Two queries."""
    keys = [message.context["change"] for message in messages]
    found = CourseChange.objects.filter(pk__in=keys).select_related("course").order_by("published_at", "pk")
    changes = sorted(found, key=lambda each: (each.course.title, each.course_id))
    return [
        Line(
            text=f"{each.course.title}: {each.title} – {each.get_kind_display()}"
            if each.page_id != each.course_id
            else each.course.title,
            note=each.note,
            link=path_of(each.course),
        )
        for each in changes
    ]
