"""The shop in the Django admin: things to sell are made there, and money is only looked at."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from accounts.tests.factories import UserFactory
from commerce.gateways import Event
from commerce.models import Discount, Item, KeptLine, Order, Payment, Reconciliation, Refund, Tax
from commerce.models.customers import Customer
from commerce.money import Money
from commerce.services import cart, checkout, ordering, refunding, settlement
from commerce.tests.factories import NOON, URLS, fake

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counter")]
# Rows that belong to another's page, as inlines.
PARTS = {
    "finding",
    "orderdiscount",
    "orderline",
    "orderstatuschange",
    "ordertax",
    "paymentstatuschange",
}
SHOWN = sorted(model._meta.model_name for model in apps.get_app_config("commerce").get_models())
LISTS = [name for name in SHOWN if name not in PARTS]
MADE_HERE = {"item", "discount", "tax"}


@pytest.fixture
def root(client):
    user = UserFactory(superuser=True)
    client.force_login(user)
    return user


def one_of_everything() -> Payment:
    """An order of an item, discounted, taxed, paid, told of by an event, partly given back and compared."""
    number = Item.objects.count()
    item = Item.objects.create(name=f"Mug {number}", price=Decimal("12.50"), currency="USD", stock=9)
    Tax.objects.update(is_active=False)
    Tax.objects.create(name=f"VAT {number}", percentage=Decimal(10 + number), is_inclusive=True)
    off = Discount.objects.create(name=f"Spring {number}", code=f"S{number}", percent_off=Decimal(10))
    line = ordering.LineRequest(
        kind="item", reference=str(item.pk), title=item.name, unit_price=item.price_money, quantity=2
    )
    order = ordering.place(buyer=UserFactory(), lines=[line], discount=off, at=NOON)
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)
    fake().pay(payment.session_id)
    settlement.receive(
        account="usd",
        event=Event(
            id=f"evt_{number}",
            kind="checkout.session.completed",
            session_id=payment.session_id,
            livemode=False,
            metadata={"payment": str(payment.uuid)},
        ),
        at=NOON,
    )
    payment.refresh_from_db()
    refunding.give_back(payment=payment, amount=Money(Decimal(1), "USD"), at=NOON, by=UserFactory())
    day = NOON.date() + timedelta(days=number)
    compared = Reconciliation.objects.create(account="usd", day=day, run_at=NOON)
    compared.findings.create(kind="DIFFERENT", detail="OTHER_AMOUNT", payment=payment, currency="USD")
    KeptLine.objects.create(user=order.buyer, item=item, quantity=1, kept_at=NOON)
    return payment


def test_every_model_of_the_shop_is_in_the_admin():
    inlines = {
        inline.model._meta.model_name
        for model_admin in admin.site._registry.values()
        for inline in model_admin.inlines
    }
    registered = {
        model._meta.model_name for model in admin.site._registry if model._meta.app_label == "commerce"
    }

    assert registered == set(LISTS)
    assert inlines >= PARTS


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_with_one_row_and_with_three(
    client, root, name, django_assert_num_queries, django_assert_max_num_queries
):
    address = reverse(f"admin:commerce_{name}_changelist")
    one_of_everything()
    client.get(address)
    with django_assert_max_num_queries(20) as first:
        assert client.get(address).status_code == 200
    one_of_everything()
    one_of_everything()

    with django_assert_num_queries(len(first.captured_queries)):
        assert client.get(address).status_code == 200


@pytest.mark.parametrize("name", [name for name in LISTS if name not in MADE_HERE])
def test_what_services_make_is_looked_at_and_never_changed(client, root, name):
    one_of_everything()
    row = apps.get_model("commerce", name).objects.first()
    before = apps.get_model("commerce", name).objects.values().get(pk=row.pk)

    shown = client.get(reverse(f"admin:commerce_{name}_change", args=[row.pk]))
    answers = [
        client.post(reverse(f"admin:commerce_{name}_change", args=[row.pk]), {"status": "REFUNDED"}),
        client.post(reverse(f"admin:commerce_{name}_delete", args=[row.pk]), {"post": "yes"}),
        client.get(reverse(f"admin:commerce_{name}_add")),
    ]

    assert shown.status_code == 200
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert apps.get_model("commerce", name).objects.values().get(pk=row.pk) == before


def test_an_order_is_shown_with_lines_payments_and_history_and_no_key_of_a_visitor(client, root):
    payment = one_of_everything()
    Order.objects.update(guest_key="secret0secret0secret0secret0secr")

    page = client.get(reverse("admin:commerce_order_change", args=[payment.order_id])).content.decode()

    for words in ("Mug 0", "$25.00", str(Order.Status.AWAITING_PAYMENT.label), "VAT 0", "Spring 0"):
        assert words in page
    assert "secret0" not in page


@pytest.mark.parametrize("words", ["Mug", "S0", "VAT", "evt_0", "US"])
def test_every_list_can_be_searched(client, root, words):
    one_of_everything()

    for name in LISTS:
        address = reverse(f"admin:commerce_{name}_changelist")
        assert client.get(address, {"q": words}).status_code == 200


def test_an_item_made_in_the_admin_can_be_bought(client, root):
    made = client.post(
        reverse("admin:commerce_item_add"),
        {
            "name": "Mug",
            "description": "",
            "price": "12.50",
            "currency": "USD",
            "stock": "3",
            "is_for_sale": "on",
        },
    )

    assert made.status_code == 302
    assert (
        cart.add(customer=Customer(user=UserFactory()), item=Item.objects.get(), at=NOON).total_minor == 1250
    )


@pytest.mark.parametrize(
    ("currency", "price", "words"),
    [("USD", "12.505", "no such small change"), ("USD", "0.10", "The least that can be paid by card")],
)
def test_a_price_that_cannot_be_paid_is_refused(client, root, currency, price, words):
    answer = client.post(
        reverse("admin:commerce_item_add"), {"name": "Mug", "price": price, "currency": currency}
    )

    assert words in answer.content.decode()
    assert not Item.objects.exists()


def test_a_discount_is_a_percentage_or_an_amount(client, root):
    both = {"name": "Spring", "code": "SPRING", "percent_off": "10", "amount_off": "5", "currency": "USD"}

    answer = client.post(reverse("admin:commerce_discount_add"), both)

    assert "Give a percentage or an amount, and not both." in answer.content.decode()
    client.post(reverse("admin:commerce_discount_add"), {**both, "amount_off": "", "is_active": "on"})
    assert Discount.objects.get().percent_off == Decimal(10)


def test_refunds_are_shown_with_their_payment(client, root):
    one_of_everything()

    page = client.get(reverse("admin:commerce_refund_changelist")).content.decode()

    assert Refund.objects.get().payment.order.number in page
    assert "$1.00" in page
