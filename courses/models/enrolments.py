"""Who studies what, and what they have done."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Order
from commerce.models.statuses import HasStatus, StatusChange


class EnrolmentQuerySet(models.QuerySet["Enrolment"]):
    def by(self, member: Any) -> Self:
        return self.filter(member=member.pk)

    def active(self) -> Self:
        return self.filter(status=Enrolment.Status.ACTIVE)

    def pending(self) -> Self:
        return self.filter(status=Enrolment.Status.PENDING)

    def open(self) -> Self:
        return self.filter(status__in=Enrolment.OPEN)

    def paid_or_active(self) -> Self:
        """Open places and those that money which has come is about to open."""
        paid = Q(status=Enrolment.Status.PENDING, order_line__order__status=Order.Status.PAID)
        return self.filter(Q(status=Enrolment.Status.ACTIVE) | paid)

    def whole_courses(self) -> Self:
        return self.filter(lesson__isnull=True)

    def single_lessons(self) -> Self:
        return self.filter(lesson__isnull=False)

    def below(self, page: Any) -> Self:
        """Enrolments, open or not, in courses and lessons at or below a page of the tree."""
        return self.filter(Q(course__path__startswith=page.path) | Q(lesson__path__startswith=page.path))

    def to(self, course: Any, lesson: Any = None) -> Self:
        """Enrolments in exactly this: the whole course, or one lesson of it."""
        return self.filter(course=course.pk, lesson=lesson and lesson.pk)


class Enrolment(HasStatus):
    """A member's place in a course, or at one lesson of it. PENDING while its order waits to be paid."""

    class Status(models.TextChoices):
        PENDING = "PENDING", _("waiting for payment")
        ACTIVE = "ACTIVE", _("active")
        CANCELLED = "CANCELLED", _("cancelled")
        REVOKED = "REVOKED", _("revoked")

    OPEN = (Status.PENDING, Status.ACTIVE)
    TRANSITIONS = {
        Status.PENDING: frozenset({Status.ACTIVE, Status.CANCELLED}),
        Status.ACTIVE: frozenset({Status.REVOKED}),
        # Money that comes after the order was given up is honoured; and the order may be taken up again.
        Status.CANCELLED: frozenset({Status.ACTIVE, Status.PENDING}),
        # Who buys again after a refund gets a new enrolment.
        Status.REVOKED: frozenset(),
    }

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="enrolments",
        verbose_name=_("member"),
    )
    course = models.ForeignKey(
        "courses.CoursePage", on_delete=models.PROTECT, related_name="enrolments", verbose_name=_("course")
    )
    lesson = models.ForeignKey(
        "courses.LessonPage",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="enrolments",
        verbose_name=_("lesson"),
        help_text=_("Empty: the whole course."),
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PENDING)
    order_line = models.OneToOneField(
        "commerce.OrderLine",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="enrolment",
        verbose_name=_("order line"),
    )
    created_at = models.DateTimeField(_("created"))
    activated_at = models.DateTimeField(_("activated"), null=True, blank=True)
    completed_at = models.DateTimeField(
        _("completed"),
        null=True,
        blank=True,
        help_text=_("When all published lessons of it were complete for the first time."),
    )

    objects = EnrolmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("enrolment")
        verbose_name_plural = _("enrolments")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["PENDING", "ACTIVE", "CANCELLED", "REVOKED"]),
                name="courses_enrolment_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["ACTIVE", "REVOKED"], activated_at__isnull=False)
                | Q(status__in=["PENDING", "CANCELLED"], activated_at__isnull=True),
                name="courses_enrolment_activated_at_iff_activated",
            ),
            models.CheckConstraint(
                condition=Q(completed_at__isnull=True) | Q(activated_at__isnull=False),
                name="courses_enrolment_completed_after_activation",
            ),
            models.UniqueConstraint(
                fields=["member", "course"],
                condition=Q(lesson__isnull=True, status__in=["PENDING", "ACTIVE"]),
                name="courses_enrolment_one_open_per_course",
            ),
            models.UniqueConstraint(
                fields=["member", "lesson"],
                condition=Q(lesson__isnull=False, status__in=["PENDING", "ACTIVE"]),
                name="courses_enrolment_one_open_per_lesson",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} · {self.lesson or self.course}"


class EnrolmentStatusChange(StatusChange):
    enrolment = models.ForeignKey(Enrolment, on_delete=models.CASCADE, related_name="status_changes")

    class Meta(StatusChange.Meta):
        verbose_name = _("change of an enrolment")
        verbose_name_plural = _("changes of enrolments")


class LessonCompletion(models.Model):
    """A lesson that a member has marked as done."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="lesson_completions",
        verbose_name=_("member"),
    )
    lesson = models.ForeignKey(
        "courses.LessonPage", on_delete=models.CASCADE, related_name="completions", verbose_name=_("lesson")
    )
    completed_at = models.DateTimeField(_("completed"))

    class Meta:
        verbose_name = _("completed lesson")
        verbose_name_plural = _("completed lessons")
        ordering = ["-completed_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["member", "lesson"], name="courses_lessoncompletion_once"),
        ]

    def __str__(self) -> str:
        return f"{self.member} · {self.lesson}"


class StudyPosition(models.Model):
    """The lesson of a course that a member opened last: where they go on."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="study_positions",
        verbose_name=_("member"),
    )
    course = models.ForeignKey(
        "courses.CoursePage",
        on_delete=models.CASCADE,
        related_name="study_positions",
        verbose_name=_("course"),
    )
    lesson = models.ForeignKey(
        "courses.LessonPage", on_delete=models.CASCADE, related_name="+", verbose_name=_("lesson")
    )
    opened_at = models.DateTimeField(_("opened"))

    class Meta:
        verbose_name = _("place where a member left off")
        verbose_name_plural = _("places where members left off")
        ordering = ["-opened_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "course"], name="courses_studyposition_once_per_course"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} · {self.lesson}"
