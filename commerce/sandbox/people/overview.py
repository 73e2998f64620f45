"""The overview: accounts, webhooks, clock, faults, reset."""

from urllib.parse import urlencode

from commerce.sandbox.faults import KINDS, Fault
from commerce.sandbox.people.facts import AccountFacts
from commerce.sandbox.people.html import Html, choice, field, h, table
from commerce.sandbox.people.markup import EVENTS, Frame, account_address, form, link, moment, page, section
from commerce.sandbox.tampering import Tampering

_MODES = (
    ("normal", "Normal: at once, in parallel"),
    ("hold", "Hold: keep until released"),
    ("drop", "Drop: never send"),
    ("double", "Double: send each twice"),
    ("delay", "Delay: send some seconds later"),
    ("reorder", "Reorder: collect, then send in another order"),
    ("forge", "Forge: sign with a wrong secret"),
    ("age", "Age: date the signature back"),
)
_FAULTS = {
    "429": "429, too many requests",
    "500": "500, error of the API",
    "503": "503, not available",
    "409": "409, object locked",
    "stall": "Stall: answer late",
    "cut": "Cut the line: no answer",
}


def overview(
    frame: Frame,
    *,
    now: int,
    ahead: int,
    accounts: list[AccountFacts],
    tampering: Tampering,
    waiting: int,
    faults: list[Fault],
    base_url: str,
) -> bytes:
    main = h(
        "<h1>Overview</h1><p>The API is at <code>{base_url}</code>. Everything here is play money.</p>"
        '{accounts}<div class="columns">{webhooks}{time}</div>{faults}{reset}',
        base_url=base_url,
        accounts=section("Accounts", _accounts(accounts)),
        webhooks=section("Webhooks", _webhooks(frame, tampering, waiting)),
        time=section("Clock", _clock(frame, now, ahead)),
        faults=section("Faults", _faults(frame, faults)),
        reset=section("Start again", _reset(frame)),
    )
    return page(frame, title="Overview", main=main)


def _accounts(accounts: list[AccountFacts]) -> Html:
    rows: list[list[object]] = [
        [
            link(account_address(account.id), account.secret_key),
            account.counts.get("checkout.session", 0),
            account.counts.get("payment_intent", 0),
            account.counts.get("charge", 0),
            account.counts.get("refund", 0),
            link(
                f"{EVENTS}?{urlencode({'account': account.id})}",
                str(account.counts.get("event", 0)),
                label=f"{account.counts.get('event', 0)} events of {account.secret_key}",
            ),
        ]
        for account in accounts
    ]
    heads = ["Secret key", "Sessions", "Intents", "Charges", "Refunds", "Events"]
    return table(
        "Each key that was used opened an account of its own.",
        heads,
        rows,
        empty="No key has been used yet. Point the stripe library here and make the first call.",
    )


def _clock(frame: Frame, now: int, ahead: int) -> Html:
    days, hours, minutes = ahead // 86400, ahead % 86400 // 3600, ahead % 3600 // 60
    told = (
        f"{days} d {hours} h {minutes} min ahead of this computer" if ahead else "the time of this computer"
    )
    units = (("3600", "hours"), ("86400", "days"), ("60", "minutes"))
    number = field("number", "Move on by", value=1, kind="number", min=1, max=10000, required="required")
    return h(
        "<p>It is {now}, {told}. Moving on expires sessions and settles debits; "
        "there is no way back but a reset.</p>{form}",
        now=moment(now),
        told=told,
        form=form(
            frame,
            "clock",
            h('<div class="fields">{number}{unit}</div>', number=number, unit=choice("unit", "Unit", units)),
            button="Move the clock on",
        ),
    )


def _webhooks(frame: Frame, tampering: Tampering, waiting: int) -> Html:
    words = dict(_MODES)[tampering.mode].partition(":")[0].lower()
    seconds = "" if tampering.seconds is None else tampering.seconds
    orders = (("reverse", "Newest first"), ("shuffle", "Shuffled"))
    details = h(
        '<div class="fields">{seconds}{count}{order}</div>{types}',
        seconds=field(
            "seconds",
            "Seconds",
            value=seconds,
            kind="number",
            min=0,
            max=86400,
            step="any",
            hint="For delay and age",
        ),
        count=field(
            "count", "How many", value=tampering.count, kind="number", min=2, max=1000, hint="For reorder"
        ),
        order=choice("order", "Order", orders, chosen=tampering.order),
        types=field(
            "types",
            "Types of events",
            value=" ".join(tampering.types),
            hint="Patterns apart by spaces, such as checkout.session.* charge.*",
        ),
    )
    modes = choice("mode", "Mode", _MODES, chosen=tampering.mode)
    release = form(frame, "release", button=f"Release {waiting} waiting") if waiting else Html()
    return h(
        "<p>The mode is <strong>{words}</strong>. Deliveries that wait to be released: {waiting}.</p>"
        "{release}{change}",
        words=words,
        waiting=waiting,
        release=release,
        change=form(frame, "webhooks", modes, details, button="Set the mode"),
    )


def _faults(frame: Frame, faults: list[Fault]) -> Html:
    rows: list[list[object]] = [
        [
            _FAULTS[fault.kind] + (f" ({fault.seconds:g} s)" if fault.kind == "stall" else ""),
            fault.verb,
            h("<code>{path}</code>", path=fault.path),
            fault.when,
            fault.times,
        ]
        for fault in faults
    ]
    listed = table(
        "Each strikes the next calls that fit it.",
        ["What", "Verb", "Path", "When", "Times left"],
        rows,
        empty="No fault is due: calls are answered as they should be.",
    )
    clear = form(frame, "clear-faults", button="Clear all faults") if faults else Html()
    verbs = (("*", "Any"), ("GET", "GET"), ("POST", "POST"), ("DELETE", "DELETE"))
    moments = (("before", "Before: nothing is done"), ("after", "After: done, the answer is lost"))
    add = form(
        frame,
        "faults",
        h(
            '<div class="fields">{kind}{when}</div>{path}<div class="fields">{verb}{times}{seconds}</div>',
            kind=choice("kind", "What happens", [(kind, _FAULTS[kind]) for kind in KINDS]),
            when=choice("when", "When", moments),
            path=field("path", "Path", value="/v1/*", hint="A pattern, such as /v1/refunds*"),
            verb=choice("verb", "Verb", verbs),
            times=field("times", "Times", value=1, kind="number", min=1, max=1000),
            seconds=field(
                "seconds",
                "Seconds of a stall",
                id="stall",
                value=1,
                kind="number",
                min=0,
                max=120,
                step="any",
            ),
        ),
        button="Add the fault",
    )
    return h("{listed}{clear}{add}", listed=listed, clear=clear, add=add)


def _reset(frame: Frame) -> Html:
    return h(
        "<p>A reset forgets every object and event, all faults and the clock. Webhook endpoints stay.</p>"
        "<details><summary>Reset the sandbox</summary>{form}</details>",
        form=form(frame, "reset", button="Forget everything", danger=True),
    )
