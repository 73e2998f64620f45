"""What courses sell: whole courses and single lessons. The one module here that commerce calls."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from commerce import fulfilment
from commerce.models import Order, OrderLine
from courses.models import CoursePage, Enrolment, LessonPage
from courses.services import enrolling

if TYPE_CHECKING:
    from accounts.models import User


class EnrolmentSeller:
    """Hands over places. The line's enrolment is the thing sold; a line without one was not sold by us."""

    is_merchandise = True

    def hold(self, line: OrderLine, *, at: datetime) -> None:
        """The enrolment that waits for its money holds the place; it waits again with its order.

        An order whose money has come late is CANCELLED here: its place goes straight to its buyer.
        """
        if line.order.status != Order.Status.AWAITING_PAYMENT:
            return
        # Of an order being placed the enrolment comes after it.
        enrolment = _enrolments().filter(order_line=line).first()
        if enrolment is None:
            return
        try:
            enrolling.hold_again(enrolment=enrolment, at=at)
        except enrolling.EnrolmentRefused as refusal:
            raise fulfilment.NotAvailable(str(refusal)) from refusal

    def fulfil(self, line: OrderLine, *, at: datetime) -> None:
        try:
            enrolling.activate(enrolment=_enrolment(line), at=at, cause=f"order {line.order.number} paid")
        except enrolling.EnrolmentRefused as refusal:
            raise fulfilment.NotAvailable(str(refusal)) from refusal

    def release(self, line: OrderLine, *, at: datetime) -> None:
        enrolling.cancel(enrolment=_enrolment(line), at=at, cause=f"order {line.order.number} given up")

    def revoke(self, line: OrderLine, *, at: datetime) -> None:
        enrolling.revoke(enrolment=_enrolment(line), at=at, cause=f"order {line.order.number} refunded")

    def refusal(self, line: OrderLine) -> str:
        """Say so when the buyer has the same by another order: paid twice, delivered once."""
        enrolment = _enrolment(line)
        if enrolment.status == Enrolment.Status.REVOKED:
            return str(enrolling.PlaceTakenBack(enrolment))
        others = Enrolment.objects.by(enrolment.member).paid_or_active().exclude(pk=enrolment.pk)
        if others.to(enrolment.course, enrolment.lesson).exists():
            return _("The buyer has this already, by another order or an enrolment.")
        return ""

    def url(self, line: OrderLine) -> str:
        enrolment = _enrolment(line)
        return (enrolment.lesson or enrolment.course).get_url() or ""


class CourseSeller(EnrolmentSeller):
    """Sells places in whole courses."""


class LessonSeller(EnrolmentSeller):
    """Sells single lessons."""


def order_for_course(*, reference: int, buyer: "User", at: datetime) -> Order:
    """The order that buyer has for a course, or a new one."""
    course = CoursePage.objects.live().filter(id=reference).first()
    if course is None:
        raise fulfilment.NothingThere
    return _order_for(course, None, buyer=buyer, at=at)


def order_for_lesson(*, reference: int, buyer: "User", at: datetime) -> Order:
    """The order that buyer has for a single lesson, or a new one."""
    lesson = LessonPage.objects.shown().filter(id=reference).first()
    if lesson is None or not lesson.course.live:
        raise fulfilment.NothingThere
    return _order_for(lesson.course, lesson, buyer=buyer, at=at)


def _order_for(course: CoursePage, lesson: LessonPage | None, *, buyer: "User", at: datetime) -> Order:
    try:
        enrolment = enrolling.hold_place(member=buyer, course=course, lesson=lesson, at=at)
    except enrolling.EnrolmentRefused as refusal:
        raise fulfilment.NotAvailable(str(refusal)) from refusal
    return enrolment.order_line.order


def _enrolment(line: OrderLine) -> Enrolment:
    return _enrolments().get(order_line=line)


def _enrolments() -> QuerySet[Enrolment]:
    return Enrolment.objects.select_related("course", "lesson", "member")
