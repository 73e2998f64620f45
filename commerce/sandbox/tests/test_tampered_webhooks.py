"""Webhooks that come late, in another order, wrongly signed or with an old signature: on purpose."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from commerce.sandbox import RetryPlan
from commerce.sandbox.tests.shop import Listener, Shop

OwnShop = Callable[..., Shop]
KEY = "sk_test_own"
COMPLETED = "checkout.session.completed"


def paid_sessions(shop: Shop, count: int) -> list[str]:
    """The ids of the events that tell of so many payments, oldest first."""
    for _ in range(count):
        shop.sandbox.pay(shop.session().id)
    return [event["id"] for event in shop.sandbox.webhooks.events(type=COMPLETED)]


def test_a_delayed_event_arrives_late_and_not_before(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY, COMPLETED)])
        shop.sandbox.webhooks.set_mode("delay", seconds=0.4)
        before = time.monotonic()

        (event_id,) = paid_sessions(shop, 1)

        assert shop.sandbox.webhooks.wait_until_quiet(timeout=0.1) is False
        assert listener.received == []
        assert shop.sandbox.webhooks.wait_until_quiet()
        assert listener.ids(COMPLETED) == [event_id]
        assert time.monotonic() - before >= 0.4


def test_reordered_events_wait_for_each_other_and_arrive_newest_first(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY, COMPLETED)])
        shop.post_control("/webhooks", mode="reorder", count=3)

        two = paid_sessions(shop, 2)
        assert shop.sandbox.webhooks.wait_until_quiet()
        waiting = [event["id"] for event in shop.sandbox.webhooks.held()]
        received_before = list(listener.received)
        three = paid_sessions(shop, 1)

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert (waiting, received_before) == (two, [])
        assert listener.ids(COMPLETED) == three[::-1]
        assert shop.sandbox.webhooks.held() == []


def test_reordered_events_can_be_shuffled(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY, COMPLETED)])
        shop.sandbox.webhooks.set_mode("reorder", count=12, order="shuffle")

        sent = paid_sessions(shop, 12)

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert sorted(listener.ids(COMPLETED)) == sorted(sent)
        assert listener.ids(COMPLETED) != sent


def test_events_too_few_to_reorder_are_sent_by_a_release(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY, COMPLETED)])
        shop.sandbox.webhooks.set_mode("reorder", count=5)
        sent = paid_sessions(shop, 2)
        shop.sandbox.webhooks.set_mode("normal")

        released = shop.post_control("/webhooks/release").json()

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert released == {"released": 2}
        assert sorted(listener.ids(COMPLETED)) == sorted(sent)


@pytest.mark.parametrize("mode", ["forge", "age"])
def test_an_event_signed_wrongly_or_long_ago_is_refused_until_the_mode_ends(
    own_shop: OwnShop, mode: str
) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY, COMPLETED)], retries=RetryPlan(base=0.2))
        shop.sandbox.webhooks.set_mode(mode)
        (event_id,) = paid_sessions(shop, 1)
        while not _statuses(shop):
            time.sleep(0.01)

        shop.sandbox.webhooks.set_mode("normal")

        assert shop.sandbox.webhooks.wait_until_quiet()
        statuses = _statuses(shop)
        assert (statuses[0], statuses[-1]) == (400, 200)
        assert listener.ids(COMPLETED) == [event_id]


def _statuses(shop: Shop) -> list[int]:
    (event,) = shop.sandbox.webhooks.events(type=COMPLETED)
    return [attempt["status"] for attempt in event["deliveries"][0]["attempts"]]


def test_a_mode_is_for_the_types_it_names(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY)])
        shop.post_control("/webhooks", mode="drop", types=["payment_intent.*", "charge.*"])

        shop.sandbox.pay(shop.session().id)

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert [event.type for event in listener.received] == [COMPLETED]


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({}, "the JSON body needs 'mode'"),
        ({"mode": "lose"}, "a webhook mode is one of normal, hold, drop"),
        ({"mode": "hold", "types": "charge.*"}, "a list of patterns"),
        ({"mode": "hold", "types": [1]}, "are patterns"),
        ({"mode": "delay", "seconds": -1}, "are 0 to 86400"),
        ({"mode": "delay", "seconds": "5"}, "are 0 to 86400"),
        ({"mode": "reorder", "count": 1}, "2 to 1000 deliveries"),
        ({"mode": "reorder", "count": 2.5}, "2 to 1000 deliveries"),
        ({"mode": "reorder", "order": "random"}, "reordered by reverse or shuffle"),
        ({"mode": "reorder", "colour": "red"}, "a webhook mode has types, seconds, count and order"),
    ],
)
def test_a_mode_that_cannot_be_is_refused_with_the_reason(
    own_shop: OwnShop, wishes: dict[str, Any], words: str
) -> None:
    shop = own_shop()

    answer = shop.post_control("/webhooks", **wishes)

    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert shop.get_control("")["webhooks"]["mode"] == "normal"


def test_endpoints_are_served_at_once_so_that_a_slow_one_delays_no_other(own_shop: OwnShop) -> None:
    with Listener(pause=1.0) as slow, Listener() as quick:
        shop = own_shop(endpoints=[slow.endpoint(KEY, COMPLETED), quick.endpoint(KEY, COMPLETED)])
        before = time.monotonic()

        paid_sessions(shop, 3)
        while len(quick.received) < 3:
            time.sleep(0.01)

        assert time.monotonic() - before < 1.0
        assert shop.sandbox.webhooks.wait_until_quiet()
        assert len(slow.received) == 3
        # One after another they would have taken three seconds.
        assert time.monotonic() - before < 2.5


def test_pauses_between_attempts_grow_up_to_five_minutes() -> None:
    plan = RetryPlan()

    pauses = [plan.pause_after(attempt) for attempt in range(1, plan.attempts)]

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_events_are_listed_by_several_types_and_by_whether_they_were_delivered(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(
            endpoints=[listener.endpoint(KEY, COMPLETED, "charge.succeeded", "payment_intent.succeeded")]
        )
        shop.sandbox.webhooks.set_mode("drop", types=["charge.*"])
        shop.sandbox.pay(shop.session().id)
        assert shop.sandbox.webhooks.wait_until_quiet()

        def types(**params: Any) -> list[str]:
            return [event.type for event in shop.client.v1.events.list(params).data]

        assert types(types=[COMPLETED, "charge.succeeded"]) == [COMPLETED, "charge.succeeded"]
        assert types(type="payment_intent.*") == ["payment_intent.succeeded", "payment_intent.created"]
        assert types(delivery_success=False) == ["charge.succeeded"]
        assert types(delivery_success=True) == [
            COMPLETED,
            "payment_intent.succeeded",
            "payment_intent.created",
        ]
