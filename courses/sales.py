"""What courses sell: whole courses and single lessons. The one module here that commerce calls."""

from datetime import datetime

from django.utils.translation import gettext as _

from commerce.models import OrderLine
from courses.models import Enrolment
from courses.services import enrolling


class EnrolmentSeller:
    """Hands over places. The line's enrolment is the thing sold; a line without one was not sold by us."""

    is_merchandise = True

    def hold(self, line: OrderLine, *, at: datetime) -> None:
        """Nothing: the enrolment that waits for its money holds the place."""

    def fulfil(self, line: OrderLine, *, at: datetime) -> None:
        enrolling.activate(enrolment=_enrolment(line), at=at, cause=f"order {line.order.number} paid")

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


def _enrolment(line: OrderLine) -> Enrolment:
    return Enrolment.objects.select_related("course", "lesson", "member").get(order_line=line)
