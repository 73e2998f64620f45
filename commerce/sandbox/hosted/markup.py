"""The HTML of the payment page and the plain pages around it."""

from html import escape

from commerce.sandbox.currencies import shown
from commerce.sandbox.hosted.amounts import amounts
from commerce.sandbox.hosted.card_form import CardForm
from commerce.sandbox.payment_methods import debit_for
from commerce.sandbox.store import Stored

STYLESHEET_PATH = "/c/assets/checkout.css"

_FIELD_NAMES = {
    "email": "E-mail",
    "number": "Card number",
    "expiry": "Expiry",
    "cvc": "CVC",
    "name": "Name on card",
}
_TEST_CARDS = (
    ("4242 4242 4242 4242", "pays (Visa)"),
    ("5555 5555 5555 4444", "pays (Mastercard)"),
    ("4000 0025 0000 3155", "asks for 3-D Secure, then pays"),
    ("4000 0000 0000 0002", "is declined"),
    ("4000 0000 0000 9995", "has insufficient funds"),
    ("4000 0000 0000 0069", "has expired"),
    ("4000 0000 0000 0127", "fails the CVC check"),
    ("4000 0000 0000 0119", "meets a processing error"),
    ("4000 0084 0000 1629", "asks for 3-D Secure, then is declined"),
)


def document(*, title: str, main: str, script: str = "") -> bytes:
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{escape(title)} · Stripe sandbox</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{STYLESHEET_PATH}">{_script(script)}
</head>
<body>
<p class="banner"><strong>Sandbox,</strong> no real money</p>
{main}
</body>
</html>
"""
    return page.encode()


def _script(address: str) -> str:
    return f'\n<script src="{escape(address)}" defer></script>' if address else ""


def payment_page(session: Stored, form: CardForm, *, shop: str, problem: str | None = None) -> bytes:
    """The page of an open session. `problem` is what the bank said; `form.errors` what was typed wrongly."""
    body = session.body
    amount = shown(body["amount_total"], body["currency"])
    main = f"""<main class="checkout">
<section class="summary" aria-labelledby="summary-heading">
{_back_link(body["cancel_url"], shop)}
<h1 id="summary-heading">
<span class="eyebrow">Pay {escape(shop)}</span> <span class="amount">{escape(amount)}</span>
</h1>
{amounts(session, form)}
</section>
<section class="payment" aria-labelledby="payment-heading">
<h2 id="payment-heading">{"Pay by card" if body["amount_total"] else "Nothing to pay"}</h2>
{_problems(form, problem)}
{_form(session, form, amount)}
</section>
{_hint() if body["amount_total"] else ""}
</main>"""
    return document(title=f"Pay {amount}", main=main)


def _back_link(cancel_url: str | None, shop: str) -> str:
    if not cancel_url:
        return ""
    arrow = '<span aria-hidden="true">←</span>'
    return f'<a class="back" href="{escape(cancel_url)}">{arrow} Back to {escape(shop)}</a>'


def _problems(form: CardForm, problem: str | None) -> str:
    if not form.errors and not problem:
        return ""
    heading = problem or (
        "Please check this field." if len(form.errors) == 1 else "Please check these fields."
    )
    links = "".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text in form.errors.items())
    listed = "" if problem else f"<ul>{links}</ul>"
    return (
        f'<div class="problems" role="alert" tabindex="-1" autofocus><p>{escape(heading)}</p>{listed}</div>'
    )


def _form(session: Stored, form: CardForm, amount: str) -> str:
    email = form.text("email") or (session.body["customer_details"] or {}).get("email") or ""
    token = escape(session.private["form_token"])
    is_free = session.body["amount_total"] == 0
    email_field = _field(
        form, "email", value=email, kind="email", autocomplete="email", placeholder="you@example.com"
    )
    inner = email_field + ("" if is_free else _card_fields(form))
    label = "Complete order" if is_free else f"Pay {amount}"
    return f"""<form method="post" action="/c/pay/{escape(session.id)}" novalidate>
<input type="hidden" name="token" value="{token}">
{inner}
<button class="pay" type="submit">{escape(label)}</button>
{"" if is_free else _debit_button(session)}
</form>"""


def _card_fields(form: CardForm) -> str:
    number = _field(
        form,
        "number",
        autocomplete="cc-number",
        inputmode="numeric",
        placeholder="4242 4242 4242 4242",
        longest=23,
    )
    expiry = _field(
        form, "expiry", autocomplete="cc-exp", inputmode="numeric", placeholder="12 / 34", longest=9
    )
    cvc = _field(
        form, "cvc", value="", autocomplete="cc-csc", inputmode="numeric", placeholder="123", longest=4
    )
    name = _field(form, "name", autocomplete="cc-name", longest=100)
    return f'{number}<div class="pair">{expiry}{cvc}</div>{name}'


def _field(
    form: CardForm,
    name: str,
    *,
    autocomplete: str,
    value: str | None = None,
    kind: str = "text",
    inputmode: str = "",
    placeholder: str = "",
    longest: int = 254,
) -> str:
    error = form.errors.get(name)
    attributes = [
        f'id="{name}" name="{name}" type="{kind}" autocomplete="{autocomplete}" maxlength="{longest}"',
        f'value="{escape(form.text(name) if value is None else value)}"',
        'aria-required="true"',
    ]
    if inputmode:
        attributes.append(f'inputmode="{inputmode}"')
    if placeholder:
        attributes.append(f'placeholder="{placeholder}"')
    if error:
        attributes.append(f'aria-invalid="true" aria-describedby="{name}-error"')
    message = f'<p class="error" id="{name}-error">{escape(error)}</p>' if error else ""
    label = f'<label for="{name}">{_FIELD_NAMES[name]}</label>'
    return f'<div class="field">{label}<input {" ".join(attributes)}>{message}</div>'


def _debit_button(session: Stored) -> str:
    if debit_for(session.body["currency"]) is None:
        return ""
    return """<div class="other"><p>or</p>
<button type="submit" name="method" value="bank_debit" aria-describedby="debit-note">
Pay by slow bank debit</button>
<p class="note" id="debit-note">
Needs only your e-mail. The money arrives days later, by the sandbox's clock.</p>
</div>"""


def _hint() -> str:
    rows = "".join(f"<li><code>{number}</code> <span>{what}</span></li>" for number, what in _TEST_CARDS)
    return f"""<aside class="hint" aria-labelledby="hint-heading">
<h2 id="hint-heading">Test cards</h2>
<p>Use any name, any CVC and any date to come. No other number is taken: never type a real one.</p>
<ul>{rows}</ul>
</aside>"""


def challenge_page(*, amount: str, shop: str, action: str, token: str, script: str = "") -> bytes:
    """The bank's 3-D Secure question. `script` is the address of one for a page in a frame."""
    main = f"""<main class="plain">
<p class="eyebrow">3-D Secure test page</p>
<h1>Is it you who pays {escape(amount)} to {escape(shop)}?</h1>
<p>A real bank would ask for a code or for its app here. In the sandbox you choose how it ends.</p>
<form method="post" action="{escape(action)}">
<input type="hidden" name="token" value="{escape(token)}">
<button class="pay" type="submit" name="answer" value="complete">Complete authentication</button>
<div class="other"><button type="submit" name="answer" value="fail">Fail authentication</button></div>
</form>
</main>"""
    return document(title="Confirm your payment", main=main, script=script)


def plain_page(*, title: str, text: str, link: tuple[str, str] | None = None, script: str = "") -> bytes:
    """A page that only says something; `link` is an address and its words."""
    way_on = f'<p><a class="onward" href="{escape(link[0])}">{escape(link[1])}</a></p>' if link else ""
    main = f'<main class="plain"><h1>{escape(title)}</h1><p>{escape(text)}</p>{way_on}</main>'
    return document(title=title, main=main, script=script)
