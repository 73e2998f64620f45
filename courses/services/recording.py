"""Payments for courses and lessons brought in from a list: orders, payments and places as if made here."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from commerce.models import Order, Payment
from commerce.money import Money
from commerce.services import delivery, receiving
from courses.models import CoursePage, Enrolment, LessonPage
from courses.services import enrolling

# A row's payment is known by a name made of the row's reference: a second run finds it.
NAMES = uuid.UUID("6f1f2f0e-6b0b-5a6d-9c57-1f8d5d0a7c3e")


@dataclass(frozen=True, kw_only=True)
class PaidByHand:
    """One row: who paid how much for what, when, and how.

    reference names the row for ever. Either course or lesson is given: a slug or a title; a lesson also as
    `course-slug/lesson-slug`.
    """

    reference: str
    email: str
    paid_at: datetime
    amount: Money
    method: str
    course: str = ""
    lesson: str = ""

    @property
    def mark(self) -> uuid.UUID:
        return uuid.uuid5(NAMES, self.reference)


class RowRefused(Exception):
    """A row does not fit what is here; nothing of the list is recorded."""

    def __init__(self, row: PaidByHand, problem: str) -> None:
        super().__init__(
            _("Row “%(reference)s”: %(problem)s") % {"reference": row.reference, "problem": problem}
        )


def record(*, rows: Sequence[PaidByHand]) -> list[Payment]:
    """Record the rows that were not recorded before, all or none of them; give the new payments.

    What was paid for is handed over after that; what fails there is tried again by the sweep.
    Raises RowRefused.
    """
    with transaction.atomic(durable=True):
        known = set(
            Payment.objects.filter(uuid__in=[row.mark for row in rows]).values_list("uuid", flat=True)
        )
        payments = []
        for row in rows:
            if row.mark not in known:
                payments.append(_record(row))
                known.add(row.mark)
    for payment in payments:
        delivery.deliver_order(order=payment.order, at=payment.created_at)
    return payments


def _record(row: PaidByHand) -> Payment:
    member = User.objects.filter(email=row.email.lower()).first()
    if member is None:
        raise RowRefused(
            row, _("there is nobody with the address %s. Load the people first: load_demo.") % row.email
        )
    lesson = _lesson(row) if row.lesson else None
    course = lesson.course if lesson is not None else _course(row)
    waiting = Enrolment.objects.by(member).pending().to(course, lesson).select_related("order_line__order")
    if order_line := next((each.order_line for each in waiting), None):
        problem = _("order %s for it waits to be paid already. Pay or cancel that one first.")
        raise RowRefused(row, problem % order_line.order)
    try:
        enrolment = enrolling.order_place(member=member, course=course, lesson=lesson, at=row.paid_at)
        order = _order_of(row, enrolment)
        payment = receiving.expect(order=order, method=row.method, at=row.paid_at, mark=row.mark)
        receiving.settle_by_hand(
            payment=payment, at=row.paid_at, by=None, cause=f"load_payments {row.reference}"
        )
    except (enrolling.EnrolmentRefused, receiving.ReceivingRefused) as refusal:
        raise RowRefused(row, str(refusal)) from refusal
    return payment


def _order_of(row: PaidByHand, enrolment: Enrolment) -> Order:
    """The order placed for the row. Raises RowRefused when it comes to another sum."""
    line = enrolment.order_line
    assert line is not None, "order_place gives a place with its order"
    if line.order.total != row.amount:
        values = {"costs": line.order.total, "paid": row.amount}
        raise RowRefused(
            row, _("it costs %(costs)s and not %(paid)s. Correct the amount, or the price.") % values
        )
    return line.order


def _course(row: PaidByHand) -> CoursePage:
    found = list(CoursePage.objects.filter(Q(slug=row.course) | Q(title=row.course))[:2])
    if len(found) != 1:
        raise RowRefused(row, _not_one(found, row.course))
    return found[0]


def _lesson(row: PaidByHand) -> LessonPage:
    course_slug, _slash, name = row.lesson.rpartition("/")
    lessons = LessonPage.objects.filter(Q(slug=name) | Q(title=row.lesson))
    found = [
        lesson
        for lesson in lessons.defer_streamfields()
        if not course_slug or lesson.title == row.lesson or lesson.course.slug == course_slug
    ]
    if len(found) != 1:
        raise RowRefused(row, _not_one(found, row.lesson))
    return found[0]


def _not_one(found: Sequence[CoursePage | LessonPage], name: str) -> str:
    if found:
        return _("“%s” is more than one. Write a slug; a lesson's as course-slug/lesson-slug.") % name
    return _("there is no course or lesson “%s”. Load the courses first: load_demo.") % name
