"""The shop's stock: pieces taken when an order is placed, and put back when it is given up or refunded."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, ProtectedError
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.fulfilment import NotAvailable
from commerce.models import Item, Order, OrderLine, StockHold

ITEM = "item"


class SoldOut(NotAvailable):
    """So many are not left."""

    def __init__(self, item: Item, *, left: int) -> None:
        message = _("“%(item)s” is sold out.")
        if left:
            message = ngettext(
                "Of “%(item)s” only %(left)d is left.", "Of “%(item)s” only %(left)d are left.", left
            )
        super().__init__(message % {"item": item, "left": left})


class NotForSale(NotAvailable):
    """The item is no longer offered."""

    def __init__(self, name: str) -> None:
        super().__init__(_("“%s” is no longer for sale. Take it out of the cart to go on.") % name)


class ItemInOrders(Exception):
    """Somebody has ordered the item, and what was ordered is kept."""

    def __init__(self, item: Item) -> None:
        super().__init__(
            _("“%s” has been ordered and cannot be deleted. Take it out of sale instead.") % item
        )


class ReturnedToStock(Exception):
    """The pieces of a line went back to the stock; there is nothing to hand over."""

    def __init__(self, line: OrderLine) -> None:
        super().__init__(
            f"Nothing is set aside for line {line.pk} of order {line.order_id}; hold it again first."
        )


class ItemSeller:
    """Sells the items of the shop. What is set aside for a line is its StockHold."""

    is_merchandise = True

    def hold(self, line: OrderLine, *, at: datetime) -> None:
        """Take the line's pieces out of the stock, once. Raises SoldOut and NotForSale."""
        item = _item(line)
        if item is None or not item.is_for_sale:
            raise NotForSale(line.title)
        hold, is_new = StockHold.objects.get_or_create(
            line=line, defaults={"item": item, "quantity": line.quantity, "taken_at": at}
        )
        is_ours = is_new or bool(
            StockHold.objects.filter(pk=hold.pk, returned_at__isnull=False).update(
                returned_at=None, taken_at=at
            )
        )
        if is_ours and item.stock is not None:
            _take(item, line.quantity)

    def fulfil(self, line: OrderLine, *, at: datetime) -> None:
        """The pieces set aside are the buyer's from now on. Raises ReturnedToStock."""
        if not StockHold.objects.filter(line=line, returned_at__isnull=True).exists():
            raise ReturnedToStock(line)

    def release(self, line: OrderLine, *, at: datetime) -> None:
        """Put back what was set aside, once."""
        hold = StockHold.objects.filter(line=line).first()
        if hold is not None and StockHold.objects.filter(pk=hold.pk, returned_at__isnull=True).update(
            returned_at=at
        ):
            # Nothing is counted of an item that never runs out; NULL + 1 stays NULL.
            Item.objects.filter(pk=hold.item_id).update(stock=F("stock") + hold.quantity)

    def revoke(self, line: OrderLine, *, at: datetime) -> None:
        """All the money went back, and so do the pieces."""
        self.release(line, at=at)

    def refusal(self, line: OrderLine) -> str:
        if StockHold.objects.filter(line=line, returned_at__isnull=True).exists():
            return ""
        item = _item(line)
        if item is None or not item.is_for_sale:
            return str(NotForSale(line.title))
        if item.stock is not None and item.stock < line.quantity:
            return str(SoldOut(item, left=item.stock))
        return ""

    def url(self, line: OrderLine) -> str:
        return reverse("commerce:item", args=[line.reference])


def delete_item(*, item: Item) -> None:
    """Delete an item that nobody has ordered; carts that hold it lose it. Raises ItemInOrders."""
    lines = OrderLine.objects.filter(kind=ITEM, reference=str(item.pk))
    if lines.exclude(order__status=Order.Status.OPEN).exists():
        raise ItemInOrders(item)
    try:
        with transaction.atomic():
            item.delete()
    except (ProtectedError, IntegrityError) as error:
        # Ordered at this very moment: its StockHold is in the way.
        raise ItemInOrders(item) from error


def _item(line: OrderLine) -> Item | None:
    return Item.objects.filter(pk=line.reference).first()


def _take(item: Item, quantity: int) -> None:
    """As one statement: whoever reads the stock first and writes it later sells what is not there."""
    if not Item.objects.filter(pk=item.pk, stock__gte=quantity).update(stock=F("stock") - quantity):
        item.refresh_from_db()
        raise SoldOut(item, left=item.stock or 0)
