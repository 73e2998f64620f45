"""The routes under /c: the payment page, its 3-D Secure step, and what a session shows when it is over."""

import hmac
import re
from pathlib import Path
from urllib.parse import urlsplit

from commerce.sandbox.accounts import Account
from commerce.sandbox.backend import Backend
from commerce.sandbox.cards import Card, digits_of
from commerce.sandbox.currencies import shown
from commerce.sandbox.hosted import markup
from commerce.sandbox.hosted.card_form import CardForm
from commerce.sandbox.hosted.policy import page_headers
from commerce.sandbox.http_messages import Request, Response
from commerce.sandbox.paying import (
    Attempt,
    Payer,
    answer_challenge,
    asked_payer,
    complete_free,
    pay_by_card,
    pay_by_debit,
)
from commerce.sandbox.payment_methods import debit_for
from commerce.sandbox.refusals import Refusal
from commerce.sandbox.resources.sessions import redeem
from commerce.sandbox.store import Stored

_STYLESHEET = Path(__file__).with_name("checkout.css").read_bytes()
_PATH = re.compile(r"/c/pay/(?P<session_id>cs_test_\w+)(?P<step>/verify|/promotion)?\Z")


class PaymentPages:
    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def answer(self, request: Request) -> Response:
        if request.path == markup.STYLESHEET_PATH:
            return Response(200, _STYLESHEET, "text/css; charset=utf-8", {"Cache-Control": "max-age=300"})
        matched = _PATH.match(request.path)
        if matched is None or request.verb not in ("GET", "POST"):
            return _not_found()
        self._backend.run_timers()
        with self._backend.store.transaction():
            try:
                account, session = self.session(matched["session_id"])
            except LookupError:
                return _not_found()
            if session.body["ui_mode"] != "hosted_page":
                return _not_found()
            return self._answer_for(account, session, request, step=matched["step"] or "")

    def session(self, session_id: str) -> tuple[Account, Stored]:
        """A session and its account; raises LookupError for an unknown id."""
        account = self._backend.account_of_object(session_id)
        session = account.find("checkout.session", session_id) if account else None
        if account is None or session is None:
            raise LookupError(f"no session {session_id}")
        return account, session

    def _answer_for(self, account: Account, session: Stored, request: Request, *, step: str) -> Response:
        fields = request.form() if request.verb == "POST" else None
        if fields is not None and not hmac.compare_digest(
            fields.get("token", "").encode(), session.private["form_token"].encode()
        ):
            return _page(
                session,
                markup.plain_page(
                    title="This form was not sent from its page",
                    text="Open the payment page again and send the form from there.",
                    link=(f"/c/pay/{session.id}", "Open the payment page"),
                ),
                status=403,
            )
        if session.body["status"] == "complete":
            return _to_success(session) if fields is not None else _completed(session)
        if session.body["status"] == "expired":
            return _expired(session)
        if step == "/promotion":
            return _redeem(account, session, fields)
        if step:
            return self._verify(account, session, fields)
        if fields is None:
            return _page(session, markup.payment_page(session, CardForm(), shop=_shop(session)))
        return self._pay(account, session, fields)

    def _pay(self, account: Account, session: Stored, fields: dict[str, str]) -> Response:
        form = CardForm(typed=fields)
        by_debit = fields.get("method") == "bank_debit" and debit_for(session.body["currency"]) is not None
        needs_card = session.body["amount_total"] > 0 and not by_debit
        payer = form.payer(needs_name=needs_card)
        card = form.card(now=account.clock.now()) if needs_card else None
        if form.errors:
            form.errors = {name: form.errors[name] for name in _ORDER if name in form.errors}
            return _page(session, markup.payment_page(session, form, shop=_shop(session)), status=422)
        attempt = _attempt(account, session, card=card, payer=payer)
        return self._after(session, attempt, form)

    def _verify(self, account: Account, session: Stored, fields: dict[str, str] | None) -> Response:
        payer = asked_payer(account, session)
        if payer is None:
            return _redirect(f"/c/pay/{session.id}")
        if fields is None:
            body = session.body
            page = markup.challenge_page(
                amount=shown(body["amount_total"], body["currency"]),
                shop=_shop(session),
                action=f"/c/pay/{session.id}/verify",
                token=session.private["form_token"],
            )
            return _page(session, page)
        attempt = answer_challenge(account, session, is_authenticated=fields.get("answer") == "complete")
        return self._after(session, attempt, CardForm(typed={"email": payer.email, "name": payer.name}))

    def _after(self, session: Stored, attempt: Attempt, form: CardForm) -> Response:
        if attempt.state == "complete":
            return _to_success(session)
        if attempt.state == "authenticate":
            return _redirect(f"/c/pay/{session.id}/verify")
        decline = attempt.decline
        if decline is None:
            raise RuntimeError(f"an attempt that ended as {attempt.state} says no reason")
        form.errors = {decline.field: decline.message}
        return _page(
            session,
            markup.payment_page(session, form, shop=_shop(session), problem=decline.message),
            status=402,
        )

    def pay_without_page(self, session_id: str, *, number: str | None, email: str) -> Attempt:
        """Pay as the form would, by card or, without a number, by bank debit; a 3-D Secure step is passed."""
        self._backend.run_timers()
        with self._backend.store.transaction():
            account, session = self.session(session_id)
            payer = Payer(email=email, name="Sandbox Payer")
            if number is None:
                return pay_by_debit(account, session, payer=payer)
            card = Card(number=digits_of(number), exp_month=12, exp_year=2050)
            attempt = _attempt(account, session, card=card, payer=payer)
            if attempt.state != "authenticate":
                return attempt
            return answer_challenge(account, session, is_authenticated=True)


def _redeem(account: Account, session: Stored, fields: dict[str, str] | None) -> Response:
    """Try the promotion code that was typed; an empty one takes the present one away."""
    if fields is None or not session.body["allow_promotion_codes"]:
        return _redirect(f"/c/pay/{session.id}")
    form = CardForm(typed=fields)
    try:
        redeem(account, session, typed=form.text("promotion_code"))
    except Refusal as refusal:
        form.promotion_problem = str(refusal)
        return _page(session, markup.payment_page(session, form, shop=_shop(session)), status=422)
    return _redirect(f"/c/pay/{session.id}")


_ORDER = ("email", "number", "expiry", "cvc", "name")


def _attempt(account: Account, session: Stored, *, card: Card | None, payer: Payer) -> Attempt:
    if session.body["amount_total"] == 0:
        return complete_free(account, session, payer=payer)
    if card is None:
        return pay_by_debit(account, session, payer=payer)
    return pay_by_card(account, session, card=card, payer=payer)


def _shop(session: Stored) -> str:
    """Who is paid, as the page names it: the host that the customer came from."""
    return urlsplit(session.body["success_url"]).netloc


def success_address(session: Stored) -> str:
    """The `success_url` with the session's id put where its template asks for it."""
    address: str = session.body["success_url"]
    for template in ("{CHECKOUT_SESSION_ID}", "%7BCHECKOUT_SESSION_ID%7D"):
        address = address.replace(template, session.id)
    return address


def _to_success(session: Stored) -> Response:
    return Response(303, headers=_headers(session) | {"Location": success_address(session)})


def _redirect(path: str) -> Response:
    return Response(303, headers={"Location": path, "Cache-Control": "no-store"})


def _completed(session: Stored) -> Response:
    text = "It has been paid, and cannot be paid again."
    if session.body["payment_status"] == "unpaid":
        text = "The bank debit is on its way. The shop hears of it when the money arrives."
    link = (success_address(session), f"Go on to {_shop(session)}")
    return _page(session, markup.plain_page(title="This payment is complete", text=text, link=link))


def _expired(session: Stored) -> Response:
    link = (session.body["cancel_url"], f"Back to {_shop(session)}") if session.body["cancel_url"] else None
    text = "Nothing was charged. Go back to the shop to start a new payment."
    return _page(
        session, markup.plain_page(title="This payment page has expired", text=text, link=link), status=410
    )


def _not_found() -> Response:
    page = markup.plain_page(
        title="There is no such payment", text="The address is wrong, or the sandbox was reset."
    )
    return Response(404, page, "text/html; charset=utf-8", _headers(None))


def _page(session: Stored, page: bytes, *, status: int = 200) -> Response:
    return Response(status, page, "text/html; charset=utf-8", _headers(session))


def _headers(session: Stored | None) -> dict[str, str]:
    return page_headers(leads_to=session.body["success_url"] if session else None)


__all__ = ["PaymentPages", "success_address"]
