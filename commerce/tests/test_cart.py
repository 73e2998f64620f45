"""The cart, and orders made of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from accounts.tests.factories import UserFactory
from commerce.fulfilment import NotAvailable
from commerce.models import Discount, Item, Order, OrderDiscount, StockHold, Tax
from commerce.models.customers import Customer, new_guest_key
from commerce.services import cart, discounting, integrity, ordering
from commerce.tests.factories import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return Customer(user=UserFactory(email="ada@example.com"))


@pytest.fixture
def visitor():
    return Customer(guest_key=new_guest_key())


def item(name="Mug", price="12.50", currency="USD", stock=None, **fields) -> Item:
    return Item.objects.create(name=name, price=Decimal(price), currency=currency, stock=stock, **fields)


def test_the_first_thing_put_in_makes_the_cart(member):
    mug = item()

    made = cart.add(customer=member, item=mug, at=NOON)

    assert made.status == "OPEN"
    assert [(line.title, line.quantity) for line in made.lines.all()] == [("Mug", 1)]
    assert str(made.total) == "12.50 USD"


def test_the_same_thing_twice_is_one_line(member):
    mug = item()
    cart.add(customer=member, item=mug, at=NOON)

    made = cart.add(customer=member, item=mug, at=NOON)

    assert [line.quantity for line in made.lines.all()] == [2]
    assert Order.objects.count() == 1


def test_a_cart_holds_one_currency_and_says_so(member):
    cart.add(customer=member, item=item(), at=NOON)

    with pytest.raises(cart.OtherCurrency, match="sold in EUR, and your cart holds things in USD"):
        cart.add(customer=member, item=item("Tasse", currency="EUR"), at=NOON)


def test_an_emptied_cart_takes_another_currency(member):
    mug = item()
    cart.add(customer=member, item=mug, at=NOON)
    cart.remove(customer=member, item_id=mug.pk, at=NOON)

    assert cart.add(customer=member, item=item("Tasse", currency="EUR"), at=NOON).currency == "EUR"


def test_more_than_there_is_does_not_go_in(member):
    with pytest.raises(NotAvailable, match="only 2 are left"):
        cart.add(customer=member, item=item(stock=2), at=NOON, quantity=3)


def test_a_cart_holds_no_stock_and_an_order_does(member):
    mug = item(stock=5)
    cart.add(customer=member, item=mug, at=NOON, quantity=2)
    mug.refresh_from_db()
    assert mug.stock == 5

    order = cart.place(customer=member, at=NOON)

    mug.refresh_from_db()
    assert mug.stock == 3
    assert order.status == "AWAITING_PAYMENT"
    assert order.email == "ada@example.com"


def test_giving_an_order_up_puts_the_stock_back_once(member):
    mug = item(stock=5)
    cart.add(customer=member, item=mug, at=NOON, quantity=2)
    order = cart.place(customer=member, at=NOON)

    assert ordering.cancel(order=order, at=NOON, cause="changed my mind") is True
    assert ordering.cancel(order=order, at=NOON, cause="changed my mind") is False

    mug.refresh_from_db()
    assert mug.stock == 5
    assert StockHold.objects.get().returned_at == NOON


def test_what_was_sold_out_meanwhile_is_not_ordered_and_the_cart_stays(member):
    mug = item(stock=2)
    cart.add(customer=member, item=mug, at=NOON, quantity=2)
    Item.objects.update(stock=1)

    with pytest.raises(NotAvailable):
        cart.place(customer=member, at=NOON)

    kept = cart.find(member)
    assert [line.quantity for line in kept.lines.all()] == [2]
    mug.refresh_from_db()
    assert mug.stock == 1


def test_an_empty_cart_cannot_be_ordered(member):
    with pytest.raises(cart.EmptyCart):
        cart.place(customer=member, at=NOON)


def test_prices_are_those_of_the_day_of_the_order_and_stay(member):
    mug = item()
    cart.add(customer=member, item=mug, at=NOON)
    Item.objects.update(price=Decimal("15.00"))

    order = cart.place(customer=member, at=NOON)
    Item.objects.update(price=Decimal("99.00"))

    order.refresh_from_db()
    assert str(order.total) == "15.00 USD"
    assert [str(line.unit_price) for line in order.lines.all()] == ["15.00 USD"]


def test_a_cart_that_is_looked_at_tells_what_changed(member):
    mug, pen = item(), item("Pen", "2.00")
    cart.add(customer=member, item=mug, at=NOON)
    held = cart.add(customer=member, item=pen, at=NOON)
    Item.objects.filter(pk=mug.pk).update(price=Decimal("13.00"))
    Item.objects.filter(pk=pen.pk).update(is_for_sale=False)

    assert cart.refresh(cart=held, at=NOON) == [
        "“Mug” costs 13.00 USD now.",
        "“Pen” is no longer for sale and was taken out of your cart.",
    ]
    held.refresh_from_db()
    assert str(held.total) == "13.00 USD"


def test_a_code_takes_its_percentage_off_and_is_counted_when_the_order_is_placed(member):
    discount = Discount.objects.create(
        name="Spring", code="SPRING", percent_off=Decimal(10), max_redemptions=1
    )
    cart.add(customer=member, item=item(), at=NOON)

    asked = cart.ask_for_discount(customer=member, code=" spring ", at=NOON)
    assert (str(asked.discount), str(asked.total)) == ("1.25 USD", "11.25 USD")
    order = cart.place(customer=member, at=NOON)

    discount.refresh_from_db()
    assert discount.times_redeemed == 1
    assert str(order.total) == "11.25 USD"


def test_a_used_up_code_places_no_order(member, visitor):
    Discount.objects.create(name="Spring", code="SPRING", percent_off=Decimal(10), max_redemptions=1)
    for customer in (member, visitor):
        cart.add(customer=customer, item=item(), at=NOON)
        cart.ask_for_discount(customer=customer, code="SPRING", at=NOON)
    cart.place(customer=member, at=NOON)

    with pytest.raises(discounting.NoLongerValid):
        cart.place(customer=visitor, at=NOON)


def test_an_order_given_up_gives_its_discount_back(member):
    discount = Discount.objects.create(name="Spring", code="S", percent_off=Decimal(10), max_redemptions=1)
    cart.add(customer=member, item=item(), at=NOON)
    cart.ask_for_discount(customer=member, code="S", at=NOON)
    order = cart.place(customer=member, at=NOON)

    ordering.cancel(order=order, at=NOON, cause="test")

    discount.refresh_from_db()
    assert discount.times_redeemed == 0


def test_the_best_discount_of_those_that_come_by_themselves_is_given(member):
    Discount.objects.create(name="Small", percent_off=Decimal(5))
    Discount.objects.create(name="Great", amount_off=Decimal(3), currency="USD")
    cart.add(customer=member, item=item(), at=NOON)

    order = cart.place(customer=member, at=NOON)

    assert (order.order_discount.name, str(order.total)) == ("Great", "9.50 USD")


def test_the_cart_comes_to_what_ordering_it_will_freeze(member):
    Discount.objects.create(name="Small", percent_off=Decimal(5))
    great = Discount.objects.create(
        name="Great", amount_off=Decimal(3), currency="USD", valid_until=NOON + timedelta(hours=1)
    )
    held = cart.add(customer=member, item=item(), at=NOON)
    seen = (held.order_discount.name, str(held.total))

    later = NOON + timedelta(hours=1)
    notes = cart.refresh(cart=held, at=later)
    held = cart.find(member)

    assert [breach for breach in integrity.breaches(at=later) if not breach.is_warning] == []
    assert seen == ("Great", "9.50 USD")
    assert notes == ["Discounts or taxes have changed: your cart comes to 11.87 USD now."]
    assert (held.order_discount.name, str(held.total)) == ("Small", "11.87 USD")
    assert cart.refresh(cart=held, at=later) == []
    order = cart.place(customer=member, at=later)
    assert (order.order_discount.name, str(order.total)) == ("Small", "11.87 USD")
    great.refresh_from_db()
    assert great.times_redeemed == 0


def test_what_comes_by_itself_gives_way_to_a_code_and_comes_back_when_that_is_taken_off(member):
    Discount.objects.create(name="May", percent_off=Decimal(50))
    Discount.objects.create(name="Ten", code="TEN", percent_off=Decimal(10))
    cart.add(customer=member, item=item(price="10.00"), at=NOON)
    totals = [str(cart.find(member).total)]

    totals.append(str(cart.ask_for_discount(customer=member, code="ten", at=NOON).total))
    dropped = [cart.drop_discount(customer=member, at=NOON) for _ in range(2)]
    totals.append(str(cart.find(member).total))

    assert totals == ["5.00 USD", "9.00 USD", "5.00 USD"]
    assert dropped == [True, False]


def test_an_emptied_cart_has_no_discount_that_would_come_by_itself(member):
    Discount.objects.create(name="May", amount_off=Decimal(1), currency="USD")
    mug = item()
    cart.add(customer=member, item=mug, at=NOON)

    cart.remove(customer=member, item_id=mug.pk, at=NOON)

    held = cart.find(member)
    assert (str(held.total), OrderDiscount.objects.count()) == ("0.00 USD", 0)


def test_a_discount_that_came_by_itself_and_is_used_up_gives_way_to_the_next_best(member, visitor):
    Discount.objects.create(name="First", percent_off=Decimal(50), max_redemptions=1)
    Discount.objects.create(name="Later", percent_off=Decimal(10))
    mug = item(price="10.00")
    cart.add(customer=member, item=mug, at=NOON)
    cart.add(customer=visitor, item=mug, at=NOON)

    orders = [cart.place(customer=customer, at=NOON) for customer in (member, visitor)]

    assert [(order.order_discount.name, str(order.total)) for order in orders] == [
        ("First", "5.00 USD"),
        ("Later", "9.00 USD"),
    ]


def test_taxes_are_frozen_with_the_order(member):
    vat = Tax.objects.create(name="VAT", percentage=Decimal(20), is_inclusive=False)
    cart.add(customer=member, item=item(price="10.00"), at=NOON)
    order = cart.place(customer=member, at=NOON)
    Tax.objects.filter(pk=vat.pk).update(percentage=Decimal(25))

    order.refresh_from_db()
    assert (str(order.tax), str(order.total)) == ("2.00 USD", "12.00 USD")
    assert [(tax.name, str(tax.amount)) for tax in order.taxes.all()] == [("VAT", "2.00 USD")]


def test_an_order_that_comes_to_nothing_is_paid_at_once(member, django_capture_on_commit_callbacks):
    Discount.objects.create(name="Gift", code="GIFT", percent_off=Decimal(100))
    cart.add(customer=member, item=item(stock=1), at=NOON)
    cart.ask_for_discount(customer=member, code="GIFT", at=NOON)

    order = cart.place(customer=member, at=NOON)

    assert (order.status, order.paid_at, order.payments.count()) == ("PAID", NOON, 0)


def test_signing_in_merges_the_visitors_cart(member, visitor):
    mug, pen = item(), item("Pen", "2.00")
    cart.add(customer=member, item=mug, at=NOON)
    cart.add(customer=visitor, item=mug, at=NOON)
    cart.add(customer=visitor, item=pen, at=NOON, quantity=3)

    assert cart.take_over(guest_key=visitor.guest_key, customer=member, at=NOON) == []
    assert cart.take_over(guest_key=visitor.guest_key, customer=member, at=NOON) == []

    lines = cart.find(member).lines.order_by("title")
    assert [(line.title, line.quantity) for line in lines] == [("Mug", 2), ("Pen", 3)]
    assert cart.find(visitor) is None


def test_what_is_of_another_currency_is_kept_and_comes_when_the_cart_is_ordered(member, visitor):
    cart.add(customer=member, item=item(), at=NOON)
    tasse, loeffel = item("Tasse", currency="EUR"), item("Löffel", "2.00", currency="EUR", stock=1)
    cart.add(customer=visitor, item=tasse, quantity=3, at=NOON)
    cart.add(customer=visitor, item=loeffel, at=NOON)

    notes = cart.take_over(guest_key=visitor.guest_key, customer=member, at=NOON)

    assert notes == [
        f"“{name}” is sold in EUR, and your cart holds things in USD. Order those first, or take them out. "
        "It is kept for you, and comes into your cart by itself then."
        for name in ("Tasse", "Löffel")
    ]
    assert cart.find(visitor) is None
    assert [str(line) for line in cart.kept(member)] == ["3 × Tasse", "1 × Löffel"]
    ordered = cart.place(customer=member, at=NOON)
    assert ordered.currency == "USD"
    held = cart.find(member)
    assert [(line.title, line.quantity) for line in held.lines.all()] == [("Tasse", 3), ("Löffel", 1)]
    assert (str(held.total), cart.kept(member)) == ("39.50 EUR", [])


@pytest.mark.parametrize("how", ["taken out", "thrown away"])
def test_what_is_kept_comes_when_the_cart_is_emptied(member, visitor, how):
    mug, pen = item(), item("Pen")
    for each in (mug, pen):
        cart.add(customer=member, item=each, at=NOON)
    cart.add(customer=visitor, item=item("Tasse", currency="EUR"), at=NOON)
    cart.take_over(guest_key=visitor.guest_key, customer=member, at=NOON)

    if how == "taken out":
        for each in (mug, pen):
            assert cart.find(member).currency == "USD"
            cart.remove(customer=member, item_id=each.pk, at=NOON)
    else:
        cart.throw_away(customer=member, at=NOON)

    assert [line.title for line in cart.find(member).lines.all()] == ["Tasse"]
    assert cart.kept(member) == []


def test_what_is_kept_and_sold_out_meanwhile_waits_on(member, visitor):
    mug, tasse = item(), item("Tasse", currency="EUR", stock=5)
    cart.add(customer=member, item=mug, at=NOON)
    cart.add(customer=visitor, item=tasse, quantity=5, at=NOON)
    cart.take_over(guest_key=visitor.guest_key, customer=member, at=NOON)
    Item.objects.filter(pk=tasse.pk).update(stock=2)

    cart.place(customer=member, at=NOON)

    assert [(line.title, line.quantity) for line in cart.find(member).lines.all()] == [("Tasse", 2)]
    assert [str(line) for line in cart.kept(member)] == ["3 × Tasse"]


def test_of_what_a_visitor_had_as_many_go_in_as_there_are_and_the_rest_is_told(member, visitor):
    scarce, many = item("Scarce", stock=4), item("Many")
    gone, deleted = item("Gone"), item("Deleted")
    cart.add(customer=member, item=scarce, quantity=3, at=NOON)
    cart.add(customer=member, item=many, quantity=90, at=NOON)
    for each, quantity in ((scarce, 2), (many, 20), (gone, 1), (deleted, 1)):
        cart.add(customer=visitor, item=each, quantity=quantity, at=NOON)
    Item.objects.filter(pk=gone.pk).update(is_for_sale=False)
    deleted.delete()

    notes = cart.take_over(guest_key=visitor.guest_key, customer=member, at=NOON)

    assert notes == [
        "Of “Scarce” only 4 are left.",
        "At most 99 of “Many” fit into one order.",
        "“Gone” is no longer for sale and was left out of your cart.",
        "“Deleted” is no longer for sale and was left out of your cart.",
    ]
    held = {line.title: line.quantity for line in cart.find(member).lines.all()}
    assert held == {"Scarce": 4, "Many": 99}


def test_a_visitors_code_does_not_take_the_place_of_the_members(member, visitor):
    for code, percent in (("HALF", 50), ("TEN", 10)):
        Discount.objects.create(name=code.title(), code=code, percent_off=Decimal(percent))
    mug = item(price="10.00")
    for customer, code in ((member, "HALF"), (visitor, "TEN")):
        cart.add(customer=customer, item=mug, at=NOON)
        cart.ask_for_discount(customer=customer, code=code, at=NOON)

    notes = cart.take_over(guest_key=visitor.guest_key, customer=member, at=NOON)

    assert notes == ["Your cart has the discount “Half” already; the code “TEN” was left out."]
    assert str(cart.find(member).total) == "10.00 USD"


def test_signing_in_brings_the_visitors_orders_along(member, visitor):
    cart.add(customer=visitor, item=item(), at=NOON)
    order = cart.place(customer=visitor, at=NOON)

    cart.take_over(guest_key=visitor.guest_key, customer=member, at=NOON)

    order.refresh_from_db()
    assert (order.buyer, order.email) == (member.user, "ada@example.com")


def test_buying_at_once_gives_the_same_order_while_it_can_be_paid(visitor):
    mug = item(stock=3)

    first = cart.buy_now(customer=visitor, item=mug, at=NOON)
    again = cart.buy_now(customer=visitor, item=mug, at=NOON + timedelta(hours=1))
    too_late = cart.buy_now(customer=visitor, item=mug, at=NOON + timedelta(hours=25))

    assert first == again
    assert too_late != first
    mug.refresh_from_db()
    assert mug.stock == 1


def test_carts_that_visitors_left_are_forgotten_and_those_of_members_kept(member, visitor):
    cart.add(customer=visitor, item=item(), at=NOON)
    cart.add(customer=member, item=item(), at=NOON)

    assert cart.forget_left_carts(at=NOON + timedelta(days=31)) == 1

    assert cart.find(visitor) is None
    assert cart.find(member) is not None


@pytest.mark.parametrize(
    ("price", "currency"), [("1.001", "KWD"), ("5.50", "ISK"), ("0.10", "USD"), ("1.5", "JPY")]
)
def test_an_item_has_a_price_that_can_be_paid(price, currency):
    with pytest.raises(ValidationError) as refused:
        Item(name="Mug", price=Decimal(price), currency=currency).clean()

    assert list(refused.value.message_dict) == ["price"]
