"""The page of one account: its ledger, its payments, its webhook endpoints."""

from typing import Any
from urllib.parse import urlencode

from commerce.sandbox.people.facts import SHOWN, AccountFacts, Sum
from commerce.sandbox.people.html import Html, field, h, joined, table
from commerce.sandbox.people.markup import (
    EVENTS,
    Frame,
    amount,
    form,
    hidden,
    id_link,
    link,
    moment,
    page,
    section,
    short,
    state,
)
from commerce.sandbox.store import Stored


def account_page(
    frame: Frame,
    account: AccountFacts,
    *,
    sums: list[Sum],
    sessions: list[Stored],
    intents: list[Stored],
    charges: list[Stored],
    refunds: list[Stored],
    endpoints: list[dict[str, Any]],
) -> bytes:
    main = h(
        "<h1>{key}</h1><p><code>{id}</code> · {events}</p>"
        "{ledger}{sessions}{intents}{charges}{refunds}{endpoints}",
        key=account.secret_key,
        id=account.id,
        events=link(
            f"{EVENTS}?{urlencode({'account': account.id})}", f"{account.counts.get('event', 0)} events"
        ),
        ledger=section("Ledger", _ledger(sums)),
        sessions=section("Checkout sessions", _sessions(frame, account.id, sessions)),
        intents=section("Payment intents", _intents(frame, account.id, intents)),
        charges=section("Charges", _charges(frame, account.id, charges)),
        refunds=section("Refunds", _refunds(account.id, refunds)),
        endpoints=section("Webhook endpoints", _endpoints(frame, account, endpoints)),
    )
    return page(frame, title=account.secret_key, main=main)


def _ledger(sums: list[Sum]) -> Html:
    rows: list[list[object]] = [
        [
            sum.currency.upper(),
            amount(sum.taken, sum.currency),
            amount(sum.refunded, sum.currency),
            amount(sum.taken - sum.refunded, sum.currency),
        ]
        for sum in sums
    ]
    return table(
        "Charges that succeeded, less refunds.",
        ["Currency", "Taken", "Given back", "Kept"],
        rows,
        empty="No money has been taken.",
    )


def _caption(rows: list[Stored]) -> str:
    return f"The newest {SHOWN}; the rest is there by the API." if len(rows) == SHOWN else "Newest first."


def _sessions(frame: Frame, account: str, sessions: list[Stored]) -> Html:
    rows: list[list[object]] = []
    for session in sessions:
        body = session.body
        deeds: list[Html] = []
        if body["status"] == "open" and body["url"]:
            deeds.append(
                link(f"/c/pay/{body['id']}", "Payment page", label=f"Payment page of {short(body['id'])}")
            )
        if body["status"] == "complete" and body["payment_status"] == "unpaid":
            deeds.append(_settle(frame, body["id"]))
        rows.append(
            [
                id_link(account, body["id"]),
                amount(body["amount_total"], body["currency"]),
                state(body["status"]),
                state(body["payment_status"]),
                moment(body["created"]),
                joined(deeds),
            ]
        )
    heads = ["Session", "Total", "Status", "Payment", "Created", "To do"]
    return table(_caption(sessions), heads, rows, empty="No Checkout Session has been made.")


def _settle(frame: Frame, payment_id: str) -> Html:
    return h(
        '<div class="row">{paid}{returned}</div>',
        paid=form(frame, "settle", hidden(payment=payment_id, outcome="succeeded"), button="Debit arrives"),
        returned=form(frame, "settle", hidden(payment=payment_id, outcome="failed"), button="Debit fails"),
    )


def _intents(frame: Frame, account: str, intents: list[Stored]) -> Html:
    rows: list[list[object]] = []
    for intent in intents:
        body = intent.body
        deeds = Html()
        ask = body["next_action"] or {}
        if body["status"] == "processing" and intent.private["session"] is None:
            deeds = _settle(frame, body["id"])
        elif ask.get("type") == "redirect_to_url":
            deeds = link(
                ask["redirect_to_url"]["url"], "3-D Secure page", label=f"3-D Secure page of {body['id']}"
            )
        rows.append(
            [
                id_link(account, body["id"]),
                amount(body["amount"], body["currency"]),
                state(body["status"]),
                id_link(account, intent.private["session"]) if intent.private["session"] else "",
                moment(body["created"]),
                deeds,
            ]
        )
    heads = ["Intent", "Amount", "Status", "Session", "Created", "To do"]
    return table(_caption(intents), heads, rows, empty="No Payment Intent has been made.")


def _charges(frame: Frame, account: str, charges: list[Stored]) -> Html:
    rows: list[list[object]] = []
    for charge in charges:
        body = charge.body
        left = body["amount_captured"] - body["amount_refunded"]
        words = joined(
            [state(body["status"]), h('<div class="quiet">{why}</div>', why=body["failure_message"] or "")]
        )
        rows.append(
            [
                id_link(account, body["id"]),
                amount(body["amount"], body["currency"]),
                words,
                amount(body["amount_refunded"], body["currency"]) if body["amount_refunded"] else "",
                moment(body["created"]),
                _refund_form(frame, body["id"], left) if body["status"] == "succeeded" and left else "",
            ]
        )
    heads = ["Charge", "Amount", "Status", "Refunded", "Created", "Refund as from the dashboard"]
    return table(_caption(charges), heads, rows, empty="No money has been asked for.")


def _refund_form(frame: Frame, charge: str, left: int) -> Html:
    return form(
        frame,
        "refund",
        hidden(charge=charge),
        field(
            "amount",
            "Smallest units",
            id=f"refund-{charge}",
            kind="number",
            min=1,
            max=left,
            placeholder=f"all {left}",
        ),
        button="Refund",
        row=True,
    )


def _refunds(account: str, refunds: list[Stored]) -> Html:
    rows: list[list[object]] = [
        [
            id_link(account, refund.body["id"]),
            amount(refund.body["amount"], refund.body["currency"]),
            state(refund.body["status"]),
            id_link(account, refund.body["charge"]),
            moment(refund.body["created"]),
        ]
        for refund in refunds
    ]
    heads = ["Refund", "Amount", "Status", "Charge", "Created"]
    return table(_caption(refunds), heads, rows, empty="Nothing has been given back.")


def _endpoints(frame: Frame, account: AccountFacts, endpoints: list[dict[str, Any]]) -> Html:
    rows: list[list[object]] = [
        [h("<code>{url}</code>", url=found["url"]), ", ".join(found["events"])] for found in endpoints
    ]
    listed = table(
        "Each has a signing secret of its own.",
        ["Address", "Types of events"],
        rows,
        empty="Events of this account are sent nowhere.",
    )
    add = form(
        frame,
        "endpoints",
        hidden(api_key=account.secret_key),
        field("url", "Address", kind="url", placeholder="http://127.0.0.1:8000/webhook", required="required"),
        h(
            '<div class="fields">{secret}{events}</div>',
            secret=field(
                "secret", "Signing secret", placeholder="whsec_…", required="required", autocomplete="off"
            ),
            events=field("events", "Types of events", value="*", hint="Patterns apart by spaces"),
        ),
        button="Add the endpoint",
    )
    return h("{listed}<details><summary>Add an endpoint</summary>{add}</details>", listed=listed, add=add)
