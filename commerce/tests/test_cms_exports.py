"""Spreadsheets of the shop's lists: true to the rows, readable everywhere, and without formulas."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from openpyxl import load_workbook

from accounts.tests.factories import UserFactory
from commerce.models import Discount, Item, Refund, Tax
from commerce.services import checkout, refunding, settlement
from commerce.tests.factories import URLS, fake, place_order, voucher

pytestmark = pytest.mark.django_db
AT = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def shopkeeper(client):
    user = UserFactory()
    user.groups.add(Group.objects.get(name="Shopkeepers"))
    client.force_login(user)
    return user


def exported(client, name: str, form: str = "csv"):
    return client.get(reverse(f"commerce_{name}_modeladmin_index"), {"export": form})


def rows(answer) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def test_spreadsheets_see_that_the_letters_are_utf_8(client):
    Item.objects.create(name="Кружка", price=Decimal("12.50"), currency="EUR")

    answer = exported(client, "item")

    content = b"".join(answer.streaming_content)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert content.startswith(b"\xef\xbb\xbfName,")
    assert "Кружка" in content.decode("utf-8-sig")


def test_nothing_and_no_are_no_dashes(client):
    Item.objects.create(name="Tea", price=5, currency="USD", stock=0, is_for_sale=False)
    Item.objects.create(name="Wind", price=5, currency="USD", stock=None)
    Discount.objects.create(name="May", percent_off=Decimal(10), is_active=False)
    Tax.objects.create(name="VAT", percentage=Decimal(20), is_inclusive=False)

    tea, wind = rows(exported(client, "item"))
    [may], [vat] = rows(exported(client, "discount")), rows(exported(client, "tax"))

    assert (tea["In Stock"], tea["For Sale"]) == ("0", "False")
    assert (wind["In Stock"], wind["For Sale"]) == ("", "True")
    assert (may["Active"], vat["Contained In Prices"]) == ("False", "False")
    assert "0" in may.values()


@pytest.mark.parametrize(
    ("price", "currency", "written"), [("12.500", "USD", "12.50"), ("500.000", "EUR", "500.00")]
)
def test_amounts_have_the_digits_of_their_currency(client, price, currency, written):
    Item.objects.create(name="Mug", price=Decimal(price), currency=currency)
    Discount.objects.create(name="May", amount_off=Decimal(price), currency=currency)

    [item], [discount] = rows(exported(client, "item")), rows(exported(client, "discount"))

    assert (item["Price"], item["Currency"]) == (written, currency)
    assert (discount["Amount Off"], discount["Currency"]) == (written, currency)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", "\uff1d", "\uff0b"])
def test_no_cell_of_a_csv_is_a_formula(client, start):
    Item.objects.create(name=f"{start}cmd|' /C calc'!A0", price=5, currency="USD")

    text = b"".join(exported(client, "item").streaming_content).decode("utf-8-sig")

    [_head, row] = list(csv.reader(text.splitlines(keepends=True)))
    assert row[0] == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.usefixtures("counter")
def test_a_reason_that_looks_like_a_formula_is_text_in_both_spreadsheets(client):
    payment = checkout.open_session(order=place_order(voucher("a"), at=AT), urls=URLS, at=AT)
    fake().pay(payment.session_id)
    payment = settlement.settle(payment=payment, at=AT, cause="test")
    refunding.give_back(payment=payment, at=AT, by=UserFactory(), reason='=HYPERLINK("https://evil.example")')
    assert Refund.objects.count() == 1

    [row] = rows(exported(client, "refund"))
    workbook = load_workbook(BytesIO(exported(client, "refund", "xlsx").getvalue()))

    assert row["Reason"] == '\'=HYPERLINK("https://evil.example")'
    [cell] = [cell for cell in workbook.active[2] if "HYPERLINK" in str(cell.value)]
    assert (cell.data_type, cell.value) == ("s", '=HYPERLINK("https://evil.example")')


def test_control_characters_do_not_break_the_workbook(client):
    Item.objects.create(name="Bell \x07 rings", price=5, currency="USD")

    answer = exported(client, "item", "xlsx")

    workbook = load_workbook(BytesIO(answer.getvalue()))
    assert workbook.active["A2"].value == "Bell \ufffd rings"


def test_an_export_holds_what_the_filter_shows(client):
    Item.objects.create(name="Tea", price=5, currency="USD", is_for_sale=False)
    Item.objects.create(name="Mug", price=5, currency="USD")

    answer = client.get(
        reverse("commerce_item_modeladmin_index"), {"export": "csv", "is_for_sale__exact": "0"}
    )

    assert [row["Name"] for row in rows(answer)] == ["Tea"]


@pytest.mark.parametrize("group", ["Authors", "Moderators", "Librarians", "Editors"])
@pytest.mark.parametrize("name", ["order", "payment", "refund", "item", "discount", "tax"])
def test_other_roles_export_nothing(client, group, name):
    user = UserFactory()
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)

    for form in ("csv", "xlsx"):
        assert exported(client, name, form).status_code in (302, 403)


@pytest.mark.usefixtures("counter")
def test_the_list_of_orders_is_not_narrowed_down_to_carts(client):
    place_order(voucher("a"), at=AT)

    page = client.get(reverse("commerce_order_modeladmin_index")).content.decode()

    assert "?status=AWAITING_PAYMENT" in page
    assert "status=OPEN" not in page
