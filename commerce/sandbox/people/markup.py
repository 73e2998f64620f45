"""What all pages are made of."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from commerce.sandbox.currencies import shown
from commerce.sandbox.hosted.markup import STYLESHEET_PATH
from commerce.sandbox.people.html import Html, h, joined

HOME = "/_sandbox/"
EVENTS = "/_sandbox/page/events"
STYLESHEET = "/_sandbox/page/people.css"

_STATES = {
    "good": {"succeeded", "complete", "paid", "delivered", "no_payment_required"},
    "bad": {"failed", "expired", "canceled", "dropped"},
    "open": {"open", "requires_payment_method", "requires_confirmation", "requires_action", "held", "kept"},
}


@dataclass(frozen=True)
class Frame:
    """What every page has: its token for forms, where it is, what was done and what could not be."""

    token: str
    here: str
    violations: list[str]
    done: str = ""
    problem: str = ""


def page(frame: Frame, *, title: str, main: Html) -> bytes:
    document = h(
        """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title} · Stripe sandbox</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{shared}"><link rel="stylesheet" href="{own}">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<p class="banner"><strong>Sandbox,</strong> no real money</p>
<div class="page">
<nav class="top" aria-label="Sandbox"><span class="brand">Stripe sandbox</span><ul>{links}</ul></nav>
<main id="main">{violations}{problem}{done}{main}</main>
</div>
</body>
</html>
""",
        title=title,
        shared=STYLESHEET_PATH,
        own=STYLESHEET,
        links=joined(
            _nav(frame, address, words) for address, words in ((HOME, "Overview"), (EVENTS, "Events"))
        ),
        violations=_violations(frame.violations),
        problem=_problem(frame.problem),
        done=h('<p class="notice" role="status">{done}</p>', done=frame.done) if frame.done else Html(),
        main=main,
    )
    return document.encode("utf-8", errors="replace")


def _nav(frame: Frame, address: str, words: str) -> Html:
    current = Html(' aria-current="page"') if frame.here.partition("?")[0] == address else Html()
    return h(
        '<li><a href="{address}"{current}>{words}</a></li>', address=address, current=current, words=words
    )


def _problem(problem: str) -> Html:
    if not problem:
        return Html()
    return h(
        '<div class="notice bad" role="alert" tabindex="-1" autofocus><p>{problem}</p></div>', problem=problem
    )


def _violations(found: list[str]) -> Html:
    if not found:
        return Html()
    return h(
        '<div class="notice bad" role="alert">'
        "<p><strong>The sandbox broke Stripe's schema, {count} times.</strong> "
        "This is a fault of the sandbox: what it answered then is not what Stripe would.</p>"
        "<ul>{listed}</ul></div>",
        count=len(found),
        listed=joined(h("<li>{violation}</li>", violation=violation) for violation in found[-20:]),
    )


def form(
    frame: Frame, deed: str, *inside: object, button: str, row: bool = False, danger: bool = False
) -> Html:
    """A form that does a deed and leads back to where it was sent from."""
    return h(
        '<form method="post" action="/_sandbox/page/do/{deed}"{shape}>'
        '<input type="hidden" name="token" value="{token}"><input type="hidden" name="back" value="{back}">'
        '{inside}<button type="submit"{danger}>{button}</button></form>',
        deed=deed,
        shape=Html(' class="row"') if row else Html(),
        token=frame.token,
        back=frame.here,
        inside=joined(inside),
        danger=Html(' class="danger"') if danger else Html(),
        button=button,
    )


def hidden(**values: str) -> Html:
    return joined(
        h('<input type="hidden" name="{name}" value="{value}">', name=name, value=value)
        for name, value in values.items()
    )


def moment(seconds: int) -> Html:
    """A time stamp as people read it, in UTC; far beyond the calendar as the number it is."""
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return h("{seconds}", seconds=seconds)
    return h(
        '<time datetime="{machine}">{people}</time>',
        machine=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        people=at.strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def state(name: str) -> Html:
    kind = next((kind for kind, names in _STATES.items() if name in names), "")
    return h('<span class="state {kind}">{name}</span>', kind=kind, name=name.replace("_", " "))


def link(address: str, words: str, *, label: str = "") -> Html:
    named = h(' aria-label="{label}"', label=label) if label else Html()
    return h('<a href="{address}"{named}>{words}</a>', address=address, named=named, words=words)


def object_address(account: str, object_id: str) -> str:
    return f"/_sandbox/page/objects/{account}/{quote(object_id, safe='')}"


def id_link(account: str, object_id: str) -> Html:
    return h(
        '<a href="{address}"><code>{id}</code></a>',
        address=object_address(account, object_id),
        id=short(object_id),
    )


def short(object_id: str) -> str:
    """Long ids are told apart by their ends."""
    return object_id if len(object_id) <= 30 else f"{object_id[:12]}…{object_id[-8:]}"


def amount(amount: int | None, currency: str | None) -> Html:
    text = "" if amount is None or currency is None else shown(amount, currency)
    return h('<span class="amount-cell">{text}</span>', text=text)


def section(title: str, inside: Html) -> Html:
    section_id = title.lower().replace(" ", "-")
    return h(
        '<section aria-labelledby="{id}"><h2 id="{id}">{title}</h2>{inside}</section>',
        id=section_id,
        title=title,
        inside=inside,
    )


def account_address(account_id: str) -> str:
    return f"/_sandbox/page/accounts/{account_id}"


def nothing_page(frame: Frame, *, title: str, text: str) -> bytes:
    main = h(
        "<h1>{title}</h1><p>{text}</p><p>{link}</p>",
        title=title,
        text=text,
        link=link(HOME, "To the overview"),
    )
    return page(frame, title=title, main=main)
