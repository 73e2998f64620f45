"""Crowds in the shop, on a real PostgreSQL with real threads: the stock is sold, and nobody locks crosswise.

A few rounds of each with every change; `make races` runs them long.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db.models import Sum

from accounts.models import User
from accounts.services import privacy
from accounts.tests.crowd import CROWD, all_at_once
from accounts.tests.factories import UserFactory
from commerce import fulfilment
from commerce.models import Discount, Item, Order, Payment, Refund, StockHold
from commerce.models.customers import Customer, new_guest_key
from commerce.money import Money
from commerce.services import (
    cart,
    checkout,
    delivery,
    discounting,
    integrity,
    ordering,
    refunding,
    renewing,
    settlement,
)
from commerce.services.stocking import SoldOut
from commerce.tests.factories import NOON, URLS, fake
from commerce.tests.rounds import failures, race, rounds

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

STOCK = 5


# --- Stock -------------------------------------------------------------------------------------------------
def test_a_crowd_of_four_times_the_stock_buys_exactly_the_stock():
    """Carts hold all items in random order; some have a discount with a limit; orders of before are given up,
    and refunded, at the same moment."""
    chance = random.Random(1)
    for _round in rounds(short=5, long=50):
        items = [make_item(stock=STOCK) for _item in range(3)]
        given_up, refunded = (order_all(items, chance=chance) for _order in range(2))
        pay(refunded)
        discount = Discount.objects.create(
            name="Early bird", code=new_guest_key(), percent_off=Decimal(10), max_redemptions=2
        )
        buyers = [fill_cart(items, chance=chance) for _buyer in range(4 * STOCK)]
        for buyer in buyers[::2]:
            cart.ask_for_discount(customer=buyer, code=discount.code, at=NOON)
        acts: list[Callable[[], object]] = [partial(place_without_what_is_over, buyer) for buyer in buyers]
        acts += [partial(give_up, given_up), partial(give_back, refunded)]
        chance.shuffle(acts)

        answers = race(acts)
        # What was given back after everybody had asked is for whoever comes next.
        while left_of(items) == {1} or left_of(items) == {2}:
            place_without_what_is_over(fill_cart(items, chance=chance))

        assert failures(answers, but=(SoldOut,)) == []
        assert [(item.stock, held(item)) for item in fresh(items)] == [(0, STOCK)] * 3
        discount.refresh_from_db()
        assert discount.times_redeemed <= 2
        assert findings() == []


def test_a_click_on_buy_now_repeated_sixteen_times_at_once_is_one_order():
    for customer in (Customer(user=UserFactory()), Customer(guest_key=new_guest_key())):
        item = make_item(stock=STOCK)

        orders = all_at_once(partial(cart.buy_now, customer=customer, item=item, at=NOON))

        assert {order.pk for order in orders} == {Order.objects.get(lines__reference=item.pk).pk}
        item.refresh_from_db()
        assert item.stock == STOCK - 1


def test_a_cart_ordered_sixteen_times_at_once_is_one_order():
    items = [make_item(stock=STOCK)]
    customer = fill_cart(items)

    answers = all_at_once(partial(cart.place, customer=customer, at=NOON))

    assert len([answer for answer in answers if isinstance(answer, Order)]) == 1
    assert failures(answers, but=(cart.EmptyCart,)) == []
    assert [item.stock for item in fresh(items)] == [STOCK - 1]


def test_an_order_given_up_sixteen_times_at_once_puts_its_pieces_back_once():
    items = [make_item(stock=STOCK)]
    order = order_all(items)

    answers = all_at_once(lambda: give_up(Order.objects.get(pk=order.pk)))

    assert sorted(answers) == [False] * (CROWD - 1) + [True]
    assert [item.stock for item in fresh(items)] == [STOCK]


def test_what_is_held_for_a_line_and_released_sixteen_times_at_once_is_put_back_once():
    items = [make_item(stock=STOCK)]
    line = order_all(items).lines.get()

    answers = all_at_once(lambda: fulfilment.seller_for(line.kind).release(line, at=NOON))

    assert answers == [None] * CROWD
    assert [item.stock for item in fresh(items)] == [STOCK]


# --- Carts -------------------------------------------------------------------------------------------------
def test_sixteen_of_an_item_put_into_a_cart_at_once_are_sixteen():
    for customer in (Customer(user=UserFactory()), Customer(guest_key=new_guest_key())):
        item = make_item(stock=None)

        answers = all_at_once(partial(cart.add, customer=customer, item=item, at=NOON))

        assert failures(answers) == []
        found = cart.find(customer)
        assert [line.quantity for line in found.lines.all()] == [CROWD]
        assert found.total_minor == CROWD * item.price_money.minor
        assert Order.objects.of(customer).count() == 1


def test_a_visitor_who_signs_in_eight_times_at_once_brings_the_cart_along_once():
    items = [make_item(stock=None), make_item(stock=None)]
    visitor = Customer(guest_key=new_guest_key())
    cart.add(customer=visitor, item=items[0], quantity=2, at=NOON)
    cart.add(customer=visitor, item=items[1], quantity=1, at=NOON)
    ordered = cart.buy_now(customer=visitor, item=items[0], at=NOON)
    member = Customer(user=UserFactory())
    cart.add(customer=member, item=items[0], quantity=3, at=NOON)

    answers = all_at_once(
        partial(cart.take_over, guest_key=visitor.guest_key, customer=member, at=NOON), count=8
    )

    assert answers == [[]] * 8
    assert {line.reference: line.quantity for line in cart.find(member).lines.all()} == {
        str(items[0].pk): 5,
        str(items[1].pk): 1,
    }
    assert cart.find(visitor) is None
    ordered.refresh_from_db()
    assert ordered.buyer == member.user


# --- Discounts and refunds ---------------------------------------------------------------------------------
def test_a_discount_for_three_orders_is_had_by_three_of_sixteen_at_once():
    item = make_item(stock=None)
    discount = Discount.objects.create(name="First", code="FIRST", percent_off=Decimal(50), max_redemptions=3)
    buyers = [fill_cart([item]) for _buyer in range(CROWD)]
    for buyer in buyers:
        cart.ask_for_discount(customer=buyer, code="first", at=NOON)

    answers = race([partial(cart.place, customer=buyer, at=NOON) for buyer in buyers])

    assert len([answer for answer in answers if isinstance(answer, Order)]) == 3
    assert failures(answers, but=(discounting.NoLongerValid,)) == []
    discount.refresh_from_db()
    assert discount.times_redeemed == 3
    assert findings() == []


def test_a_discount_that_comes_by_itself_and_is_used_up_at_once_refuses_nobody():
    item = make_item(stock=None)
    first = Discount.objects.create(name="First", percent_off=Decimal(50), max_redemptions=3)
    later = Discount.objects.create(name="Later", percent_off=Decimal(10))
    buyers = [fill_cart([item]) for _buyer in range(CROWD)]

    answers = race([partial(cart.place, customer=buyer, at=NOON) for buyer in buyers])

    assert failures(answers) == []
    for discount in (first, later):
        discount.refresh_from_db()
    assert (first.times_redeemed, later.times_redeemed) == (3, CROWD - 3)
    assert findings() == []


def test_what_is_kept_for_later_comes_once_whatever_is_done_at_once():
    member, visitor = Customer(user=UserFactory()), Customer(guest_key=new_guest_key())
    ours, theirs = make_item(stock=None), make_item(stock=None)
    Item.objects.filter(pk=theirs.pk).update(currency="EUR")
    theirs.refresh_from_db()
    cart.add(customer=member, item=ours, at=NOON)
    cart.add(customer=visitor, item=theirs, quantity=2, at=NOON)
    acts = [partial(cart.take_over, guest_key=visitor.guest_key, customer=member, at=NOON)] * 4
    acts += [partial(cart.throw_away, customer=member, at=NOON)] * 4
    acts += [partial(cart.remove, customer=member, item_id=ours.pk, at=NOON)] * 4

    answers = race(acts)
    cart.remove(customer=member, item_id=ours.pk, at=NOON)

    assert failures(answers) == []
    held = cart.find(member)
    pieces = sum(line.quantity for line in held.lines.all()) if held else 0
    # Who threw the cart away after it had come threw it away.
    assert pieces in (0, 2)
    assert cart.kept(member) == []
    assert cart.find(visitor) is None


def test_of_sixteen_refunds_at_once_no_more_is_given_back_than_came():
    for _round in rounds(short=2, long=20):
        payment = pay(order_all([make_item(stock=STOCK)]))
        amounts = [Money.from_minor(100 * (1 + number % 4), "USD") for number in range(CROWD)]

        answers = race([partial(give_back, payment.order, amount=amount) for amount in amounts])

        assert failures(answers, but=(refunding.TooMuch,)) == []
        made = sum(answer.amount_minor for answer in answers if isinstance(answer, Refund))
        payment.refresh_from_db()
        assert payment.refunded_minor == made <= payment.captured_minor
        assert sum(refund.amount.minor for refund in fake().refunds(payment.intent_id)) == made
        assert findings() == []


# --- Locks -------------------------------------------------------------------------------------------------
def test_whatever_is_done_at_once_nobody_waits_crosswise():
    """Placing, giving up, late money, refunds, delivery, renewal and the deletion of accounts, on the same
    few items and by the same few people; a deadlock would be an error of the database."""
    chance = random.Random(2)
    for _round in rounds(short=3, long=60):
        items = [make_item(stock=50) for _item in range(4)]
        leavers = [UserFactory() for _leaver in range(3)]
        acts: list[Callable[[], object]] = []
        for user in leavers:
            # Two orders that wait, one to be paid late, one paid, and a full cart: all of who is leaving.
            waiting, other, late, bought = (order_all(items, chance=chance, user=user) for _order in range(4))
            open_page(waiting)
            paid_late, refunded = open_page(late), pay(bought)
            fake().pay(paid_late.session_id)
            buyer = fill_cart(items, chance=chance, user=user)
            acts += [
                partial(place_without_what_is_over, buyer),
                partial(give_up, waiting, actor=user),
                partial(ordering.cancel, order=late, at=NOON, cause="test", actor=user),
                partial(settlement.settle, payment=paid_late, at=NOON, cause="late"),
                partial(settlement.settle, payment=paid_late, at=NOON, cause="late again"),
                partial(give_back, bought),
                partial(delivery.deliver_order, order=refunded.order, at=NOON),
                partial(cart.add, customer=buyer, item=items[0], at=NOON),
                partial(give_up, other, actor=user),
                partial(privacy.delete_account, user=User.objects.get(pk=user.pk), at=NOON),
            ]
        chance.shuffle(acts)

        answers = race(acts)
        refunding.sweep(at=NOON + timedelta(hours=1))
        settlement.sweep(at=NOON + timedelta(hours=1))
        checkout.sweep_unpaid(at=NOON + timedelta(hours=1))

        refusals = (cart.CartRefused, SoldOut, refunding.RefundRefused, User.DoesNotExist)
        assert failures(answers, but=refusals) == []
        assert [item.stock + held(item) for item in fresh(items)] == [50] * 4
        assert findings() == []


def test_late_money_and_a_renewal_at_once_wait_for_each_other_in_one_order():
    for _round in rounds(short=10, long=100):
        order = order_all([make_item(stock=STOCK)])
        payment = open_page(order)
        fake().pay(payment.session_id)
        # As if the provider's word that it is over had come first; such news is never final.
        Payment.objects.pending().filter(pk=payment.pk).update(status=Payment.Status.EXPIRED)

        answers = race(
            [
                partial(renewing.renew, payment=payment, urls=URLS, at=NOON, by=None),
                partial(settlement.settle, payment=payment, at=NOON, cause="late"),
            ]
        )

        assert failures(answers, but=(checkout.CheckoutRefused,)) == []


# --- What the tests stand on -------------------------------------------------------------------------------
def make_item(*, stock: int | None) -> Item:
    return Item.objects.create(name="Mug", price=Decimal("12.50"), currency="USD", stock=stock)


def fill_cart(
    items: list[Item], *, chance: random.Random | None = None, user: User | None = None
) -> Customer:
    """A member with one of each item in the cart, in random order."""
    customer = Customer(user=user or UserFactory())
    for item in chance.sample(items, len(items)) if chance else items:
        cart.add(customer=customer, item=item, at=NOON)
    return customer


def order_all(items: list[Item], *, chance: random.Random | None = None, user: User | None = None) -> Order:
    return cart.place(customer=fill_cart(items, chance=chance, user=user), at=NOON)


def place_without_what_is_over(customer: Customer) -> Order:
    """Order the cart; without its discount when that is used up, as its buyer is told."""
    try:
        return cart.place(customer=customer, at=NOON)
    except discounting.NoLongerValid:
        cart.drop_discount(customer=customer, at=NOON)
        return cart.place(customer=customer, at=NOON)


def open_page(order: Order) -> Payment:
    return checkout.open_session(order=order, urls=URLS, at=NOON)


def pay(order: Order) -> Payment:
    payment = open_page(order)
    fake().pay(payment.session_id)
    return settlement.settle(payment=payment, at=NOON, cause="test")


def give_up(order: Order, *, actor: User | None = None) -> bool:
    return checkout.give_up(order=order, at=NOON, cause="test", actor=actor)


def give_back(order: Order, *, amount: Money | None = None) -> Refund:
    payment = Payment.objects.captured().get(order=order)
    return refunding.give_back(payment=payment, at=NOON, by=None, amount=amount)


def fresh(items: list[Item]) -> list[Item]:
    return [Item.objects.get(pk=item.pk) for item in items]


def left_of(items: list[Item]) -> set[int]:
    return {item.stock for item in fresh(items)}


def held(item: Item) -> int:
    holds = StockHold.objects.filter(item=item, returned_at__isnull=True)
    return holds.aggregate(sum=Sum("quantity"))["sum"] or 0


def findings() -> list[integrity.Breach]:
    return [breach for breach in integrity.breaches(at=NOON) if not breach.is_warning]
