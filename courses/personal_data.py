"""What courses keep of a person: places, how far they came, what they follow."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from accounts.personal_data import Json
from courses.models import CourseChange, CourseSubscription, Enrolment, LessonCompletion, StudyPosition


class LearningKeeper:
    """Places in courses, completed lessons, where they left off, courses they follow.

    A place that was bought stays with its order, which accounting keeps; by then its member has no name.
    What an author published stays too: it is the course's history, and its row forgets who did it.
    """

    section = "learning"
    covers = frozenset(
        {
            "courses.Enrolment.member",
            "courses.EnrolmentStatusChange.actor",
            "courses.LessonCompletion.member",
            "courses.StudyPosition.member",
            "courses.CourseSubscription.member",
            "courses.CourseChange.made_by",
        }
    )

    def export(self, user: User) -> Json:
        enrolments = Enrolment.objects.by(user).select_related("course", "lesson", "order_line__order")
        completions = LessonCompletion.objects.filter(member=user).select_related("lesson")
        positions = StudyPosition.objects.filter(member=user).select_related("course", "lesson")
        subscriptions = CourseSubscription.objects.by(user).select_related("course")
        changes = CourseChange.objects.filter(made_by=user).select_related("course")
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
            "left_off": [
                {
                    "course": row.course.title,
                    "lesson": row.lesson.title,
                    "opened_at": row.opened_at.isoformat(),
                }
                for row in positions.order_by("opened_at", "pk")
            ],
            "subscriptions": [
                {"course": row.course.title, "since": row.created_at.isoformat()}
                for row in subscriptions.order_by("created_at", "pk")
            ],
            "published": [
                {
                    "course": row.course.title,
                    "page": row.title,
                    "note": row.note,
                    "published_at": row.published_at.isoformat(),
                }
                for row in changes.order_by("published_at", "pk")
            ],
        }

    def erase(self, user: User, *, at: datetime) -> None:
        LessonCompletion.objects.filter(member=user).delete()
        StudyPosition.objects.filter(member=user).delete()
        CourseSubscription.objects.by(user).delete()
        CourseChange.objects.filter(made_by=user).update(made_by=None)
        Enrolment.objects.by(user).filter(order_line__isnull=True).delete()
