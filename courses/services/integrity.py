"""What must hold between places in courses and the orders that paid for them."""

from datetime import datetime

from django.db.models import F, Q

from commerce.models import Order, OrderLine
from commerce.services.integrity import CHUNK, Broken, history_rule, register
from courses.models import Enrolment
from courses.services.enrolling import COURSE, LESSON


def enrolled_without_paying(at: datetime) -> Broken:
    """A place that was bought is open only while its order is paid."""
    bought = Enrolment.objects.active().filter(order_line__isnull=False)
    unpaid = bought.annotate(order_status=F("order_line__order__status")).exclude(
        order_status=Order.Status.PAID
    )
    for enrolment in unpaid.order_by("pk").iterator(chunk_size=CHUNK):
        yield enrolment, f"open, and its order is {enrolment.order_status}"


def paid_without_place(at: datetime) -> Broken:
    """What was paid for has a place, of the buyer, which is open once it was handed over."""
    lines = OrderLine.objects.filter(kind__in=[COURSE, LESSON], order__status=Order.Status.PAID)
    wrong = lines.filter(
        Q(enrolment__isnull=True)
        | ~Q(enrolment__member=F("order__buyer"))
        | (Q(fulfilled_at__isnull=False) & ~Q(enrolment__status=Enrolment.Status.ACTIVE))
    )
    for line in wrong.select_related("order").order_by("pk").iterator(chunk_size=CHUNK):
        yield line, f"{line} of order {line.order} is paid, and the buyer has no open place"


def register_own() -> None:
    """Make the rules of courses known; called when the app starts."""
    register(enrolled_without_paying.__name__, enrolled_without_paying)
    register(paid_without_place.__name__, paid_without_place)
    # Places in free courses are open from the beginning.
    initial = [Enrolment.Status.PENDING, Enrolment.Status.ACTIVE]
    register("enrolment_history", history_rule(Enrolment, initial=initial))
