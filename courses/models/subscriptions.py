"""Who wants to hear when a course changes."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class CourseSubscriptionQuerySet(models.QuerySet["CourseSubscription"]):
    def by(self, member: Any) -> Self:
        return self.filter(member=member.pk)

    def to(self, course: Any) -> Self:
        return self.filter(course=course.pk)


class CourseSubscription(models.Model):
    """A member's wish to hear of a course's changes. It gives no place in the course, and needs none."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="course_subscriptions",
        verbose_name=_("member"),
    )
    course = models.ForeignKey(
        "courses.CoursePage", on_delete=models.CASCADE, related_name="subscriptions", verbose_name=_("course")
    )
    created_at = models.DateTimeField(_("created"))

    objects = CourseSubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription to a course")
        verbose_name_plural = _("subscriptions to courses")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["member", "course"], name="courses_coursesubscription_once"),
        ]

    def __str__(self) -> str:
        return f"{self.member} · {self.course}"
