"""Places in courses: taken for free, held until they are paid, given up, taken back."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from commerce.gateways import GatewayError
from commerce.models import Order
from commerce.services import checkout, ordering
from courses.models import CoursePage, Enrolment, LessonPage

if TYPE_CHECKING:
    from accounts.models import User

COURSE = "course"
LESSON = "lesson"


class EnrolmentRefused(Exception):
    """There is no place to be had; the message says why and what to do."""


class AlreadyEnrolled(EnrolmentRefused):
    """The member has what they ask for."""

    def __init__(self, thing: CoursePage | LessonPage) -> None:
        super().__init__(_("“%s” is yours already; go on studying.") % thing)


class PaymentRequired(EnrolmentRefused):
    """The course costs something."""

    def __init__(self, course: CoursePage) -> None:
        super().__init__(
            _("“%(course)s” costs %(price)s. Buy it to enrol.")
            % {"course": course, "price": course.price_money}
        )


class NotForSale(EnrolmentRefused):
    """It is free, sold only together with its course, or not published."""


class OrderedAnew(EnrolmentRefused):
    """There is a newer order for the same."""

    def __init__(self, thing: CoursePage | LessonPage) -> None:
        super().__init__(_("You have ordered “%s” again since; pay the newer order.") % thing)


class PlaceTakenBack(EnrolmentRefused):
    """The money for this place was given back."""

    def __init__(self, enrolment: Enrolment) -> None:
        super().__init__(_("The place in “%s” was refunded; it can be bought again.") % enrolment.course)


def enrol(*, member: "User", course: CoursePage, at: datetime) -> tuple[Enrolment, bool]:
    """The place in course that member has, or a new one if it is free; say whether it is new.

    An unpaid order from the time when the course did cost something is given up, which asks the provider.
    Raises PaymentRequired, NotForSale and checkout.CheckoutRefused, the last also while money for such an
    order is on its way.
    """
    _require_published(course)
    mine = Enrolment.objects.by(member).to(course)
    found = mine.active().first()
    if found is not None:
        return found, False
    if not course.is_free:
        raise PaymentRequired(course)
    pending = mine.pending().first()
    if pending is not None:
        _give_up(pending, at=at, cause=gettext_noop("the course became free"))
    with transaction.atomic(durable=True):
        enrolment, is_new = _create(
            Enrolment(
                member=member, course=course, status=Enrolment.Status.ACTIVE, created_at=at, activated_at=at
            )
        )
    if enrolment.order_line is not None and enrolment.status == Enrolment.Status.PENDING:
        raise checkout.PaymentUnderWay(enrolment.order_line.order)
    return enrolment, is_new


def enrol_free(*, member: "User", course: CoursePage, at: datetime) -> Enrolment:
    """The place of `enrol`, new or not."""
    enrolment, _is_new = enrol(member=member, course=course, at=at)
    return enrolment


def hold_place(
    *, member: "User", course: CoursePage, lesson: LessonPage | None = None, at: datetime
) -> Enrolment:
    """Hold a place in course, or at one lesson of it, until it is paid for.

    The order to pay is ``enrolment.order_line.order``; asking again gives the same one while it can be paid.
    An order whose time is over is given up first, which asks the provider: call this outside transactions.
    Raises EnrolmentRefused and checkout.CheckoutRefused.
    """
    _line(course=course, lesson=lesson)
    _require_not_enrolled(member=member, course=course, lesson=lesson)
    stale = (
        Enrolment.objects.by(member).pending().to(course, lesson).select_related("order_line__order").first()
    )
    if stale is not None and not _may_be_paid(stale, at=at):
        _give_up(stale, at=at, cause=gettext_noop("ordered again"))
    with transaction.atomic(durable=True):
        return order_place(member=member, course=course, lesson=lesson, at=at)


def order_place(
    *, member: "User", course: CoursePage, lesson: LessonPage | None = None, at: datetime
) -> Enrolment:
    """The place that member has ordered, or a new one with its order. Call it inside a transaction.

    It may be an earlier one whose time to pay is over; `hold_place` gives such a one up first.
    Raises AlreadyEnrolled and NotForSale.
    """
    line = _line(course=course, lesson=lesson)
    _require_not_enrolled(member=member, course=course, lesson=lesson)
    enrolment, is_new = _create(
        Enrolment(member=member, course=course, lesson=lesson, status=Enrolment.Status.PENDING, created_at=at)
    )
    if enrolment.status == Enrolment.Status.ACTIVE:
        raise AlreadyEnrolled(lesson or course)
    if is_new:
        order = ordering.place(buyer=member, lines=[line], at=at)
        enrolment.order_line = order.lines.get()
        enrolment.save(update_fields=["order_line"])
    return enrolment


def activate(*, enrolment: Enrolment, at: datetime, cause: str) -> bool:
    """Open what was paid for; say whether this call did. Call it inside a transaction.

    Another order of the same thing that still waits for its money is cancelled; should it be paid after all,
    commerce asks `courses.sales` and holds the money.
    Raises AlreadyEnrolled and PlaceTakenBack.
    """
    if enrolment.status == Enrolment.Status.ACTIVE:
        return False
    rivals = (
        Enrolment.objects.filter(member=enrolment.member_id, course=enrolment.course_id)
        .filter(lesson=enrolment.lesson_id)
        .exclude(pk=enrolment.pk)
    )
    if rivals.active().exists():
        raise AlreadyEnrolled(enrolment.lesson or enrolment.course)
    why = gettext_noop("bought by another order")
    for rival in rivals.pending().select_related("order_line__order"):
        if rival.order_line is not None:
            ordering.cancel(order=rival.order_line.order, at=at, cause=why)
        cancel(enrolment=rival, at=at, cause=why)
    won = enrolment.transition(to=Enrolment.Status.ACTIVE, at=at, cause=cause, activated_at=at)
    if not won and enrolment.status == Enrolment.Status.REVOKED:
        raise PlaceTakenBack(enrolment)
    return won


def cancel(*, enrolment: Enrolment, at: datetime, cause: str) -> bool:
    """Free a place that was not paid for; say whether this call did. Call it inside a transaction."""
    return enrolment.transition(to=Enrolment.Status.CANCELLED, at=at, cause=cause)


def hold_again(*, enrolment: Enrolment, at: datetime) -> bool:
    """Hold a place for an order that is taken up again; say whether this call did. Inside a transaction.

    Raises OrderedAnew and AlreadyEnrolled.
    """
    thing = enrolment.lesson or enrolment.course
    _require_not_enrolled(member=enrolment.member, course=enrolment.course, lesson=enrolment.lesson)
    try:
        with transaction.atomic():
            return enrolment.transition(
                to=Enrolment.Status.PENDING,
                from_={Enrolment.Status.CANCELLED},
                at=at,
                cause="order taken up again",
            )
    except IntegrityError as error:
        # The database allows one open place: the member has ordered it again, or has it.
        raise OrderedAnew(thing) from error


def revoke(*, enrolment: Enrolment, at: datetime, cause: str) -> bool:
    """Take back a place whose money was given back; say whether this call did. Call it inside a transaction.

    A place not opened yet is cancelled instead.
    """
    if enrolment.transition(to=Enrolment.Status.REVOKED, at=at, cause=cause):
        return True
    return enrolment.transition(to=Enrolment.Status.CANCELLED, at=at, cause=cause)


def _line(*, course: CoursePage, lesson: LessonPage | None) -> ordering.LineRequest:
    _require_published(course)
    if course.is_free:
        raise NotForSale(_("“%s” is free: enrol without paying.") % course)
    if lesson is None:
        return ordering.LineRequest(
            kind=COURSE, reference=str(course.pk), title=course.title, unit_price=course.price_money
        )
    # A lesson is hidden with its section as well.
    if not LessonPage.objects.shown().filter(pk=lesson.pk).exists():
        raise NotForSale(_("“%s” is not published.") % lesson)
    if lesson.is_preview:
        raise NotForSale(_("“%s” is open to everyone.") % lesson)
    price = lesson.price_money
    if price is None:
        raise NotForSale(_("“%s” is sold with its whole course only.") % lesson)
    return ordering.LineRequest(
        kind=LESSON,
        reference=str(lesson.pk),
        title=_("%(course)s: %(lesson)s") % {"course": course.title, "lesson": lesson.title},
        unit_price=price,
    )


def _require_not_enrolled(*, member: "User", course: CoursePage, lesson: LessonPage | None) -> None:
    """Raise AlreadyEnrolled when the whole course, with the lesson, is the member's."""
    if lesson is not None and Enrolment.objects.by(member).active().to(course).exists():
        raise AlreadyEnrolled(course)


def _require_published(course: CoursePage) -> None:
    if not course.live:
        raise NotForSale(_("“%s” is not published.") % course)


def _create(enrolment: Enrolment) -> tuple[Enrolment, bool]:
    """Save enrolment, or give the open one that the database found in its way; say whether it is new."""
    mine = Enrolment.objects.by(enrolment.member).open().to(enrolment.course, enrolment.lesson)
    found = mine.select_for_update(of=("self",)).first()
    if found is None:
        try:
            with transaction.atomic():
                enrolment.save(force_insert=True)
        except IntegrityError:
            # The other half of a double click was faster: the constraint let one of us in.
            found = mine.first()
            if found is None:
                raise
        else:
            return enrolment, True
    return found, False


def _may_be_paid(enrolment: Enrolment, *, at: datetime) -> bool:
    line = enrolment.order_line
    return line is not None and line.order.may_be_paid(at=at)


def _give_up(enrolment: Enrolment, *, at: datetime, cause: str) -> None:
    """Close the enrolment's unpaid order and free the place. Raises checkout.CheckoutRefused."""
    line = enrolment.order_line
    if line is not None:
        try:
            checkout.give_up(order=line.order, at=at, cause=cause)
        except GatewayError as error:
            raise checkout.ProviderUnavailable from error
    with transaction.atomic(durable=True):
        enrolment.refresh_from_db()
        if enrolment.status == Enrolment.Status.PENDING and not _may_yet_open(enrolment):
            cancel(enrolment=enrolment, at=at, cause=cause)


def _may_yet_open(enrolment: Enrolment) -> bool:
    """Whether the order may open the place yet: it is paid, or its page could not be closed."""
    line = enrolment.order_line
    return line is not None and line.order.status in (Order.Status.AWAITING_PAYMENT, Order.Status.PAID)
