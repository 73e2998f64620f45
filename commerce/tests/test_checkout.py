from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from commerce.gateways import GatewayRefused, GatewayUnavailable, SessionStatus, gateway_for
from commerce.models import Discount, GatewayCoupon, GatewayPrice, GatewayTaxRate, Order, Payment, Tax
from commerce.money import Money
from commerce.services import checkout, ordering, receiving, settlement
from commerce.tests.factories import NOON, URLS, fake, place_order, voucher

pytestmark = pytest.mark.django_db


def test_the_session_asks_for_the_frozen_total_and_is_kept_on_the_payment(counter):
    order = place_order(voucher("a", amount="20.00", quantity=2), voucher("b", amount="9.00"))

    payment = checkout.open_session(order=order, urls=URLS, at=NOON)

    state = fake().session(payment.session_id)
    assert state.amount == payment.amount == Money(Decimal("49.00"), "USD")
    assert payment.session_url == state.url
    assert dict(state.metadata) == {"payment": str(payment.uuid), "order": order.number}
    assert (payment.status, payment.method, payment.account) == ("PENDING", "stripe", "usd")
    assert payment.expires_at == NOON + timedelta(hours=23, minutes=59)


def test_money_goes_through_the_account_of_its_currency(counter):
    order = place_order(voucher("a", currency="EUR"))

    payment = checkout.open_session(order=order, urls=URLS, at=NOON)

    assert payment.account == "eur"
    assert fake("eur").session(payment.session_id).amount.currency == "EUR"


def test_paying_again_gives_the_page_there_is(counter):
    order = place_order()

    first = checkout.open_session(order=order, urls=URLS, at=NOON)
    second = checkout.open_session(order=order, urls=URLS, at=NOON + timedelta(hours=1))

    assert (second.pk, second.session_url) == (first.pk, first.session_url)
    assert Payment.objects.count() == 1


def test_selling_a_thing_again_makes_no_new_product_or_price(counter):
    for _sale in range(2):
        checkout.open_session(order=place_order(voucher("a")), urls=URLS, at=NOON)
    checkout.open_session(order=place_order(voucher("a", amount="59.00")), urls=URLS, at=NOON)

    rows = GatewayPrice.objects.order_by("unit_minor")
    assert [row.unit_minor for row in rows] == [4900, 5900]
    assert rows[0].product_id == rows[1].product_id
    assert rows[0].price_id != rows[1].price_id


def test_too_much_is_refused_before_the_provider_is_asked(counter):
    order = place_order(voucher("a", amount="999999.99", quantity=2))

    for begin in (partial(checkout.open_session, urls=URLS), checkout.open_intent):
        with pytest.raises(
            checkout.AmountTooGreat, match=r"1999999.98 USD is too much.* most is 999999.99 USD"
        ):
            begin(order=order, at=NOON)

    assert Payment.objects.count() == 0


def test_an_expired_page_is_replaced_by_a_new_one(counter):
    order = place_order()
    first = checkout.open_session(order=order, urls=URLS, at=NOON)
    fake().expire_session(first.session_id)

    second = checkout.open_session(order=order, urls=URLS, at=NOON + timedelta(hours=2))

    first.refresh_from_db()
    assert (first.status, second.status) == ("EXPIRED", "PENDING")
    assert second.session_id != first.session_id


def test_a_page_about_to_close_is_closed_before_a_new_one_opens(counter):
    order = place_order()
    first = checkout.open_session(order=order, urls=URLS, at=NOON)
    Payment.objects.update(expires_at=NOON + timedelta(hours=1))

    second = checkout.open_session(order=order, urls=URLS, at=NOON + timedelta(minutes=58))

    assert fake().session(first.session_id).status == "expired"
    assert second.session_id != first.session_id


def test_paying_again_finds_out_that_it_was_paid(counter):
    order = place_order()
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)
    fake().pay(payment.session_id)

    with pytest.raises(checkout.AlreadyPaid, match=f"Order {order.number} is paid already"):
        checkout.open_session(order=order, urls=URLS, at=NOON)

    order.refresh_from_db()
    assert order.status == Order.Status.PAID


def test_a_slow_payment_on_its_way_is_not_asked_for_again(counter):
    order = place_order()
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)
    fake().pay_slowly(payment.session_id)

    with pytest.raises(checkout.PaymentUnderWay):
        checkout.open_session(order=order, urls=URLS, at=NOON)

    assert Payment.objects.count() == 1


@pytest.mark.parametrize("status", ["CANCELLED", "PAID"])
def test_an_order_that_waits_for_no_money_is_not_asked_for_any(counter, status):
    order = place_order()
    order.transition(to=status, at=NOON, cause="test", **({"paid_at": NOON} if status == "PAID" else {}))

    with pytest.raises(checkout.CheckoutRefused):
        checkout.open_session(order=order, urls=URLS, at=NOON)
    assert not Payment.objects.exists()


def test_an_order_whose_day_is_over_cannot_be_paid(counter):
    order = place_order()

    with pytest.raises(checkout.OrderNotPayable, match="Please order again"):
        checkout.open_session(order=order, urls=URLS, at=NOON + timedelta(hours=24))


def test_too_little_is_refused_before_the_provider_is_asked(counter):
    order = place_order(voucher(amount="0.49"))

    with pytest.raises(checkout.AmountTooSmall, match=r"0\.49 USD is too little .* 0\.50 USD"):
        checkout.open_session(order=order, urls=URLS, at=NOON)
    assert not Payment.objects.exists()


def test_a_provider_out_of_reach_loses_nothing_and_the_next_try_is_the_same_request(counter, monkeypatch):
    order = place_order()
    reached = []

    def cut_after_acting(request):
        reached.append(type(fake()).open_session(fake(), request).id)
        raise GatewayUnavailable("The line was cut.")

    with monkeypatch.context() as broken:
        broken.setattr(fake(), "open_session", cut_after_acting, raising=False)
        with pytest.raises(checkout.ProviderUnavailable, match="Nothing was charged"):
            checkout.open_session(order=order, urls=URLS, at=NOON)
    assert Payment.objects.get().session_id == ""

    payment = checkout.open_session(order=order, urls=URLS, at=NOON + timedelta(minutes=1))

    assert [payment.session_id] == reached


def test_a_request_too_old_to_repeat_is_given_up_for_a_new_one(counter):
    order = place_order()
    stuck = Payment.objects.create(
        order=order,
        method="stripe",
        account="usd",
        amount_minor=order.total_minor,
        currency="USD",
        created_at=NOON,
        expires_at=NOON + timedelta(minutes=31),
    )

    payment = checkout.open_session(order=order, urls=URLS, at=NOON + timedelta(minutes=5))

    stuck.refresh_from_db()
    assert stuck.status == "EXPIRED"
    assert payment.pk != stuck.pk


def test_giving_up_closes_the_page_before_the_order(counter):
    order = place_order()
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)

    assert checkout.give_up(order=order, at=NOON, cause="test")

    payment.refresh_from_db()
    assert fake().session(payment.session_id).status == "expired"
    assert (payment.status, order.status) == ("EXPIRED", "CANCELLED")
    assert counter.released == ["v1"]


def test_giving_up_finds_out_that_it_was_paid_a_moment_before(counter):
    order = place_order()
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)
    fake().pay(payment.session_id)

    assert not checkout.give_up(order=order, at=NOON, cause="test")

    order.refresh_from_db()
    assert order.status == "PAID"
    assert counter.released == []


def test_the_sweep_gives_up_what_nobody_paid_in_a_day(counter):
    late, early = place_order(), place_order(at=NOON + timedelta(hours=1))
    checkout.open_session(order=late, urls=URLS, at=NOON)

    assert checkout.sweep_unpaid(at=NOON + timedelta(hours=24)) == 1

    late.refresh_from_db()
    early.refresh_from_db()
    assert (late.status, early.status) == ("CANCELLED", "AWAITING_PAYMENT")


def test_the_sweep_leaves_what_it_cannot_ask_about_for_the_next(counter, monkeypatch):
    order = place_order()
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)

    def no_answer(session_id):
        raise GatewayUnavailable("The line is dead.")

    with monkeypatch.context() as broken:
        broken.setattr(fake(), "expire_session", no_answer, raising=False)
        assert checkout.sweep_unpaid(at=NOON + timedelta(days=2)) == 0
    payment.refresh_from_db()
    assert payment.status == "PENDING"

    assert checkout.sweep_unpaid(at=NOON + timedelta(days=2)) == 1


def test_the_database_allows_one_open_payment_per_order(counter):
    payment = checkout.open_session(order=place_order(), urls=URLS, at=NOON)

    payment.pk, payment.uuid, payment.session_id = None, "8d9b2d1e-9f53-4a8e-9a55-0d7a5b7f1a11", ""
    with pytest.raises(IntegrityError), transaction.atomic():
        payment.save(force_insert=True)


def test_the_database_allows_a_session_once_per_account(counter):
    first = checkout.open_session(order=place_order(), urls=URLS, at=NOON)
    second = checkout.open_session(order=place_order(), urls=URLS, at=NOON)

    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.filter(pk=second.pk).update(session_id=first.session_id)


def test_lines_of_an_order_that_was_cancelled_by_hand_are_released(counter):
    order = place_order(voucher("a"))

    assert ordering.cancel(order=order, at=NOON, cause="by hand", actor=order.buyer)
    assert counter.released == ["a"]


# --- What goes wrong on the way ---


def test_a_refused_request_is_not_repeated_but_asked_anew(counter, monkeypatch):
    order = place_order()
    keys = []

    def refuse(request):
        keys.append(request.key)
        raise GatewayRefused("Your account cannot make charges yet.")

    with monkeypatch.context() as refusing:
        refusing.setattr(fake(), "open_session", refuse, raising=False)
        for _click in range(2):
            with pytest.raises(checkout.ProviderUnavailable):
                checkout.open_session(order=order, urls=URLS, at=NOON)

    assert len(set(keys)) == 2
    assert set(Payment.objects.values_list("status", flat=True)) == {"FAILED"}
    assert checkout.open_session(order=order, urls=URLS, at=NOON).session_url


def test_products_that_the_provider_has_lost_are_made_again(counter):
    checkout.open_session(order=place_order(voucher("a")), urls=URLS, at=NOON)
    fake().forget()
    order = place_order(voucher("a"))

    with pytest.raises(checkout.ProviderUnavailable):
        checkout.open_session(order=order, urls=URLS, at=NOON)
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)

    assert fake().session(payment.session_id).amount == order.total


def test_a_page_that_the_provider_has_lost_is_a_refusal_in_words(counter):
    order = place_order()
    checkout.open_session(order=order, urls=URLS, at=NOON)
    fake().forget()

    with pytest.raises(checkout.ProviderUnavailable, match="Nothing was charged"):
        checkout.open_session(order=order, urls=URLS, at=NOON)


def test_a_currency_that_is_offered_no_more_is_a_refusal_in_words(counter, settings):
    order = place_order(voucher(currency="EUR"))
    settings.STRIPE_ACCOUNTS = {"usd": settings.STRIPE_ACCOUNTS["usd"]}

    with pytest.raises(checkout.ProviderUnavailable):
        checkout.open_session(order=order, urls=URLS, at=NOON)


def test_a_page_made_for_an_order_given_up_meanwhile_is_closed_again(counter, monkeypatch):
    order = place_order()

    def answer_late(request):
        state = type(fake()).open_session(fake(), request)
        checkout.give_up(order=Order.objects.get(), at=NOON, cause="test")
        return state

    monkeypatch.setattr(fake(), "open_session", answer_late, raising=False)
    with pytest.raises(checkout.OrderNotPayable):
        checkout.open_session(order=order, urls=URLS, at=NOON)

    payment = Payment.objects.get()
    assert fake().session(payment.session_id).status is SessionStatus.EXPIRED
    assert payment.status == "EXPIRED"


def test_slow_money_on_its_way_is_not_asked_for_again_after_the_orders_time(counter):
    order = place_order()
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)
    fake().pay_slowly(payment.session_id)

    with pytest.raises(checkout.PaymentUnderWay, match="do not pay again"):
        checkout.open_session(order=order, urls=URLS, at=NOON + timedelta(hours=25))


def test_one_order_that_cannot_be_given_up_does_not_keep_the_others(counter, settings):
    early = place_order(voucher("a"))
    late = place_order(voucher("b", currency="EUR"), at=NOON + timedelta(minutes=1))
    checkout.open_session(order=late, urls=URLS, at=NOON + timedelta(minutes=1))
    settings.STRIPE_ACCOUNTS = {"usd": settings.STRIPE_ACCOUNTS["usd"]}

    assert checkout.sweep_unpaid(at=NOON + timedelta(days=2)) == 1

    early.refresh_from_db()
    assert early.status == "CANCELLED"


def test_an_order_that_gets_more_time_during_the_sweep_is_not_given_up(counter, monkeypatch):
    first, second = place_order(), place_order()
    checkout.open_session(order=first, urls=URLS, at=NOON)
    close = fake().expire_session

    def second_buyer_chooses_a_transfer(session_id):
        receiving.expect(order=second, method="transfer", at=NOON)
        return close(session_id)

    monkeypatch.setattr(fake(), "expire_session", second_buyer_chooses_a_transfer, raising=False)

    given_up = checkout.sweep_unpaid(at=NOON + timedelta(hours=24))

    assert given_up == 1
    assert list(Order.objects.order_by("pk").values_list("status", flat=True)) == [
        "CANCELLED",
        "AWAITING_PAYMENT",
    ]
    assert second.payments.get().status == "PENDING"


def test_the_sweep_closes_a_page_that_a_cancelled_order_left_open(counter):
    order = place_order()
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)
    ordering.cancel(order=order, at=NOON, cause="bought by another order")

    checkout.sweep_unpaid(at=NOON + timedelta(minutes=1))

    payment.refresh_from_db()
    assert payment.status == "EXPIRED"
    assert fake().session(payment.session_id).status is SessionStatus.EXPIRED


def test_what_a_person_decides_about_is_left_alone_by_the_sweeps(counter, monkeypatch):
    payment = checkout.open_session(order=place_order(), urls=URLS, at=NOON)
    fake().pay(payment.session_id, amount=Money(Decimal("4.90"), "USD"))
    settlement.settle(payment=payment, at=NOON, cause="test")
    asked = []
    monkeypatch.setattr(fake(), "session", asked.append, raising=False)
    monkeypatch.setattr(fake(), "expire_session", asked.append, raising=False)

    settlement.sweep(at=NOON + timedelta(days=2))
    checkout.sweep_unpaid(at=NOON + timedelta(days=2))

    assert asked == []


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"status": "LOST"}, "commerce_payment_(status_known|paid_at_iff_captured)"),
        ({"status": "PAID"}, "commerce_payment_paid_at_iff_captured"),
        ({"paid_at": NOON}, "commerce_payment_paid_at_iff_captured"),
        ({"amount_minor": 0}, "commerce_payment_amount_positive"),
    ],
)
def test_the_database_refuses_an_impossible_payment(counter, change, constraint):
    payment = checkout.open_session(order=place_order(), urls=URLS, at=NOON)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(**change)


@pytest.mark.parametrize("account", ["fake", "stripe"])
def test_the_page_asks_for_the_frozen_total_with_discount_and_taxes(account, request, counter):
    if account == "stripe":
        request.getfixturevalue("sandbox")
    Discount.objects.create(name="Spring", percent_off=Decimal("12.50"))
    Tax.objects.create(name="VAT", percentage=Decimal("19.5"), is_inclusive=False, country="DE")
    Tax.objects.create(name="Duty", percentage=Decimal("3"), is_inclusive=True)
    order = place_order(
        voucher("a", amount="10.01", quantity=3), voucher("b", amount="0.99"), at=datetime.now(UTC)
    )

    payment = checkout.open_session(order=order, urls=URLS, at=datetime.now(UTC))

    assert gateway_for("usd").session(payment.session_id).amount == order.total
    again = place_order(voucher("a", amount="10.01"), voucher("c", amount="5.00"), at=datetime.now(UTC))
    checkout.open_session(order=again, urls=URLS, at=datetime.now(UTC))
    assert (GatewayCoupon.objects.count(), GatewayTaxRate.objects.count()) == (1, 2)


def test_a_page_that_asks_for_another_amount_is_closed_before_anybody_sees_it(counter, monkeypatch):
    order = place_order()
    monkeypatch.setattr(fake(), "_total", lambda request: Money(Decimal("1.00"), "USD"))

    with pytest.raises(checkout.ProviderUnavailable):
        checkout.open_session(order=order, urls=URLS, at=NOON)

    payment = order.payments.get()
    assert payment.status == "EXPIRED"
    assert fake().session(payment.session_id).status is SessionStatus.EXPIRED
