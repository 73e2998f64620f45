"""Expired payments: renewed on the same row, with the goods set aside once more."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.fulfilment import NotAvailable
from commerce.gateways import GatewayUnavailable
from commerce.models import Item, Order, Payment
from commerce.money import Money
from commerce.services import checkout, ordering, renewing, settlement
from commerce.services.checkout import ReturnUrls
from commerce.services.stocking import ITEM
from commerce.tests.factories import NOON, URLS, fake, place_order, voucher

pytestmark = pytest.mark.django_db
TOMORROW = NOON + timedelta(hours=25)
OTHER_URLS = ReturnUrls(success="https://other.example/ok/", cancel="https://other.example/no/")


def expired(order: Order, *, at=NOON) -> Payment:
    payment = checkout.open_session(order=order, urls=URLS, at=at)
    fake(payment.account).expire_session(payment.session_id)
    return settlement.settle(payment=payment, at=at, cause="test")


def renew(payment: Payment, *, at=NOON, urls=OTHER_URLS) -> Payment:
    return renewing.renew(payment=payment, urls=urls, at=at, by=payment.order.buyer)


def test_an_expired_payment_gets_a_new_page_on_the_same_row(counter):
    payment = expired(place_order())
    old = payment.session_id

    renewed = renew(payment)

    assert (renewed.pk, renewed.status, renewed.attempt) == (payment.pk, "PENDING", 2)
    assert renewed.session_id not in ("", old)
    assert renewed.session_url == fake().session(renewed.session_id).url
    assert renewed.success_url == OTHER_URLS.success
    assert Payment.objects.count() == 1
    assert [change.cause for change in renewed.status_changes.all()] == ["test", "renewed"]


def test_a_renewed_payment_is_paid_as_any_other(counter):
    renewed = renew(expired(place_order()))

    fake().pay(renewed.session_id)
    paid = checkout.complete(payment=renewed, at=NOON)

    assert (paid.status, paid.order.status, counter.fulfilled) == ("PAID", "PAID", ["v1"])


@pytest.mark.parametrize("status", ["PENDING", "PAID", "FAILED"])
def test_what_has_not_expired_is_not_renewed(counter, status):
    payment = checkout.open_session(order=place_order(), urls=URLS, at=NOON)
    if status == "PAID":
        fake().pay(payment.session_id)
        checkout.complete(payment=payment, at=NOON)
    elif status == "FAILED":
        payment.transition(to=status, at=NOON, cause="test")

    with pytest.raises(renewing.NotExpired, match="Only expired card payments are renewed"):
        renew(payment)


def test_of_an_order_with_another_open_payment_that_one_is_paid(counter):
    order = place_order()
    payment = expired(order)
    checkout.open_session(order=order, urls=URLS, at=NOON)

    with pytest.raises(renewing.AnotherIsOpen, match="Pay that one"):
        renew(payment)


def test_of_a_paid_order_nothing_is_renewed(counter):
    order = place_order()
    payment = expired(order)
    other = checkout.open_session(order=order, urls=URLS, at=NOON)
    fake().pay(other.session_id)
    checkout.complete(payment=other, at=NOON)

    with pytest.raises(checkout.AlreadyPaid):
        renew(payment)


def test_a_renewal_whose_answer_was_lost_is_gone_on_with(counter, monkeypatch):
    payment = expired(place_order())
    reached = []

    def cut_after_acting(request):
        reached.append(type(fake()).open_session(fake(), request).id)
        raise GatewayUnavailable("The line was cut.")

    with monkeypatch.context() as broken:
        broken.setattr(fake(), "open_session", cut_after_acting, raising=False)
        with pytest.raises(checkout.ProviderUnavailable):
            renew(payment)

    assert [renew(payment, urls=URLS).session_id] == reached
    assert payment.attempt == 2


def test_late_news_of_the_old_page_does_not_close_the_new_one(counter):
    payment = expired(place_order())
    old = fake().session(payment.session_id)
    body, signature = fake().notify(payment.session_id, kind="checkout.session.expired")
    Payment.objects.filter(pk=payment.pk).update(
        status="PENDING", attempt=2, session_id="", session_url="", expires_at=TOMORROW
    )

    event = fake().read_event(body=body, signature=signature, at=NOON)
    settlement.receive(account="usd", event=event, at=NOON)

    payment.refresh_from_db()
    assert dict(old.metadata) == {"payment": str(payment.uuid), "order": payment.order.number}
    assert (payment.status, payment.session_id) == ("PENDING", "")


# --- After the order was given up ---
def given_up(order: Order) -> Payment:
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)
    fake(payment.account).expire_session(payment.session_id)
    checkout.sweep_unpaid(at=TOMORROW)
    payment.refresh_from_db()
    order.refresh_from_db()
    assert (payment.status, order.status) == ("EXPIRED", "CANCELLED")
    return payment


def item_order(*, stock: int) -> tuple[Item, Order]:
    item = Item.objects.create(name="Mug", price=Decimal("12.50"), currency="USD", stock=stock)
    line = ordering.LineRequest(
        kind=ITEM, reference=str(item.pk), title=item.name, unit_price=Money(item.price, "USD")
    )
    return item, place_order(line)


def test_an_order_that_was_given_up_is_taken_up_again_and_payable_for_another_day(counter):
    order = place_order()
    payment = given_up(order)

    renewed = renew(payment, at=TOMORROW)

    order.refresh_from_db()
    assert (order.status, order.payable_until) == ("AWAITING_PAYMENT", TOMORROW + timedelta(hours=24))
    assert renewed.expires_at == TOMORROW + timedelta(hours=23, minutes=59)
    fake().pay(renewed.session_id)
    assert checkout.complete(payment=renewed, at=TOMORROW).order.status == "PAID"


def test_an_order_whose_day_is_over_and_that_no_sweep_has_seen_gets_another_day(counter):
    order = place_order()
    payment = expired(order)

    renew(payment, at=TOMORROW)

    order.refresh_from_db()
    assert (order.status, order.payable_until) == ("AWAITING_PAYMENT", TOMORROW + timedelta(hours=24))
    assert counter.released == []


def test_the_pieces_are_taken_out_of_the_stock_again_and_put_back_once(counter):
    item, order = item_order(stock=1)
    payment = given_up(order)
    item.refresh_from_db()
    assert item.stock == 1

    renew(payment, at=TOMORROW)
    item.refresh_from_db()
    assert item.stock == 0
    checkout.sweep_unpaid(at=TOMORROW + timedelta(hours=25))

    item.refresh_from_db()
    assert item.stock == 1


def test_what_was_sold_meanwhile_is_not_promised_again(counter):
    item, order = item_order(stock=1)
    payment = given_up(order)
    Item.objects.filter(pk=item.pk).update(stock=0)

    with pytest.raises(NotAvailable, match="“Mug” is sold out"):
        renew(payment, at=TOMORROW)

    payment.refresh_from_db()
    order.refresh_from_db()
    assert (payment.status, payment.attempt, order.status) == ("EXPIRED", 1, "CANCELLED")


def test_after_a_week_the_old_price_is_over(counter):
    payment = given_up(place_order())

    with pytest.raises(checkout.OrderNotPayable, match="Please order again"):
        renew(payment, at=NOON + timedelta(days=7, seconds=1))


def test_what_staff_has_cancelled_stays_cancelled(counter, django_user_model):
    order = place_order()
    payment = expired(order)
    staff = django_user_model.objects.create(email="staff@example.com", is_staff=True)
    ordering.cancel(order=order, at=NOON, cause="out of print", actor=staff)

    with pytest.raises(checkout.OrderNotPayable):
        renew(payment)


def test_a_page_of_euros_is_renewed_in_the_account_of_euros(counter):
    payment = expired(place_order(voucher(currency="EUR")))

    renewed = renew(payment)

    assert fake("eur").session(renewed.session_id).amount.currency == "EUR"
