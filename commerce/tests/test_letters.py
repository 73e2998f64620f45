"""Buyers are told of their money: once each, in their language, and not when the reason is gone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import translation
from django.utils.translation import gettext

from accounts.models import Message
from accounts.services import notifying
from accounts.tests.factories import UserFactory
from commerce.gateways import Event, GatewayRefused
from commerce.models import Discount, Order, Payment, Tax
from commerce.models.customers import new_guest_key
from commerce.money import Money
from commerce.services import checkout, ordering, receipts, receiving, refunding, settlement
from commerce.tests.factories import NOON, URLS, fake, place_order, voucher

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com", first_name="Ada")


@pytest.fixture
def opened(counter, ada) -> Payment:
    return checkout.open_session(order=place_order(voucher("a"), buyer=ada), urls=URLS, at=NOON)


@pytest.fixture
def paid(opened) -> Payment:
    fake().pay(opened.session_id)
    return settlement.settle(payment=opened, at=NOON, cause="test")


class NoMailServer(BaseEmailBackend):
    def send_messages(self, email_messages):
        raise ConnectionRefusedError("nobody answers")


def kinds() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("kind", flat=True))


def letters(at=LATER) -> list[mail.EmailMultiAlternatives]:
    mail.outbox.clear()
    notifying.send_due(at=at)
    return mail.outbox


def event(payment: Payment, name: str) -> Event:
    marks = {"payment": str(payment.uuid)}
    return Event(
        id=name,
        kind="checkout.session.completed",
        session_id=payment.session_id,
        livemode=False,
        metadata=marks,
    )


# --- The receipt -------------------------------------------------------------------------------------------
def test_the_receipt_says_what_was_bought_and_what_it_came_to(counter, ada, settings):
    settings.PORTAL_BASE_URL = "https://portal.example"
    Tax.objects.create(name="VAT", percentage=Decimal(20), is_inclusive=True)
    Tax.objects.create(name="Levy", percentage=Decimal(5), is_inclusive=False)
    off = Discount.objects.create(name="Spring", percent_off=Decimal(10))
    lines = [voucher("a", amount="50.00", quantity=2), voucher("b", amount="20.00")]
    order = ordering.place(buyer=ada, lines=lines, discount=off, at=NOON)
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)
    fake().pay(payment.session_id)
    settlement.settle(payment=payment, at=NOON, cause="test")

    [letter] = letters()

    assert (letter.to, letter.subject) == (["ada@example.com"], f"Receipt for order {order.number}")
    order.refresh_from_db()
    assert [line for line in letter.body.splitlines() if line] == [
        "Hello Ada,",
        f"thank you for your order {order.number}. It was paid on 4 May 2026.",
        "2 × Voucher a: $100.00",
        "1 × Voucher b: $20.00",
        "Subtotal: $120.00",
        "Spring: −$12.00",
        "Levy 5 %: $4.50",
        "Total: $112.50",
        "Contains VAT 20 %: $18.00",
        "Paid by: card",
        "The receipt, to keep or to print:",
        f"https://portal.example/orders/{order.pk}/receipt/",
        "Learning portal",
        "https://portal.example",
    ]
    [html] = [body for body, kind in letter.alternatives if kind == "text/html"]
    for said in (
        "2 × Voucher a",
        "$112.50",
        "Levy 5 %",
        f"https://portal.example/orders/{order.pk}/receipt/",
    ):
        assert said in html


def test_the_receipt_is_written_once_whatever_comes_again(paid):
    for number in range(3):
        settlement.receive(account="usd", event=event(paid, f"evt_{number}"), at=LATER)
        settlement.settle(payment=paid, at=LATER, cause="sweep")
        checkout.complete(payment=paid, at=LATER)

    assert kinds() == ["commerce.order_paid"]


def test_an_order_that_is_not_paid_has_no_receipt(opened):
    settlement.settle(payment=opened, at=NOON, cause="test")

    assert kinds() == []


def test_cash_gets_a_receipt(counter, ada):
    cash = receiving.expect(order=place_order(buyer=ada), method="cash", at=NOON)

    receiving.settle_by_hand(payment=cash, at=NOON, by=None)
    receiving.settle_by_hand(payment=cash, at=NOON, by=None)

    [letter] = letters()
    assert "Paid by: cash" in letter.body


def test_an_order_that_comes_to_nothing_gets_a_receipt(counter, ada):
    gift = Discount.objects.create(name="Gift", percent_off=Decimal(100))

    ordering.place(buyer=ada, lines=[voucher()], discount=gift, at=NOON)

    [letter] = letters()
    assert "There was nothing to pay." in letter.body


def pay_as_visitor(*, given_here="", given_there="") -> Payment:
    order = ordering.place(guest_key=new_guest_key(), email=given_here, lines=[voucher()], at=NOON)
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)
    fake().pay(payment.session_id, email=given_there)
    return payment


@pytest.mark.parametrize(
    ("given_here", "given_there", "sent_to"),
    [
        ("eve@example.com", "", "eve@example.com"),
        ("", "eve@example.org", "eve@example.org"),
        ("eve@example.com", "eve@example.org", "eve@example.com"),
    ],
)
def test_a_visitors_receipt_goes_to_the_address_they_gave(counter, given_here, given_there, sent_to):
    payment = pay_as_visitor(given_here=given_here, given_there=given_there)
    for _time in range(2):
        settlement.settle(payment=payment, at=NOON, cause="test")

    sent = [receipts.sweep(at=LATER) for _time in range(2)]

    assert sent == [1, 0]
    [letter] = mail.outbox
    order = Order.objects.get()
    assert (letter.to, letter.subject) == ([sent_to], f"Receipt for order {order.number}")
    assert order.email == sent_to
    assert [line for line in letter.body.splitlines() if line] == [
        "Hello,",
        f"thank you for your order {order.number}. It was paid on 4 May 2026.",
        "1 × Voucher v1: $49.00",
        "Total: $49.00",
        "Paid by: card",
        "Learning portal",
        "http://localhost:8000",
    ]


def test_a_receipt_that_the_mail_server_refuses_is_tried_again_later(counter, settings):
    settlement.settle(payment=pay_as_visitor(given_there="eve@example.com"), at=NOON, cause="test")
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "commerce.tests.test_letters.NoMailServer"

    refused = receipts.sweep(at=NOON)
    settings.EMAIL_BACKEND = working
    too_early = receipts.sweep(at=NOON + receipts.FIRST_WAIT - timedelta(seconds=1))
    sent = receipts.sweep(at=NOON + receipts.FIRST_WAIT)

    assert (refused, too_early, sent) == (0, 0, 1)
    assert [letter.to for letter in mail.outbox] == [["eve@example.com"]]


def test_a_receipt_asked_for_twice_goes_out_once(counter):
    paid = settlement.settle(payment=pay_as_visitor(given_there="eve@example.com"), at=NOON, cause="test")
    receipts.sweep(at=NOON)

    asked = receipts.ask_for(order=paid.order, at=LATER)

    assert (asked, receipts.sweep(at=LATER), len(mail.outbox)) == (False, 0, 1)


def test_a_receipt_that_never_goes_out_is_given_up(counter, settings):
    settlement.settle(payment=pay_as_visitor(given_there="eve@example.com"), at=NOON, cause="test")
    settings.EMAIL_BACKEND = "commerce.tests.test_letters.NoMailServer"

    for day in range(receipts.MAX_ATTEMPTS + 2):
        receipts.sweep(at=NOON + timedelta(days=day))

    order = Order.objects.get()
    assert (order.receipt_attempts, order.receipt_due_at) == (receipts.MAX_ATTEMPTS, None)


def test_what_is_no_address_keeps_nobody_from_paying(counter):
    payment = pay_as_visitor(given_there="eve\n@example")

    settlement.settle(payment=payment, at=NOON, cause="test")

    order = Order.objects.get()
    assert (order.status, order.email, receipts.sweep(at=LATER)) == ("PAID", "", 0)


def test_a_members_receipt_goes_to_their_own_address_whatever_they_told_the_provider(opened):
    fake().pay(opened.session_id, email="eve@example.com")
    settlement.settle(payment=opened, at=NOON, cause="test")

    [letter] = letters()

    assert (letter.to, receipts.sweep(at=LATER)) == (["ada@example.com"], 0)


def test_visitors_without_an_address_get_no_letter_and_their_money_is_taken_all_the_same(counter):
    order = ordering.place(guest_key=new_guest_key(), lines=[voucher()], at=NOON)
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)
    fake().pay(payment.session_id)

    paid = settlement.settle(payment=payment, at=NOON, cause="test")
    refunding.give_back(payment=paid, at=NOON, by=None)

    order.refresh_from_db()
    assert (kinds(), receipts.sweep(at=LATER), order.status) == ([], 0, "REFUNDED")


# --- Refunds -----------------------------------------------------------------------------------------------
def test_a_refund_is_told_with_its_reason_once(paid):
    refund = refunding.give_back(payment=paid, at=LATER, by=None, reason="The course was moved")
    refunding.send(refund=refund, at=LATER)
    refunding.learn(payment=paid, at=LATER, cause="refund.updated")

    _receipt, letter = letters()

    assert letter.subject == f"Refund for order {paid.order.number}"
    assert f"we have given back $49.00, all that was paid for order {paid.order.number}." in letter.body
    assert "The reason: The course was moved" in letter.body
    assert "to the card or account it came from" in letter.body


def test_a_part_says_of_how_much_it_is(paid):
    refunding.give_back(payment=paid, amount=Money(Decimal("9.00"), "USD"), at=LATER, by=None)

    _receipt, letter = letters()

    said = f"of the $49.00 paid for order {paid.order.number} we have given back $9.00."
    assert said in letter.body


def test_each_refund_has_its_letter(paid):
    for amount in ("9.00", "1.00"):
        refunding.give_back(payment=paid, amount=Money(Decimal(amount), "USD"), at=LATER, by=None)

    assert kinds() == ["commerce.order_paid", "commerce.payment_refunded", "commerce.payment_refunded"]


def test_a_refund_of_the_dashboard_is_told_as_well(paid):
    fake().refund_at_the_provider(paid.intent_id, Money(Decimal("9.00"), "USD"))

    refunding.learn(payment=paid, at=LATER, cause="charge.refunded")
    refunding.learn(payment=paid, at=LATER, cause="charge.refunded")

    assert kinds() == ["commerce.order_paid", "commerce.payment_refunded"]


def test_a_refund_the_provider_refused_is_not_told(paid, monkeypatch):
    monkeypatch.setattr(fake(), "refund", refused)

    with pytest.raises(refunding.ProviderRefused):
        refunding.give_back(payment=paid, at=LATER, by=None)

    assert kinds() == ["commerce.order_paid"]


def test_late_money_that_goes_back_is_told_in_the_buyers_language_whoever_asks(
    opened, counter, ada, monkeypatch
):
    ada.language = "ru"
    ada.save()
    fake().pay(opened.session_id)
    ordering.cancel(order=opened.order, at=NOON, cause="test")
    monkeypatch.setattr(counter, "refusal", lambda line: gettext("May"))

    settled = settlement.settle(payment=opened, at=NOON, cause="test")
    refunding.send(refund=settled.refunds.get(), at=NOON)

    assert settled.refunds.get().reason == "Май"
    [letter] = letters()
    assert "Май" in letter.body


# --- Held --------------------------------------------------------------------------------------------------
def test_a_payment_that_is_held_is_told_once(opened):
    fake().pay(opened.session_id, amount=Money(Decimal("4.90"), "USD"))
    settlement.settle(payment=opened, at=NOON, cause="test")
    settlement.settle(payment=opened, at=LATER, cause="sweep")

    [letter] = letters()

    assert letter.subject == f"We are checking your payment for order {opened.order.number}"
    assert "Please do not pay again." in letter.body


def test_a_hold_that_was_decided_before_the_letter_went_out_is_not_told(opened):
    fake().pay(opened.session_id, amount=Money(Decimal("4.90"), "USD"))
    held = settlement.settle(payment=opened, at=NOON, cause="test")

    refunding.give_back(payment=held, at=NOON, by=None)

    assert [letter.subject for letter in letters()] == [f"Refund for order {held.order.number}"]


def test_staff_read_why_in_their_own_language_whoever_paid(opened):
    fake().pay(opened.session_id, amount=Money(Decimal("4.90"), "USD"))
    with translation.override("ru"):
        held = settlement.settle(payment=opened, at=NOON, cause="test")

    assert held.held_because == "4.90 USD was paid for an order of 49.00 USD."
    with translation.override("ru"):
        label = str(Payment.Held.OTHER_AMOUNT.label)
        assert held.held_because == label % {"paid": "4.90 USD", "total": "49.00 USD"}


def test_words_of_before_there_were_reasons_are_kept(opened):
    Payment.objects.update(held_reason="It was 100% wrong.")

    assert Payment.objects.get().held_because == "It was 100% wrong."


def test_money_that_could_not_go_back_by_itself_is_held(opened, counter, monkeypatch):
    fake().pay(opened.session_id)
    ordering.cancel(order=opened.order, at=NOON, cause="test")
    counter.out_of = "Sold out."
    settled = settlement.settle(payment=opened, at=NOON, cause="test")
    monkeypatch.setattr(fake(), "refund", refused)

    with pytest.raises(GatewayRefused):
        refunding.send(refund=settled.refunds.get(), at=NOON)

    settled.refresh_from_db()
    assert settled.held_because == (
        "The money should go back by itself, and the payment service refused: no funds"
    )
    assert kinds() == ["commerce.payment_held"]


def refused(request):
    raise GatewayRefused("no funds")
