import pytest
from django.test import Client
from django.urls import reverse

from commerce.gateways import GatewayUnavailable
from commerce.models import GatewayEvent, Payment
from commerce.services import checkout
from commerce.tests.factories import NOON, URLS, fake, place_order

pytestmark = pytest.mark.django_db
ADDRESS = "/webhooks/stripe/usd/"


@pytest.fixture
def payment(counter) -> Payment:
    payment = checkout.open_session(order=place_order(), urls=URLS, at=NOON)
    fake().pay(payment.session_id)
    return payment


def deliver(body: bytes, signature: str, *, address: str = ADDRESS):
    # As a provider does: no cookie, no token, and every check of Django's on.
    client = Client(enforce_csrf_checks=True)
    return client.post(
        address, body, content_type="application/json", headers={"stripe-signature": signature}
    )


def test_a_signed_event_settles_its_payment(payment):
    assert reverse("commerce:stripe_webhook", args=["usd"]) == ADDRESS

    assert deliver(*fake().notify(payment.session_id)).status_code == 200

    payment.refresh_from_db()
    assert payment.status == "PAID"


def test_the_same_event_again_is_answered_and_changes_nothing(payment):
    notification = fake().notify(payment.session_id)

    assert [deliver(*notification).status_code for _time in range(3)] == [200, 200, 200]

    assert GatewayEvent.objects.count() == 1
    assert payment.status_changes.count() == 1


def test_an_unsigned_event_is_refused_and_changes_nothing(payment):
    body, _signature = fake().notify(payment.session_id)

    assert deliver(body, "forged").status_code == 400

    payment.refresh_from_db()
    assert payment.status == "PENDING"


def test_an_event_at_the_address_of_another_account_is_refused(payment):
    assert deliver(*fake().notify(payment.session_id), address="/webhooks/stripe/eur/").status_code == 400


def test_an_account_nobody_has_is_not_found(payment):
    assert deliver(*fake().notify(payment.session_id), address="/webhooks/stripe/gbp/").status_code == 404


def test_an_event_whose_payment_is_not_here_yet_must_come_again(payment):
    notification = fake().notify(payment.session_id)
    Payment.objects.update(uuid="8d9b2d1e-9f53-4a8e-9a55-0d7a5b7f1a11")

    assert deliver(*notification).status_code == 503


def test_an_event_whose_session_cannot_be_asked_about_must_come_again(payment, monkeypatch):
    def no_answer(session_id):
        raise GatewayUnavailable("The line is dead.")

    notification = fake().notify(payment.session_id)
    with monkeypatch.context() as broken:
        broken.setattr(fake(), "session", no_answer, raising=False)
        assert deliver(*notification).status_code == 503

    assert deliver(*notification).status_code == 200
    payment.refresh_from_db()
    assert payment.status == "PAID"


def test_an_account_without_a_secret_believes_nothing_and_loses_nothing(payment, settings):
    settings.PAYMENT_GATEWAY = "commerce.gateways.stripe.StripeGateway"
    settings.STRIPE_ACCOUNTS = {"usd": {**settings.STRIPE_ACCOUNTS["usd"], "webhook_secret": ""}}

    assert deliver(b"{}", "t=1,v1=00").status_code == 503


def test_only_post_is_answered(client):
    assert client.get(ADDRESS).status_code == 405
