import pytest
import stripe

from commerce.sandbox.tests.shop import Shop


def paid_intent(shop: Shop, amount: int = 1900) -> str:
    session = shop.session(amount)
    shop.sandbox.pay(session.id)
    return str(shop.again(session).payment_intent)


def test_a_refund_without_an_amount_gives_everything_back(shop: Shop) -> None:
    intent = paid_intent(shop)

    refund = shop.client.v1.refunds.create({"payment_intent": intent, "reason": "requested_by_customer"})

    assert (refund.amount, refund.currency, refund.status) == (1900, "eur", "succeeded")
    charge = shop.client.v1.charges.retrieve(str(refund.charge))
    assert (charge.amount_refunded, charge.refunded) == (1900, True)


def test_a_refund_may_be_a_part_and_the_next_the_rest(shop: Shop) -> None:
    intent = paid_intent(shop)

    part = shop.client.v1.refunds.create({"payment_intent": intent, "amount": 400, "metadata": {"line": "2"}})
    rest = shop.client.v1.refunds.create({"charge": str(part.charge)})

    assert (part.amount, rest.amount) == (400, 1500)
    listed = shop.client.v1.refunds.list({"payment_intent": intent}).data
    assert [refund.id for refund in listed] == [rest.id, part.id]
    assert shop.client.v1.refunds.retrieve(part.id).to_dict()["metadata"] == {"line": "2"}


def test_more_than_was_taken_cannot_be_refunded(shop: Shop) -> None:
    intent = paid_intent(shop)
    shop.client.v1.refunds.create({"payment_intent": intent, "amount": 1000})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.refunds.create({"payment_intent": intent, "amount": 901})

    assert "Refund amount (€9.01) is greater than unrefunded amount on charge (€9.00)" in str(refusal.value)
    assert refusal.value.param == "amount"


def test_what_is_refunded_already_cannot_be_refunded_again(shop: Shop) -> None:
    intent = paid_intent(shop)
    shop.client.v1.refunds.create({"payment_intent": intent})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.refunds.create({"payment_intent": intent})

    assert refusal.value.code == "charge_already_refunded"


def test_an_unpaid_intent_has_nothing_to_refund(shop: Shop) -> None:
    session = shop.session()
    shop.sandbox.pay(session.id, "4000000000000002")

    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund"):
        shop.client.v1.refunds.create({"payment_intent": shop.again(session).payment_intent})


def test_a_refund_is_told_by_events_and_stands_in_the_ledger(shop: Shop) -> None:
    intent = paid_intent(shop)

    refund = shop.client.v1.refunds.create({"payment_intent": intent, "amount": 400})

    assert shop.event_types()[-2:] == ["refund.created", "charge.refunded"]
    (ledger,) = shop.sandbox.ledger(shop.key).values()
    (charge,) = ledger["charges"]
    assert (charge["amount"], charge["amount_refunded"], charge["payment_intent"]) == (1900, 400, intent)
    assert [(entry["id"], entry["amount"]) for entry in ledger["refunds"]] == [(refund.id, 400)]
    assert ledger["refunds"][0]["session"] == charge["session"]


def test_a_refund_made_in_the_dashboard_has_no_request_behind_it(shop: Shop) -> None:
    intent = paid_intent(shop)

    answer = shop.post_control("/refunds", payment_intent=intent, amount=500)

    assert answer.json()["amount"] == 500
    (event,) = shop.client.v1.events.list({"type": "refund.created"}).data
    assert event.request is not None
    assert event.request.id is None
