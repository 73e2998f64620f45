"""The cart: an order that is open yet. Nothing is set aside for it, and its prices are today's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Least
from django.utils.translation import gettext as _

from commerce.models import Item, KeptLine, Order, OrderDiscount, OrderLine, Tax
from commerce.models.batches import in_batches
from commerce.models.customers import Customer
from commerce.money import Money
from commerce.services import discounting, ordering
from commerce.services.ordering import LineRequest
from commerce.services.stocking import ITEM, NotForSale, SoldOut

logger = logging.getLogger(__name__)

MOST_OF_ONE_ITEM = 99
# How long an untouched cart of a visitor is kept.
GUEST_CART_KEPT = timedelta(days=30)


class CartRefused(Exception):
    """The cart cannot be changed or ordered so; the message says why and what to do."""


class OtherCurrency(CartRefused):
    """One order is paid through one account, which takes one currency."""

    def __init__(self, item: Item, cart: Order) -> None:
        super().__init__(
            _(
                "“%(item)s” is sold in %(theirs)s, and your cart holds things in %(ours)s."
                " Order those first, or take them out."
            )
            % {"item": item, "theirs": item.currency, "ours": cart.currency}
        )


class EmptyCart(CartRefused):
    """There is nothing to order."""

    def __init__(self) -> None:
        super().__init__(_("Your cart is empty. Put something into it first."))


class TooMany(CartRefused):
    """More of one item than anybody orders by accident."""

    def __init__(self, item: Item) -> None:
        super().__init__(
            _("At most %(most)d of “%(item)s” fit into one order.") % {"most": MOST_OF_ONE_ITEM, "item": item}
        )


def find(customer: Customer) -> Order | None:
    """The customer's cart; None before anything was put into it."""
    return Order.objects.of(customer).carts().first()


def add(*, customer: Customer, item: Item, at: datetime, quantity: int = 1) -> Order:
    """Put so many more of an item into the cart. Raises CartRefused, NotForSale and SoldOut."""
    with transaction.atomic():
        cart = _locked(customer, currency=item.currency, at=at)
        _set(cart=cart, item=item, quantity=quantity + _held(cart, item), at=at)
    return cart


def begin(*, customer: Customer, currency: str, at: datetime) -> tuple[Order, bool]:
    """The customer's cart, or a new one, in a currency until something is put in; say whether it is new."""
    found = find(customer)
    if found is not None:
        return found, False
    with transaction.atomic():
        cart = _locked(customer, currency=currency, at=at)
    return cart, cart.created_at == at


def add_all(*, customer: Customer, wishes: Sequence[tuple[Item, int]], at: datetime) -> None:
    """Put so many more of each item into the cart, or nothing at all. Raises what `add` raises."""
    with transaction.atomic():
        for item, quantity in wishes:
            add(customer=customer, item=item, quantity=quantity, at=at)


def set_quantity(*, customer: Customer, item: Item, quantity: int, at: datetime) -> Order:
    """Have exactly so many of an item in the cart; 0 takes it out. Raises CartRefused and NotAvailable."""
    if quantity <= 0:
        remove(customer=customer, item_id=item.pk, at=at)
        return find(customer) or _new_cart(customer, currency=item.currency, at=at)
    with transaction.atomic():
        cart = _locked(customer, currency=item.currency, at=at)
        _set(cart=cart, item=item, quantity=quantity, at=at)
    return cart


def remove(*, customer: Customer, item_id: int, at: datetime) -> bool:
    """Take an item out of the cart; say whether it was in there."""
    with transaction.atomic():
        cart = Order.objects.of(customer).carts().select_for_update().first()
        if cart is None:
            return False
        removed, _by_model = cart.lines.filter(kind=ITEM, reference=str(item_id)).delete()
        _reckon(cart, at=at)
    bring_kept(customer=customer, at=at)
    return bool(removed)


def throw_away(*, customer: Customer, at: datetime) -> bool:
    """Delete the cart and all that is in it; say whether there was one. What is kept for later comes next."""
    with transaction.atomic():
        cart = Order.objects.of(customer).carts().select_for_update().first()
        if cart is None:
            return False
        cart.delete_cart()
    bring_kept(customer=customer, at=at)
    return True


def ask_for_discount(*, customer: Customer, code: str, at: datetime) -> Order:
    """Give the cart the discount of a code. Raises EmptyCart and discounting.DiscountRefused."""
    with transaction.atomic():
        cart = Order.objects.of(customer).carts().select_for_update().first()
        if cart is None or not cart.lines.exists():
            raise EmptyCart
        discount = discounting.by_code(code=code, currency=cart.currency, at=at)
        discounting.attach(order=cart, discount=discount)
        _reckon(cart, at=at)
    return cart


def drop_discount(*, customer: Customer, at: datetime) -> bool:
    """Take the discount of a code off the cart; say whether there was one. What comes by itself stays."""
    with transaction.atomic():
        cart = Order.objects.of(customer).carts().select_for_update().first()
        if cart is None:
            return False
        dropped, _by_model = OrderDiscount.objects.filter(order=cart).exclude(discount__code="").delete()
        _reckon(cart, at=at)
    return bool(dropped)


def refresh(*, cart: Order, at: datetime) -> list[str]:
    """Bring a cart up to today's prices, titles, discounts and taxes; what changed, in words."""
    with transaction.atomic():
        cart = Order.objects.select_for_update().get(pk=cart.pk)
        if cart.status != Order.Status.OPEN:
            return []
        notes = []
        lines = list(cart.lines.all())
        for_sale = Item.objects.for_sale().filter(currency=cart.currency)
        items = {str(item.pk): item for item in for_sale.filter(pk__in=[line.reference for line in lines])}
        for line in lines:
            item = items.get(line.reference)
            if item is None:
                line.delete()
                notes.append(_("“%s” is no longer for sale and was taken out of your cart.") % line.title)
            elif (item.price_money.minor, item.name) != (line.unit_price_minor, line.title):
                if item.price_money.minor != line.unit_price_minor:
                    notes.append(
                        _("“%(item)s” costs %(price)s now.") % {"item": item, "price": item.price_money}
                    )
                line.unit_price_minor, line.title = item.price_money.minor, item.name
                line.save(update_fields=["unit_price_minor", "title"])
        seen = cart.total
        _reckon(cart, at=at)
        if cart.total != seen and not notes:
            notes.append(_("Discounts or taxes have changed: your cart comes to %s now.") % cart.total)
    return notes


def place(*, customer: Customer, at: datetime, email: str = "") -> Order:
    """Order what is in the cart, at today's prices; it is frozen then and its stock set aside.

    email is where the receipt of a visitor goes, if they gave one.
    Of two calls at once one places the order and the other finds the cart empty. Raises CartRefused,
    fulfilment.NotAvailable and discounting.DiscountRefused; the cart is as it was then.
    """
    with transaction.atomic(durable=True):
        cart = Order.objects.of(customer).carts().select_for_update().first()
        if cart is None or not cart.lines.exists():
            raise EmptyCart
        ordering.place_cart(cart=cart, lines=[_line(line) for line in cart.lines.all()], email=email, at=at)
    bring_kept(customer=customer, at=at)
    return cart


def kept(customer: Customer) -> list[KeptLine]:
    """What waits until the customer's cart is free for it; the first kept first."""
    return list(KeptLine.objects.of(customer.user)) if customer.user is not None else []


def bring_kept(*, customer: Customer, at: datetime) -> None:
    """Put what is kept for later into a cart that is empty: all of one currency, as much as there is.

    What is of another currency, or not to be had, waits on. Nothing happens while the cart holds something.
    """
    first = KeptLine.objects.of(customer.user).first() if customer.user is not None else None
    if first is None:
        return
    with transaction.atomic():
        # The cart before what is kept, as in `take_over`.
        if _locked(customer, currency=first.item.currency, at=at).lines.exists():
            return
        for line in KeptLine.objects.of(customer.user).select_for_update(of=("self",)):
            put = _put_as_many(customer=customer, item=line.item, quantity=line.quantity, at=at)
            if put == line.quantity:
                line.delete()
            elif put:
                line.quantity -= put
                line.save(update_fields=["quantity"])


def buy_now(*, customer: Customer, item: Item, at: datetime) -> Order:
    """An order of one item, past the cart. Asking again gives the same order while it can be paid.

    Raises NotForSale, SoldOut and CartRefused.
    """
    if not item.is_for_sale:
        raise NotForSale(item.name)
    with transaction.atomic(durable=True):
        # The cart's row is the customer's own lock: the second half of a double click waits here.
        _locked(customer, currency=item.currency, at=at)
        found = _waiting_for(customer=customer, item=item, at=at)
        if found is not None:
            return found
        return ordering.place(
            lines=[_request(item, quantity=1)], buyer=customer.user, guest_key=customer.guest_key, at=at
        )


def take_over(*, guest_key: str, customer: Customer, at: datetime) -> list[str]:
    """A visitor signs in: their cart is merged into the member's, their orders become the member's.

    Of each thing so many go in as fit; what is of another currency is kept until the cart is free for it.
    Whatever does not go in is told in words. Doing it twice does nothing more.
    """
    if customer.user is None:
        raise ValueError("A visitor's cart is taken over by a member.")
    guest = Customer(guest_key=guest_key)
    notes = []
    with transaction.atomic():
        visited = Order.objects.of(guest).carts().select_for_update().first()
        lines = list(visited.lines.all()) if visited else []
        attached = OrderDiscount.objects.filter(order=visited).select_related("discount").first()
        if visited is not None:
            visited.delete_cart()
        for line in lines:
            notes += _take_over_line(line, customer=customer, at=at)
        if attached is not None and attached.discount.code:
            notes += _take_over_code(attached.discount.code, customer=customer, at=at)
        placed = Order.objects.of(guest).exclude(status=Order.Status.OPEN)
        placed.filter(email="").update(email=customer.user.email)
        placed.update(buyer=customer.user)
    return notes


def _take_over_line(line: OrderLine, *, customer: Customer, at: datetime) -> list[str]:
    item = Item.objects.for_sale().filter(pk=line.reference).first()
    if item is None:
        return [_("“%s” is no longer for sale and was left out of your cart.") % line.title]
    try:
        with transaction.atomic():
            add(customer=customer, item=item, quantity=line.quantity, at=at)
    except OtherCurrency as refusal:
        _keep(customer=customer, item=item, quantity=line.quantity, at=at)
        comes = _("It is kept for you, and comes into your cart by itself then.")
        return [f"{refusal} {comes}"]
    except (TooMany, SoldOut) as refusal:
        _put_as_many(customer=customer, item=item, quantity=line.quantity, at=at)
        return [str(refusal)]
    return []


def _take_over_code(code: str, *, customer: Customer, at: datetime) -> list[str]:
    """Ask for the discount of the visitor's code, unless the member has asked for one."""
    own = OrderDiscount.objects.filter(order=find(customer)).select_related("discount").first()
    if own is not None and own.discount.code:
        if own.discount.code.upper() == code.upper():
            return []
        words = _("Your cart has the discount “%(own)s” already; the code “%(code)s” was left out.")
        return [words % {"own": own, "code": code}]
    try:
        ask_for_discount(customer=customer, code=code, at=at)
    except (CartRefused, discounting.DiscountRefused) as refusal:
        return [str(refusal)]
    return []


def _keep(*, customer: Customer, item: Item, quantity: int, at: datetime) -> None:
    """Keep so many more of an item for later; not more than anybody orders by accident."""
    line, is_new = KeptLine.objects.get_or_create(
        user=customer.user, item=item, defaults={"quantity": min(quantity, MOST_OF_ONE_ITEM), "kept_at": at}
    )
    if not is_new:
        more = Least(F("quantity") + quantity, MOST_OF_ONE_ITEM)
        KeptLine.objects.filter(pk=line.pk).update(quantity=more)


def _put_as_many(*, customer: Customer, item: Item, quantity: int, at: datetime) -> int:
    """Put so many more of an item into the cart, or as many as fit; how many did."""
    with transaction.atomic():
        cart = _locked(customer, currency=item.currency, at=at)
        held = _held(cart, item)
        wanted = min(held + quantity, MOST_OF_ONE_ITEM)
        wanted = wanted if item.stock is None else min(wanted, item.stock)
        if wanted <= held or not item.is_for_sale or cart.currency != item.currency:
            return 0
        _set(cart=cart, item=item, quantity=wanted, at=at)
    return wanted - held


def forget_left_carts(*, at: datetime) -> int:
    """Delete visitors' carts that nobody has touched for long; give their number. They hold nothing."""
    left = Order.objects.carts().filter(buyer__isnull=True, created_at__lt=at - GUEST_CART_KEPT)
    forgotten = 0
    for cart in in_batches(left):
        with transaction.atomic():
            locked = Order.objects.carts().select_for_update().filter(pk=cart.pk).first()
            if locked is not None:
                locked.delete_cart()
                forgotten += 1
    return forgotten


def _locked(customer: Customer, *, currency: str, at: datetime) -> Order:
    """The customer's cart, made when there is none, and locked. An empty one takes the currency asked for."""
    carts = Order.objects.of(customer).carts().select_for_update()
    cart = carts.first()
    if cart is None:
        try:
            with transaction.atomic():
                _new_cart(customer, currency=currency, at=at)
        except IntegrityError:
            # The database allows one cart per customer: another request has just made it.
            logger.info("The cart of %s was made meanwhile", customer.user or "a visitor")
        cart = carts.get()
    if cart.currency != currency and not cart.lines.exists():
        OrderDiscount.objects.filter(order=cart).delete()
        cart.currency = currency
        cart.save(update_fields=["currency"])
    return cart


def _new_cart(customer: Customer, *, currency: str, at: datetime) -> Order:
    return Order.objects.create(
        buyer=customer.user,
        guest_key=customer.guest_key,
        status=Order.Status.OPEN,
        currency=currency,
        total_minor=0,
        created_at=at,
    )


def _held(cart: Order, item: Item) -> int:
    """How many of an item are in the cart."""
    line = cart.lines.filter(kind=ITEM, reference=str(item.pk)).first()
    return line.quantity if line is not None else 0


def _set(*, cart: Order, item: Item, quantity: int, at: datetime) -> None:
    if not item.is_for_sale:
        raise NotForSale(item.name)
    if cart.currency != item.currency:
        raise OtherCurrency(item, cart)
    if quantity > MOST_OF_ONE_ITEM:
        raise TooMany(item)
    if item.stock is not None and item.stock < quantity:
        raise SoldOut(item, left=item.stock)
    OrderLine.objects.update_or_create(
        order=cart,
        kind=ITEM,
        reference=str(item.pk),
        defaults={
            "title": item.name,
            "unit_price_minor": item.price_money.minor,
            "quantity": quantity,
        },
    )
    _reckon(cart, at=at)


def _reckon(cart: Order, *, at: datetime) -> None:
    """Keep on the cart what placing it now would freeze: with the discounts and taxes of the moment."""
    lines = list(cart.lines.all())
    ordering.give_own_discount(order=cart, lines=lines, at=at)
    taxes = list(Tax.objects.on(cart.currency).order_by("pk"))
    ordering.write_amounts(order=cart, reckoned=ordering.reckon(order=cart, lines=lines, taxes=taxes))


def _line(line: OrderLine) -> LineRequest:
    item = Item.objects.for_sale().filter(pk=line.reference).first()
    if item is None:
        raise NotForSale(line.title)
    return _request(item, quantity=line.quantity)


def _request(item: Item, *, quantity: int) -> LineRequest:
    return LineRequest(
        kind=ITEM, reference=str(item.pk), title=item.name, unit_price=item.price_money, quantity=quantity
    )


def _waiting_for(*, customer: Customer, item: Item, at: datetime) -> Order | None:
    """An unpaid order of exactly one of the item, at today's price."""
    for order in Order.objects.of(customer).awaiting_payment().filter(payable_until__gt=at):
        lines: Sequence[OrderLine] = list(order.lines.all())
        if [(line.kind, line.reference, line.quantity) for line in lines] == [
            (ITEM, str(item.pk), 1)
        ] and Money(item.price, item.currency) == lines[0].unit_price:
            return order
    return None
