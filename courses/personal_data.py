"""What courses keep of a person: places and completed lessons."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from accounts.personal_data import Json
from courses.models import Enrolment, LessonCompletion


class LearningKeeper:
    """Places in courses and completed lessons.

    A place that was bought stays with its order, which accounting keeps; by then its member has no name.
    """

    section = "learning"
    covers = frozenset(
        {
            "courses.Enrolment.member",
            "courses.EnrolmentStatusChange.actor",
            "courses.LessonCompletion.member",
        }
    )

    def export(self, user: User) -> Json:
        enrolments = Enrolment.objects.by(user).select_related("course", "lesson", "order_line__order")
        completions = LessonCompletion.objects.filter(member=user).select_related("lesson")
        return {
            "enrolments": [
                {
                    "course": row.course.title,
                    "lesson": row.lesson.title if row.lesson else None,
                    "status": row.status,
                    "order": row.order_line.order.number if row.order_line else None,
                    "created_at": row.created_at.isoformat(),
                    "activated_at": row.activated_at.isoformat() if row.activated_at else None,
                }
                for row in enrolments.order_by("created_at", "pk")
            ],
            "completed_lessons": [
                {"lesson": row.lesson.title, "completed_at": row.completed_at.isoformat()}
                for row in completions.order_by("completed_at", "pk")
            ],
        }

    def erase(self, user: User, *, at: datetime) -> None:
        LessonCompletion.objects.filter(member=user).delete()
        Enrolment.objects.by(user).filter(order_line__isnull=True).delete()
