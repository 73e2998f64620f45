from collections.abc import Callable

import pytest
import stripe

from commerce.sandbox import RetryPlan, WebhookEndpoint
from commerce.sandbox.tests.shop import Listener, Shop

OwnShop = Callable[..., Shop]
KEY = "sk_test_own"
COMPLETED = "checkout.session.completed"


def test_an_event_arrives_signed_and_is_delivered_once(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY)])
        session = shop.session()

        shop.submit(session)

        assert shop.sandbox.webhooks.wait_until_quiet()
        (event,) = [event for event in listener.received if event.type == COMPLETED]
        assert event.data.object["id"] == session.id
        assert shop.client.v1.events.retrieve(event.id).pending_webhooks == 0
        assert len(listener.received) == len(shop.event_types())


def test_an_endpoint_that_fails_twice_gets_the_same_event_a_third_time(own_shop: OwnShop) -> None:
    with Listener(500, 500, 200) as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY, COMPLETED)], retries=RetryPlan(base=0.01))

        shop.sandbox.pay(shop.session().id)

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert len(listener.ids(COMPLETED)) == 3
        assert len(set(listener.ids(COMPLETED))) == 1
        (event,) = shop.sandbox.webhooks.events(type=COMPLETED)
        (delivery,) = event["deliveries"]
        assert delivery["state"] == "delivered"
        assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 500, 200]


def test_after_the_last_attempt_a_delivery_has_failed(own_shop: OwnShop) -> None:
    with Listener(500, 500, 500) as listener:
        shop = own_shop(
            endpoints=[listener.endpoint(KEY, COMPLETED)], retries=RetryPlan(base=0.01, attempts=2)
        )

        shop.sandbox.pay(shop.session().id)

        assert shop.sandbox.webhooks.wait_until_quiet()
        (event,) = shop.sandbox.webhooks.events(type=COMPLETED)
        assert event["deliveries"][0]["state"] == "failed"
        undelivered = shop.client.v1.events.list({"delivery_success": False}).data
        assert [found.id for found in undelivered] == [event["id"]]


def test_every_endpoint_has_its_own_secret_and_list_of_events(own_shop: OwnShop) -> None:
    with Listener(secret="whsec_one") as one, Listener(secret="whsec_two") as two:
        shop = own_shop(endpoints=[one.endpoint(KEY, "checkout.session.*"), two.endpoint(KEY, "charge.*")])

        shop.sandbox.pay(shop.session().id)

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert {event.type for event in one.received} == {COMPLETED}
        assert {event.type for event in two.received} == {"charge.succeeded"}


def test_an_account_does_not_hear_of_another_ones_payments(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint("sk_test_stranger")])

        shop.sandbox.pay(shop.session().id)

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert listener.received == []


def test_held_events_wait_until_they_are_delivered(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY)])
        shop.sandbox.webhooks.set_mode("hold", types=[COMPLETED])

        shop.sandbox.pay(shop.session().id)

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert listener.ids(COMPLETED) == []
        (held,) = shop.sandbox.webhooks.held()
        (delivery,) = shop.sandbox.webhooks.deliver(held["id"])
        assert (delivery["url"], delivery["status"], delivery["error"]) == (listener.url, 200, None)
        assert listener.ids(COMPLETED) == [held["id"]]
        assert shop.sandbox.webhooks.held() == []


def test_held_events_can_be_released_together(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY)])
        shop.sandbox.webhooks.set_mode("hold")
        shop.sandbox.pay(shop.session().id)

        released = shop.sandbox.webhooks.release()

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert released == len(listener.received) == len(shop.event_types())


def test_a_doubled_event_arrives_twice_with_one_id(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY, COMPLETED)])
        shop.sandbox.webhooks.set_mode("double")

        shop.sandbox.pay(shop.session().id)

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert len(listener.ids(COMPLETED)) == 2
        assert len(set(listener.ids(COMPLETED))) == 1


def test_a_dropped_event_never_arrives_and_can_still_be_read(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY, COMPLETED)])
        assert shop.post_control("/webhooks", mode="drop").status_code == 200

        shop.sandbox.pay(shop.session().id)

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert listener.received == []
        assert len(shop.client.v1.events.list({"type": COMPLETED}).data) == 1


def test_an_event_can_be_signed_wrongly_or_too_long_ago(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY, COMPLETED)])
        shop.sandbox.webhooks.set_mode("hold")
        shop.sandbox.pay(shop.session().id)
        (held,) = shop.sandbox.webhooks.held()

        wrong = shop.sandbox.webhooks.deliver(held["id"], secret="whsec_other")
        aged = shop.sandbox.webhooks.deliver(held["id"], age_seconds=301)

        assert [wrong[0]["status"], aged[0]["status"]] == [400, 400]
        assert listener.received == []


def test_an_endpoint_that_does_not_answer_is_noted(own_shop: OwnShop) -> None:
    endpoint = WebhookEndpoint(
        api_key=KEY, url="http://127.0.0.1:9/none", secret="whsec_test", events=(COMPLETED,)
    )
    shop = own_shop(endpoints=[endpoint], retries=RetryPlan(attempts=1))

    shop.sandbox.pay(shop.session().id)

    assert shop.sandbox.webhooks.wait_until_quiet()
    (event,) = shop.sandbox.webhooks.events(type=COMPLETED)
    (attempt,) = event["deliveries"][0]["attempts"]
    assert attempt["status"] is None
    assert "ConnectionRefusedError" in attempt["error"]


def test_endpoints_are_registered_and_events_delivered_by_the_control_api(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop()
        shop.sandbox.pay(shop.session().id)
        registered = shop.post_control("/endpoints", api_key=KEY, url=listener.url, secret="whsec_test")
        (event,) = [found for found in shop.get_control("/events")["events"] if found["type"] == COMPLETED]

        answer = shop.post_control(f"/events/{event['id']}/deliver").json()

        assert registered.json()["url"] == listener.url
        assert [delivery["status"] for delivery in answer["deliveries"]] == [200]
        assert listener.ids(COMPLETED) == [event["id"]]


def test_an_event_tells_the_request_that_caused_it(shop: Shop) -> None:
    session = shop.session()

    shop.client.v1.checkout.sessions.expire(session.id, None, {"idempotency_key": "expire-1"})

    (event,) = shop.client.v1.events.list({"type": "checkout.session.expired"}).data
    assert event.request is not None
    assert event.request.idempotency_key == "expire-1"
    assert str(event.request.id).startswith("req_")


def test_a_live_key_is_not_taken_for_an_endpoint(own_shop: OwnShop) -> None:
    shop = own_shop()

    with pytest.raises(ValueError, match="a live key was given"):
        shop.sandbox.webhooks.register(WebhookEndpoint("sk_live_x", "http://127.0.0.1/", "whsec_x"))
    answer = shop.post_control("/endpoints", api_key="sk_live_x", url="http://127.0.0.1/", secret="whsec_x")

    assert answer.status_code == 400


def test_the_library_reads_a_delivered_event_as_an_event(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY, "payment_intent.succeeded")])

        shop.sandbox.pay(shop.session(amount=700).id)

        assert shop.sandbox.webhooks.wait_until_quiet()
        (event,) = listener.received
        assert isinstance(event.data.object, stripe.PaymentIntent)
        assert event.data.object.amount_received == 700
