"""The shop in the CMS: lists, what staff do there, and who may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from wagtail.models import ModelLogEntry

from accounts.tests.factories import UserFactory
from commerce.gateways import GatewayUnavailable
from commerce.models import Discount, Finding, Item, Order, OrderLine, Payment, Reconciliation, Refund, Tax
from commerce.money import Money
from commerce.services import checkout, delivery, ordering, receiving, refunding, settlement
from commerce.tests.factories import URLS, fake, place_order, voucher

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counter")]
LISTS = ("order", "payment", "refund", "item", "discount", "tax")


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def shopkeeper(client):
    user = UserFactory(first_name="Sam", last_name="Keeper")
    user.groups.add(Group.objects.get(name="Shopkeepers"))
    client.force_login(user)
    return user


@pytest.fixture
def onlooker(client):
    """Sees the lists, and may do nothing."""
    user = UserFactory()
    codenames = [f"view_{name}" for name in (*LISTS, "reconciliation")]
    user.user_permissions.add(
        Permission.objects.get(codename="access_admin"),
        *Permission.objects.filter(codename__in=codenames, content_type__app_label="commerce"),
    )
    client.force_login(user)
    return user


def opened(**fields) -> Payment:
    return checkout.open_session(order=place_order(voucher("a"), at=now(), **fields), urls=URLS, at=now())


def paid(**fields) -> Payment:
    payment = opened(**fields)
    fake().pay(payment.session_id)
    payment = settlement.settle(payment=payment, at=now(), cause="test")
    delivery.deliver_order(order=payment.order, at=now())
    return payment


def held() -> Payment:
    payment = opened()
    fake().pay(payment.session_id, amount=Money(Decimal("4.90"), "USD"))
    return settlement.settle(payment=payment, at=now(), cause="test")


def index(name: str) -> str:
    return reverse(f"commerce_{name}_modeladmin_index")


def inspect(row) -> str:
    return reverse(f"commerce_{row._meta.model_name}_modeladmin_inspect", args=[row.pk])


def deed(name: str, row) -> str:
    return reverse(f"commerce_cms_{name}", args=[row.pk])


def said(response) -> list[str]:
    return [str(message).strip() for message in response.context["messages"]]


def one_of_each() -> None:
    payment = paid()
    refunding.give_back(payment=payment, amount=Money(Decimal(1), "USD"), at=now(), by=UserFactory())
    number = Item.objects.count()
    Item.objects.create(name=f"Mug {number}", price=Decimal("12.50"), currency="USD", stock=3)
    Discount.objects.create(name=f"Spring {number}", code=f"S{number}", percent_off=Decimal(10))
    Tax.objects.create(name=f"VAT {number}", percentage=Decimal(20), is_inclusive=True, is_active=False)


# --- Lists -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_with_one_row_and_with_three(
    client, shopkeeper, name, django_assert_num_queries, django_assert_max_num_queries
):
    one_of_each()
    client.get(index(name))
    with django_assert_max_num_queries(30) as first:
        assert client.get(index(name)).status_code == 200
    one_of_each()
    one_of_each()

    with django_assert_num_queries(len(first.captured_queries)):
        assert client.get(index(name)).status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_exported_for_spreadsheets(client, shopkeeper, name):
    one_of_each()

    exported = client.get(index(name), {"export": "csv"})

    lines = b"".join(exported.streaming_content).decode().splitlines()
    assert exported["Content-Type"].startswith("text/csv")
    assert len(lines) == 2


def test_the_export_names_amount_and_currency_and_holds_no_formula(client, shopkeeper):
    Item.objects.create(name="=1+1", price=Decimal("12.50"), currency="USD")

    exported = client.get(index("item"), {"export": "csv"})

    lines = b"".join(exported.streaming_content).decode().splitlines()
    assert lines[1].split(",")[:3] == ["'=1+1", "12.50", "USD"]


def test_orders_are_found_by_number_buyer_and_thing(client, shopkeeper):
    payment, other = paid(buyer=UserFactory(email="ada@example.com")), paid()

    for words in (payment.order.number, "ada@example", payment.intent_id):
        page = client.get(index("order"), {"q": words}).content.decode()
        assert (payment.order.number in page, other.order.number in page) == (True, False)


def test_money_stands_with_its_currency(client, shopkeeper):
    paid()

    assert "$49.00" in client.get(index("payment")).content.decode()
    assert "$49.00" in client.get(index("order")).content.decode()


def test_carts_are_no_orders_to_work_on(client, shopkeeper):
    cart = Order.objects.create(buyer=UserFactory(), currency="USD", total_minor=0, created_at=now())

    assert cart.number not in client.get(index("order")).content.decode()


def test_what_needs_a_person_is_marked_and_can_be_listed_alone(client, shopkeeper, counter):
    fine, wrong = paid(), held()
    counter.refused = "Out of paper for good."
    refused = paid()

    orders = client.get(index("order"), {"attention": "yes"}).content.decode()
    payments = client.get(index("payment"), {"attention": "yes"}).content.decode()

    assert [each.order.number in orders for each in (fine, wrong, refused)] == [False, True, True]
    assert "needs-a-person" in payments
    assert "held: 4.90 USD was paid for an order of 49.00 USD." in payments
    assert "Give back" in payments


@pytest.mark.parametrize("name", LISTS)
def test_a_row_is_looked_at_whole(client, shopkeeper, name):
    one_of_each()
    model = {
        "order": Order,
        "payment": Payment,
        "refund": Refund,
        "item": Item,
        "discount": Discount,
        "tax": Tax,
    }[name]

    assert client.get(inspect(model.objects.get())).status_code == 200


def test_an_order_is_shown_with_lines_payments_and_history(client, shopkeeper):
    payment = paid()

    page = client.get(inspect(payment.order)).content.decode()

    for words in ("Voucher a", "$49.00", "awaiting payment", inspect(payment)):
        assert words in page


def test_items_are_made_and_changed_in_the_cms(client, shopkeeper):
    fields = {"name": "Mug", "price": "12.50", "currency": "USD", "stock": "3", "is_for_sale": "on"}

    client.post(reverse("commerce_item_modeladmin_create"), {**fields, "description": ""})
    client.post(
        reverse("commerce_item_modeladmin_edit", args=[Item.objects.get().pk]),
        {**fields, "description": "", "price": "13.00"},
    )

    assert (Item.objects.get().price, Item.objects.get().stock) == (Decimal("13.000"), 3)


@pytest.mark.parametrize("name", ["order", "payment", "refund"])
def test_what_services_make_has_no_forms(client, name):
    client.force_login(UserFactory(superuser=True))
    one_of_each()
    row = {"order": Order, "payment": Payment, "refund": Refund}[name].objects.get()

    for address in (
        reverse(f"commerce_{name}_modeladmin_create"),
        reverse(f"commerce_{name}_modeladmin_edit", args=[row.pk]),
        reverse(f"commerce_{name}_modeladmin_delete", args=[row.pk]),
    ):
        assert client.post(address).status_code in (302, 403)
    row.refresh_from_db()


# --- What staff do -----------------------------------------------------------------------------------------
def test_cash_for_an_order_is_recorded_and_its_page_closed(client, shopkeeper):
    payment = opened()

    answer = client.post(deed("take_money", payment.order), {"method": "cash"}, follow=True)

    order = Order.objects.get()
    cash = order.payments.get(method="cash")
    assert said(answer) == [f"Order {order.number} is paid."]
    assert (order.status, cash.status) == ("PAID", "PAID")
    assert order.payments.get(method="stripe").status == "EXPIRED"
    assert cash.status_changes.get().actor == shopkeeper


def test_an_order_paid_by_card_meanwhile_takes_no_cash(client, shopkeeper):
    payment = opened()
    fake().pay(payment.session_id)

    answer = client.post(deed("take_money", payment.order), {"method": "cash"}, follow=True)

    assert "does not wait for money" in said(answer)[0]
    assert Payment.objects.get().status == "PAID"


def test_a_transfer_that_was_expected_is_recorded_once(client, shopkeeper):
    payment = receiving.expect(order=place_order(at=now()), method="transfer", at=now())

    for _time in range(2):
        answer = client.post(deed("settle_payment", payment), follow=True)

    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == ("PAID", "PAID")
    assert said(answer) == ["The payment was recorded before."]


def test_an_order_is_given_up_by_name(client, shopkeeper):
    payment = opened()

    client.post(deed("cancel_order", payment.order))

    order = Order.objects.get()
    assert (order.status, order.payments.get().status) == ("CANCELLED", "EXPIRED")
    assert order.status_changes.last().actor == shopkeeper


def test_an_order_that_was_paid_meanwhile_is_not_given_up(client, shopkeeper):
    payment = opened()
    fake().pay(payment.session_id)

    answer = client.post(deed("cancel_order", payment.order), follow=True)

    assert "was not given up: it is paid" in said(answer)[0]
    assert Order.objects.get().status == "PAID"


def test_a_part_of_a_payment_is_given_back_with_the_reason(client, shopkeeper):
    payment = paid()

    answer = client.post(
        deed("refund_payment", payment), {"amount": "9.00", "reason": "One lesson fell out"}, follow=True
    )

    refund = Refund.objects.get()
    assert said(answer) == ["$9.00 was given back."]
    assert (refund.amount_minor, refund.reason, refund.requested_by) == (
        900,
        "One lesson fell out",
        shopkeeper,
    )


def test_without_an_amount_all_that_is_left_goes_back(client, shopkeeper):
    payment = paid()
    client.post(deed("refund_payment", payment), {"amount": "9.00", "reason": ""})

    client.post(deed("refund_payment", payment), {"amount": "", "reason": ""})

    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == ("REFUNDED", "REFUNDED")


@pytest.mark.parametrize(("amount", "words"), [("49.01", "At most $49.00"), ("-1", "more than nothing")])
def test_what_cannot_be_given_back_says_why(client, shopkeeper, amount, words):
    payment = paid()

    answer = client.post(deed("refund_payment", payment), {"amount": amount, "reason": ""}, follow=True)

    assert words.replace("$49.00", "49.00 USD") in said(answer)[0]
    assert not Refund.objects.exists()


def test_an_amount_finer_than_its_currency_is_an_error_of_the_form(client, shopkeeper):
    payment = paid()

    answer = client.post(deed("refund_payment", payment), {"amount": "1.005", "reason": ""})

    assert "no such small change" in answer.content.decode()


def test_held_money_is_given_back_with_one_action(client, shopkeeper):
    payment = held()

    client.post(deed("refund_payment", payment), {"amount": "", "reason": ""})

    payment.refresh_from_db()
    assert (payment.status, payment.held_reason, payment.refunded_minor) == ("REFUNDED", "", 490)


def test_money_that_fits_nothing_stays_held_until_it_goes_back(client, shopkeeper):
    payment = held()

    answer = client.post(deed("release_payment", payment), follow=True)

    payment.refresh_from_db()
    assert payment.held_reason == "OTHER_AMOUNT"
    assert "Give it back" in said(answer)[0]


def test_a_hold_ends_when_a_person_has_looked_into_it(client, shopkeeper):
    payment = paid()
    payment.hold(reason=Payment.Held.LEDGERS_DIFFER, facts={"ours": "1", "theirs": "2"})

    client.post(deed("release_payment", payment))

    payment.refresh_from_db()
    assert (payment.held_reason, payment.status) == ("", "PAID")


def test_the_provider_is_asked_again(client, shopkeeper):
    payment = opened()
    fake().pay(payment.session_id)

    answer = client.post(deed("ask_payment", payment), follow=True)

    assert said(answer) == ["The payment is now: paid."]
    assert Order.objects.get().status == "PAID"


def test_a_silent_provider_is_said_and_changes_nothing(client, shopkeeper, monkeypatch):
    payment = opened()

    def silent(session_id):
        raise GatewayUnavailable("The line is dead.")

    monkeypatch.setattr(fake(), "session", silent)
    answer = client.post(deed("ask_payment", payment), follow=True)

    assert said(answer) == ["The payment service does not answer. Nothing was changed; try again later."]
    assert not ModelLogEntry.objects.filter(action__startswith="commerce.").exists()


def test_a_refund_without_an_answer_is_asked_for_again(client, shopkeeper, monkeypatch):
    payment = paid()

    def silent(request):
        raise GatewayUnavailable("The line is dead.")

    with monkeypatch.context() as broken:
        broken.setattr(fake(), "refund", silent)
        answer = client.post(deed("refund_payment", payment), {"amount": "", "reason": ""}, follow=True)
    assert "is on its way back" in said(answer)[0]

    client.post(deed("send_refund", Refund.objects.get()))

    assert Refund.objects.get().status == "SUCCEEDED"


def test_what_was_refused_is_handed_over_again(client, shopkeeper, counter):
    counter.refused = "Out of paper for good."
    order = paid().order
    page = client.get(inspect(order)).content.decode()
    assert "Out of paper for good." in page
    assert "Hand over again" in page
    counter.refused = ""

    answer = client.post(deed("hand_over_again", order.lines.get()), follow=True)

    assert said(answer) == ["“Voucher a” was handed over."]
    assert OrderLine.objects.get().fulfilled_at is not None


def test_each_deed_is_logged_with_who_did_it(client, shopkeeper):
    payment = paid()

    client.post(deed("refund_payment", payment), {"amount": "9.00", "reason": "Late"})

    entry = ModelLogEntry.objects.get(action="commerce.refund_payment")
    assert (entry.user, entry.data) == (shopkeeper, {"amount": "9.00 USD", "reason": "Late"})


# --- Who may -----------------------------------------------------------------------------------------------
def test_who_only_looks_is_offered_nothing_and_can_do_nothing(client, onlooker):
    payment = paid()

    page = client.get(index("payment")).content.decode()
    assert payment.order.number in page
    assert "Give back" not in page
    for name, row in (
        ("refund_payment", payment),
        ("ask_payment", payment),
        ("settle_payment", payment),
        ("release_payment", payment),
        ("take_money", payment.order),
        ("cancel_order", payment.order),
        ("hand_over_again", payment.order.lines.get()),
    ):
        for ask in (client.get, client.post):
            answer = ask(deed(name, row), follow=False)
            assert (answer.status_code, answer["Location"]) == (302, "/cms/")
    assert not Refund.objects.exists()


@pytest.mark.parametrize("group", ["Authors", "Moderators", "Librarians", "Editors"])
def test_other_roles_do_not_see_the_shop(client, group):
    user = UserFactory()
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)

    for address in (*map(index, LISTS), reverse("commerce_reconciliations")):
        assert client.get(address).status_code in (302, 403)
    assert "/cms/commerce/order/" not in client.get("/cms/").content.decode()


# --- The report on the ledgers -----------------------------------------------------------------------------
@pytest.fixture
def lost() -> Payment:
    payment = opened()
    fake().pay(payment.session_id)
    return payment


def compare(client, day=None, account="usd"):
    day = day or now().date()
    return client.post(reverse("commerce_reconcile"), {"day": day, "account": account}, follow=True)


def test_a_day_is_compared_and_what_is_missing_repaired_with_one_button(client, shopkeeper, lost):
    page = compare(client)
    finding = Finding.objects.get()
    assert said(page) == ["Unresolved: 1"]
    assert "Ask the payment service again" in page.content.decode()

    answer = client.post(reverse("commerce_mend_ask", args=[finding.pk]), follow=True)

    lost.refresh_from_db()
    finding.refresh_from_db()
    assert (lost.status, finding.resolved_by) == ("PAID", shopkeeper)
    assert said(answer) == ["Resolved: Ask the payment service again"]
    assert ModelLogEntry.objects.get(action="commerce.reconciliation").user == shopkeeper


def test_the_report_counts_by_day_and_account(client, shopkeeper, lost):
    compare(client)

    page = client.get(reverse("commerce_reconciliations")).content.decode()

    assert "usd" in page
    assert reverse("commerce_reconciliation", args=[Reconciliation.objects.get().pk]) in page
    only = client.get(reverse("commerce_reconciliations"), {"unresolved": "yes", "account": "usd"})
    assert only.context["object_list"].count() == 1
    assert client.get(reverse("commerce_reconciliations"), {"export": "csv"}).status_code == 200


def test_a_note_is_kept_and_an_empty_one_refused(client, shopkeeper, lost):
    compare(client)
    finding = Finding.objects.get()
    address = reverse("commerce_mend_note", args=[finding.pk])

    assert "Write what you found" in said(client.post(address, {"note": " "}, follow=True))[0]
    client.post(address, {"note": "Asked the bank"})

    finding.refresh_from_db()
    assert finding.resolution == "Asked the bank"


def test_a_day_to_come_is_not_compared(client, shopkeeper):
    answer = compare(client, day=now().date() + timedelta(days=2))

    assert "That day is yet to come." in answer.content.decode()


def test_findings_are_repaired_by_post_and_by_those_who_may(client, onlooker, lost):
    compared = Reconciliation.objects.create(account="usd", day=now().date(), run_at=now())
    finding = compared.findings.create(
        kind="MISSING_HERE", detail="NOT_RECORDED", payment=lost, currency="USD", theirs_minor=4900
    )
    day = client.get(reverse("commerce_reconciliation", args=[compared.pk]))
    assert (day.status_code, "Looked into" in day.content.decode()) == (200, False)

    assert client.post(reverse("commerce_mend_ask", args=[finding.pk])).status_code == 302
    assert client.get(reverse("commerce_mend_ask", args=[finding.pk])).status_code in (302, 405)
    assert (
        client.post(reverse("commerce_reconcile"), {"day": now().date(), "account": "usd"}).status_code == 302
    )

    finding.refresh_from_db()
    assert finding.resolved_at is None


def test_a_day_costs_the_same_with_one_finding_and_with_three(
    client, shopkeeper, django_assert_num_queries, django_assert_max_num_queries
):
    compared = Reconciliation.objects.create(account="usd", day=now().date(), run_at=now())
    address = reverse("commerce_reconciliation", args=[compared.pk])

    def find() -> None:
        compared.findings.create(
            kind="MISSING_HERE", detail="NOT_RECORDED", payment=opened(), currency="USD", theirs_minor=4900
        )

    find()
    client.get(address)
    with django_assert_max_num_queries(30) as first:
        client.get(address)
    find()
    find()

    with django_assert_num_queries(len(first.captured_queries)):
        client.get(address)


def test_orders_of_visitors_are_worked_on_as_well(client, shopkeeper):
    order = ordering.place(guest_key="k" * 32, lines=[voucher()], at=now())

    assert "visitor" in client.get(index("order")).content.decode()
    assert client.get(inspect(order)).status_code == 200


def test_pages_of_deeds_and_of_the_report_have_one_first_heading(client, shopkeeper, lost):
    compare(client)
    payment = paid()

    for address in (
        deed("refund_payment", payment),
        deed("ask_payment", payment),
        reverse("commerce_reconcile"),
        reverse("commerce_reconciliations"),
        reverse("commerce_reconciliation", args=[Reconciliation.objects.get().pk]),
    ):
        assert (address, client.get(address).content.decode().count("<h1")) == (address, 1)


def test_a_report_without_days_says_what_to_do(client, shopkeeper):
    empty = client.get(reverse("commerce_reconciliations")).content.decode()
    filtered = client.get(reverse("commerce_reconciliations"), {"account": "usd"}).content.decode()

    assert "Nothing was compared so far." in empty
    assert "No day that was compared is of this kind." in filtered


@pytest.mark.parametrize(("language", "shown"), [("en", "7.5\u00a0%"), ("ru", "7,5\u00a0%")])
def test_percentages_are_written_as_the_reader_writes_them(client, shopkeeper, language, shown):
    Discount.objects.create(name="May", percent_off=Decimal("7.50"))
    Tax.objects.create(name="VAT", percentage=Decimal("7.5"), is_inclusive=True)
    client.cookies["django_language"] = language
    shopkeeper.language = language
    shopkeeper.save()

    for name in ("discount", "tax"):
        assert (name, shown in client.get(index(name)).content.decode()) == (name, True)
