"""Remind people of courses that they began and left."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from accounts.services import notifying
from accounts.services.notifying import Note
from courses.models import Enrolment, StudyPosition
from courses.notifications import COURSE_ABANDONED

#: Who has opened nothing for so long is reminded, once; what was left longer ago is left in peace.
LEFT_FOR = timedelta(days=14)
TOO_LONG = timedelta(days=28)
AT_A_TIME = 500


def remind_of_abandoned(*, at: datetime) -> int:
    """Remind those who left a course two weeks ago and have not finished it; how many places were looked at.

    Once for each time that they left it: run it as often as you like.
    """
    place = (
        Enrolment.objects.active()
        .whole_courses()
        .filter(member=OuterRef("member"), course=OuterRef("course"), completed_at__isnull=True)
    )
    left = (
        StudyPosition.objects.filter(
            Exists(place),
            opened_at__lte=at - LEFT_FOR,
            opened_at__gt=at - TOO_LONG,
            course__live=True,
            member__is_active=True,
        )
        .select_related("member")
        .order_by("pk")
    )
    looked_at, after = 0, 0
    while batch := list(left.filter(pk__gt=after)[:AT_A_TIME]):
        notifying.notify_many(notes=[_reminder(position) for position in batch], at=at)
        looked_at += len(batch)
        after = batch[-1].pk
    return looked_at


def _reminder(position: StudyPosition) -> Note:
    return Note(
        recipient=position.member,
        kind=COURSE_ABANDONED,
        subject_of=f"course:{position.course_id}",
        context={"course": position.course_id, "left_at": position.opened_at.isoformat()},
        dedupe=f"left {position.opened_at.isoformat()}",
    )
