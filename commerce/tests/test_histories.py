"""Histories are read by people: their statuses and causes have words in the reader's language."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.tests.factories import UserFactory
from commerce.models import Order, Payment
from commerce.models.histories import NAMING, Cause, status_words, words_of
from commerce.services import checkout, settlement
from commerce.tests.factories import URLS, fake, place_order, voucher

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)


def written_causes() -> Iterator[tuple[str, str]]:
    """Every cause that stands as a text in commerce, with where it stands."""
    for path in sorted((ROOT / "commerce").rglob("*.py")):
        if {"tests", "sandbox", "migrations"} & set(path.relative_to(ROOT).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                given = [(word.arg, word.value) for word in node.keywords]
            elif isinstance(node, ast.FunctionDef):
                names = [argument.arg for argument in node.args.kwonlyargs]
                given = list(zip(names, node.args.kw_defaults, strict=True))
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                given = [(node.targets[0].id, node.value)]
            else:
                continue
            for name, value in given:
                for text in _texts(value) if name == "cause" else ():
                    yield text, f"{path.relative_to(ROOT)}:{node.lineno}"


def _texts(value: ast.AST | None) -> list[str]:
    """The texts that an expression may come to."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return [value.value]
    if isinstance(value, ast.JoinedStr):
        return [_filled_in(value)]
    if isinstance(value, ast.IfExp):
        return [*_texts(value.body), *_texts(value.orelse)]
    return []


def _filled_in(value: ast.JoinedStr) -> str:
    """A text in which an event, a day or a name stands."""
    examples = {"event.kind": "checkout.session.completed", "event.id": "evt_1"}
    parts = []
    for part in value.values:
        if isinstance(part, ast.FormattedValue):
            named = ast.unparse(part.value)
            parts.append(examples.get(named, "2026-05-01" if named.endswith(".day") else "x"))
        else:
            parts.append(str(part.value))  # type: ignore[attr-defined]
    return "".join(parts)


def test_every_cause_that_the_code_writes_has_words():
    written = dict(written_causes())

    wordless = {
        cause: where
        for cause, where in written.items()
        if cause not in Cause.values and not any(pattern.fullmatch(cause) for pattern, _words in NAMING)
    }
    assert wordless == {}
    assert len(written) >= 20


def test_no_cause_has_words_that_nothing_writes():
    written = {cause for cause, _where in written_causes()}

    assert set(Cause.values) - written == set()


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("sweep", "the regular check asked the payment service"),
        (
            "checkout.session.completed evt_1Ab",
            "the payment service sent word: checkout.session.completed",
        ),
        ("reconciliation of 2026-05-01", "reconciliation of 1 May 2026"),
        ("load_payments old 7", "loaded from a file, as old 7"),
        ("a hand wrote this", "a hand wrote this"),
        ("", ""),
    ],
)
def test_a_cause_is_told_in_words(cause, words):
    assert words_of(cause) == words


def test_a_status_is_told_by_its_name_and_an_unknown_one_as_it_is():
    assert status_words(Order.Status, "AWAITING_PAYMENT") == "awaiting payment"
    assert status_words(Payment.Status, "PARTIALLY_REFUNDED") == "partially refunded"
    assert status_words(Order.Status, "LOST") == "LOST"


def paid() -> Payment:
    payment = checkout.open_session(order=place_order(voucher("a"), at=AT), urls=URLS, at=AT)
    fake().pay(payment.session_id)
    return settlement.settle(payment=payment, at=AT, cause="sweep")


@pytest.mark.django_db
@pytest.mark.usefixtures("counter")
def test_staff_read_histories_in_words_in_both_admins(client):
    keeper = UserFactory(is_staff=True)
    keeper.groups.add(Group.objects.get(name="Shopkeepers"))
    client.force_login(keeper)
    payment = paid()

    for address in (
        reverse("commerce_order_modeladmin_inspect", args=[payment.order.pk]),
        reverse("commerce_payment_modeladmin_inspect", args=[payment.pk]),
        reverse("admin:commerce_order_change", args=[payment.order.pk]),
        reverse("admin:commerce_payment_change", args=[payment.pk]),
    ):
        page = client.get(address).content.decode()
        assert "the regular check asked the payment service" in page
        assert "AWAITING_PAYMENT" not in page
        assert "PENDING" not in page
