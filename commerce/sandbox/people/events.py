"""Events with their deliveries, and any object as the API tells it."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from commerce.sandbox.people.facts import AccountFacts, Event
from commerce.sandbox.people.html import Html, choice, field, h, joined, table
from commerce.sandbox.people.markup import (
    EVENTS,
    Frame,
    account_address,
    form,
    hidden,
    id_link,
    link,
    moment,
    page,
    section,
    state,
)
from commerce.sandbox.store import Stored


def events_page(
    frame: Frame,
    *,
    events: list[Event],
    accounts: list[AccountFacts],
    asked: dict[str, str],
    older: int | None,
) -> bytes:
    keys = {account.id: account.secret_key for account in accounts}
    narrow = h(
        '<form method="get" action="{here}"><div class="fields">{account}{type}</div>'
        '<button type="submit">Show</button></form>',
        here=EVENTS,
        account=choice("account", "Account", [("", "All"), *keys.items()], chosen=asked.get("account", "")),
        type=field("type", "Type", value=asked.get("type", ""), placeholder="checkout.session.*"),
    )
    pager = Html()
    if older is not None:
        address = f"{EVENTS}?{urlencode({**asked, 'before': older})}"
        pager = h('<p class="pager">{link}</p>', link=link(address, "Older events"))
    main = h(
        "<h1>Events</h1><p>What happened, and who was told.</p><section>{narrow}</section>"
        "<section>{listed}{pager}</section>",
        narrow=narrow,
        listed=_events(events, keys),
        pager=pager,
    )
    return page(frame, title="Events", main=main)


def _events(events: Iterable[Event], keys: dict[str, str]) -> Html:
    rows: list[list[object]] = [
        [
            link(event_address(event.body["id"]), event.body["type"]),
            id_link(event.account, event.body["data"]["object"]["id"]),
            keys.get(event.account, event.account),
            moment(event.body["created"]),
            _told(event.deliveries),
        ]
        for event in events
    ]
    return table(
        "Newest first.",
        ["Event", "About", "Account", "Created", "Deliveries"],
        rows,
        empty="No such event has happened.",
    )


def event_address(event_id: str) -> str:
    return f"{EVENTS}/{event_id}"


def _told(deliveries: list[dict[str, Any]]) -> Html:
    if not deliveries:
        return h('<span class="quiet">{text}</span>', text="to nobody")
    return joined((state(delivery["state"]) for delivery in deliveries), by="<br>")


def event_page(frame: Frame, event: Event) -> bytes:
    sections = [section("Deliveries", _deliveries(event))]
    if event.deliveries:
        sections.append(section("Send again", _send_again(frame, event)))
    sections.append(section("What is sent", _json({**event.body})))
    main = h(
        "<h1>{type}</h1><p><code>{id}</code> · {created} · about {about}</p>{sections}",
        type=event.body["type"],
        id=event.body["id"],
        created=moment(event.body["created"]),
        about=id_link(event.account, event.body["data"]["object"]["id"]),
        sections=joined(sections),
    )
    return page(frame, title=event.body["type"], main=main)


def _deliveries(event: Event) -> Html:
    rows: list[list[object]] = [
        [
            h("<code>{url}</code>", url=delivery["url"]),
            state(delivery["state"]),
            joined(
                (
                    h(
                        "{at}: {answer}",
                        at=moment(attempt["at"]),
                        answer=attempt["error"] or attempt["status"],
                    )
                    for attempt in delivery["attempts"]
                ),
                by="<br>",
            ),
        ]
        for delivery in event.deliveries
    ]
    return table(
        "To each endpoint that listens.",
        ["Address", "State", "Attempts"],
        rows,
        empty="No endpoint listened.",
    )


def _send_again(frame: Frame, event: Event) -> Html:
    return form(
        frame,
        "deliver",
        hidden(event=event.body["id"]),
        choice(
            "signature",
            "Signature",
            (("right", "Right"), ("forged", "With a wrong secret"), ("aged", "Right, but ten minutes old")),
        ),
        button="Send now, once",
    )


def object_page(frame: Frame, *, account: AccountFacts, stored: Stored, events: list[Event]) -> bytes:
    main = h(
        "<h1>{kind}</h1><p><code>{id}</code> · {account}</p>{events}{body}",
        kind=str(stored.body["object"]).replace("_", " ").replace(".", " ").capitalize(),
        id=stored.id,
        account=link(account_address(account.id), account.secret_key),
        events=section("Events", _events(events, {account.id: account.secret_key})),
        body=section("As the API tells it", _json(stored.body)),
    )
    return page(frame, title=stored.id, main=main)


def _json(body: dict[str, Any]) -> Html:
    return h('<pre tabindex="0">{text}</pre>', text=json.dumps(body, indent=2, ensure_ascii=False))
