"""The API from end to end, through the real library and the sandbox over HTTP: nothing of ours is faked."""

from __future__ import annotations

import json
import urllib.request
from decimal import Decimal

import pytest
from django.test import Client

from accounts.tests.factories import UserFactory
from commerce.gateways import gateway_for
from commerce.models import Discount, Payment, Tax
from commerce.sandbox import WebhookEndpoint
from commerce.sandbox.tests.shop import Listener
from commerce.services import settlement
from commerce.tests.api import ORDERS, PAYMENTS, an_item, client_of, now
from commerce.tests.paying import GOOD_CARD, submit_card

pytestmark = pytest.mark.django_db


class Postbox(Listener):
    """Keeps the provider's letters as they came: body and signature."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[tuple[bytes, str]] = []

    def hear(self, body: bytes, signature: str) -> int:
        self.letters.append((body, signature))
        return 200

    def about(self, *kinds: str) -> list[tuple[bytes, str]]:
        return [letter for letter in self.letters if json.loads(letter[0])["type"] in kinds]


@pytest.fixture
def postbox(sandbox, settings):
    """The letters of both accounts, each signed with its own secret."""
    with Postbox() as postbox:
        for account in settings.STRIPE_ACCOUNTS.values():
            endpoint = WebhookEndpoint(
                api_key=account["secret_key"], url=postbox.url, secret=account["webhook_secret"]
            )
            sandbox.webhooks.register(endpoint)
        yield postbox


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com")


@pytest.fixture
def staff():
    return UserFactory(is_staff=True)


def deliver(letter, *, to="usd"):
    body, signature = letter
    return (
        Client()
        .post(
            f"/webhooks/stripe/{to}/",
            data=body,
            content_type="application/json",
            headers={"Stripe-Signature": signature},
        )
        .status_code
    )


def order_and_pay(person, *, currency="USD", body=None):
    """A mug, ordered, with its payment page open."""
    item = an_item(currency=currency)
    order = client_of(person).post(ORDERS, {"lines": [{"item": item.pk, "quantity": 2}]}).json()
    answer = client_of(person).post(f"{ORDERS}{order['id']}/pay/", body or {})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def read(person, payment, path=""):
    answer = client_of(person).get(f"{PAYMENTS}{payment['id']}/{path}")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def paid(person, sandbox, **options):
    payment = order_and_pay(person, **options)
    sandbox.pay(payment["session_id"])
    return read(person, payment, "status/")


def refund_in_the_dashboard(sandbox, intent_id, amount):
    request = urllib.request.Request(
        f"{sandbox.url}/_sandbox/refunds",
        json.dumps({"payment_intent": intent_id, "amount": amount}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10):
        pass


def test_from_the_cart_to_the_list_of_payments(sandbox, ada):
    Discount.objects.create(name="Spring", code="SPRING", percent_off=Decimal(15))
    Tax.objects.create(name="VAT", percentage=Decimal("19"), is_inclusive=False)
    item = an_item(price="9.99", stock=5)
    client = client_of(ada)

    order = client.post(ORDERS, {"lines": [{"item": item.pk, "quantity": 3}]}).json()
    order = client.post(f"{ORDERS}{order['id']}/discount/", {"code": "spring"}).json()
    payment = client.post(f"{ORDERS}{order['id']}/pay/").json()
    back = submit_card(payment["session_url"], card=GOOD_CARD)
    arrived = client_of().get(back.removeprefix("http://testserver")).json()

    assert back == f"http://testserver{PAYMENTS}success/?session_id={payment['session_id']}"
    assert (arrived["status"], set(arrived)) == ("PAID", {"status", "session_id", "detail"})
    assert payment["amount"] == order["total"] == "30.31"
    [charge] = sandbox.ledger("sk_test_usd").popitem()[1]["charges"]
    assert (charge["amount"], charge["currency"]) == (3031, "usd")
    [listed] = client.get(PAYMENTS, {"status": "PAID", "order": order["id"]}).json()["results"]
    assert listed == read(ada, payment, "status/") == read(ada, payment)
    told = client.get(f"{ORDERS}{order['id']}/").json()
    assert (told["status"], told["lines"][0]["is_delivered"]) == ("PAID", True)
    item.refresh_from_db()
    assert item.stock == 2


def test_the_way_back_of_who_did_not_pay(sandbox, ada):
    payment = order_and_pay(ada)
    row = Payment.objects.get()

    told = client_of(ada).get(row.cancel_url.removeprefix("http://testserver")).json()

    assert told["may_be_paid"] is True
    assert told["session_url"] == payment["session_url"]
    assert read(ada, payment, "status/")["status"] == "PENDING"


def test_an_expired_payment_is_renewed_and_paid(sandbox, ada):
    payment = order_and_pay(ada)
    gateway_for("usd").expire_session(payment["session_id"])
    assert read(ada, payment, "status/")["status"] == "EXPIRED"

    renewed = client_of(ada).post(f"{PAYMENTS}{payment['id']}/renew/").json()
    submit_card(renewed["session_url"], card=GOOD_CARD)

    assert renewed["id"] == payment["id"]
    assert renewed["session_id"] != payment["session_id"]
    assert read(ada, payment, "status/")["status"] == "PAID"
    assert settlement.sweep(at=now()) == 0


def test_money_is_given_back_in_parts_at_the_provider(sandbox, ada, staff):
    payment = paid(ada, sandbox)
    path = f"{PAYMENTS}{payment['id']}/refund/"

    part = client_of(staff).post(path, {"amount": "10.00"}).json()
    too_much = client_of(staff).post(path, {"amount": "15.01"})
    rest = client_of(staff).post(path).json()

    assert [part["status"], too_much.status_code, rest["status"]] == ["PARTIALLY_REFUNDED", 400, "REFUNDED"]
    [books] = sandbox.ledger("sk_test_usd").values()
    assert [refund["amount"] for refund in books["refunds"]] == [1000, 1500]


def test_a_refund_in_the_dashboard_comes_by_letter(sandbox, postbox, ada):
    payment = paid(ada, sandbox)
    refund_in_the_dashboard(sandbox, Payment.objects.get().intent_id, 2000)
    assert sandbox.webhooks.wait_until_quiet()

    letters = postbox.about("charge.refunded", "refund.created")
    answers = [deliver(letter) for letter in [*letters, *letters]]

    assert letters
    assert set(answers) == {200}
    assert read(ada, payment)["status"] == "PARTIALLY_REFUNDED"
    row = Payment.objects.get()
    assert (row.refunded_minor, row.refunds.get().origin) == (2000, "PROVIDER")


def test_cash_asks_nobody(sandbox, ada, staff):
    payment = order_and_pay(ada, body={"method": "cash"})

    settled = client_of(staff).post(f"{PAYMENTS}{payment['id']}/settle/").json()

    assert (settled["status"], settled["session_id"]) == ("PAID", None)
    assert sandbox.ledger() == {}


def test_the_card_is_taken_on_the_clients_own_page(sandbox, ada):
    payment = order_and_pay(ada, body={"flow": "intent"})
    assert (payment["session_url"], payment["publishable_key"]) == (None, "pk_test_usd")

    sandbox.pay_intent(payment["client_secret"].split("_secret_")[0])

    assert read(ada, payment, "status/")["status"] == "PAID"


# --- Two accounts ---
def test_each_currency_is_paid_through_the_keys_of_its_own_account(sandbox, ada):
    paid(ada, sandbox, currency="USD")
    paid(ada, sandbox, currency="EUR")

    [dollars], [euros] = (
        [ledger["charges"] for ledger in sandbox.ledger(key).values()]
        for key in ("sk_test_usd", "sk_test_eur")
    )
    assert [(charge["amount"], charge["currency"]) for charge in dollars] == [(2500, "usd")]
    assert [(charge["amount"], charge["currency"]) for charge in euros] == [(2500, "eur")]
    assert len(sandbox.ledger()) == 2


def test_with_the_other_accounts_key_a_session_is_not_to_be_seen(sandbox, ada):
    payment = order_and_pay(ada, currency="EUR")
    sandbox.pay(payment["session_id"])
    Payment.objects.update(account="usd")

    answer = client_of(ada).get(f"{PAYMENTS}{payment['id']}/status/")

    assert answer.status_code == 503
    assert read(ada, payment)["status"] == "PENDING"


def test_a_letter_is_taken_at_the_door_of_its_own_account_only(sandbox, postbox, ada):
    payment = order_and_pay(ada, currency="EUR")
    sandbox.pay(payment["session_id"])
    assert sandbox.webhooks.wait_until_quiet()
    [letter] = postbox.about("checkout.session.completed")

    assert deliver(letter, to="usd") == 400
    assert read(ada, payment)["status"] == "PENDING"
    assert deliver(letter, to="eur") == 200
    assert read(ada, payment)["status"] == "PAID"
