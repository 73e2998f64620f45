"""The part of the payment page that says what is bought and what it comes to."""

from html import escape
from typing import Any

from commerce.sandbox.currencies import shown
from commerce.sandbox.hosted.card_form import CardForm
from commerce.sandbox.store import Stored


def amounts(session: Stored, form: CardForm) -> str:
    """Lines, subtotal, discount, taxes, total, and the field for a promotion code if there is one."""
    rows = "".join(_line(item) for item in session.private["line_items"])
    sums = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(amount)}</dd></div>" for name, amount in _sums(session)
    )
    notes = "".join(f'<p class="note included">{escape(text)}</p>' for text in _included(session))
    return f'<ul class="lines">{rows}</ul>{_promotion(session, form)}<dl class="totals">{sums}</dl>{notes}'


def _line(item: dict[str, Any]) -> str:
    note = ""
    if item["quantity"] > 1:
        each = item["price"]["unit_amount"]
        price = f" × {escape(shown(each, item['currency']))}" if each is not None else ""
        note = f'<span class="note">{item["quantity"]}{price}</span>'
    what = f"{escape(item['description'])}{note}"
    cost = escape(shown(item["amount_subtotal"], item["currency"]))
    return f'<li><span class="what">{what}</span><span class="sum">{cost}</span></li>'


def _sums(session: Stored) -> list[tuple[str, str]]:
    body = session.body
    currency = body["currency"]
    steps = []
    if body["discounts"]:
        off = shown(body["total_details"]["amount_discount"], currency)
        steps.append((f"Discount: {session.private['discount_label']}", f"−{off}"))
    steps += [
        (_rate(tax["rate"]), shown(tax["amount"], currency))
        for tax in _taxes(session)
        if not tax["rate"]["inclusive"]
    ]
    if steps:
        steps.insert(0, ("Subtotal", shown(body["amount_subtotal"], currency)))
    return [*steps, ("Total due", shown(body["amount_total"], currency))]


def _included(session: Stored) -> list[str]:
    currency = session.body["currency"]
    return [
        f"Includes {shown(tax['amount'], currency)} {_rate(tax['rate'])}"
        for tax in _taxes(session)
        if tax["rate"]["inclusive"]
    ]


def _taxes(session: Stored) -> list[dict[str, Any]]:
    included = session.private.get("included")
    return list(included["breakdown"]["taxes"]) if included else []


def _rate(rate: dict[str, Any]) -> str:
    return f"{rate['display_name']} ({rate['percentage']:g}%)"


def _promotion(session: Stored, form: CardForm) -> str:
    if not session.body["allow_promotion_codes"]:
        return ""
    action = f"/c/pay/{escape(session.id)}/promotion"
    token = f'<input type="hidden" name="token" value="{escape(session.private["form_token"])}">'
    if session.body["discounts"]:
        button = '<button type="submit" name="promotion_code" value="">Remove the promotion code</button>'
        return f'<form class="code" method="post" action="{action}">{token}{button}</form>'
    error = form.promotion_problem
    told = ' aria-invalid="true" aria-describedby="promotion_code-error" autofocus' if error else ""
    message = f'<p class="error" id="promotion_code-error" role="alert">{escape(error)}</p>' if error else ""
    return f"""<form class="code" method="post" action="{action}" novalidate>{token}
<label for="promotion_code">Promotion code</label>
<div class="apply"><input id="promotion_code" name="promotion_code" type="text" autocomplete="off"
 autocapitalize="characters" spellcheck="false" maxlength="500"
 value="{escape(form.text("promotion_code"))}"{told}><button type="submit">Apply</button></div>{message}
</form>"""
