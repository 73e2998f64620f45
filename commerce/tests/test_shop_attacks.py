"""The shop's pages against people who mean ill: names that are markup, guesses, and forged requests."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.services import notifying
from accounts.tests.factories import UserFactory
from commerce.models import Discount, Item, Order, Payment, Reconciliation, Tax
from commerce.models.customers import Customer, new_guest_key
from commerce.money import Money
from commerce.services import cart as carts
from commerce.services import checkout, receiving, refunding
from commerce.tests.factories import URLS, fake

pytestmark = pytest.mark.django_db

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"
ROLES = ("Shopkeepers", "Moderators", "Authors", "Librarians", "Editors")


def make_item(name: str = "Mug", **fields) -> Item:
    return Item.objects.create(name=name, price=Decimal("12.50"), currency="USD", **fields)


def place(customer: Customer, *items: Item) -> Order:
    for item in items:
        carts.add(customer=customer, item=item, at=timezone.now())
    return carts.place(customer=customer, at=timezone.now())


def pay(order: Order) -> Payment:
    payment = checkout.open_session(order=order, urls=URLS, at=timezone.now())
    fake().pay(payment.session_id)
    return checkout.complete(payment=payment, at=timezone.now())


def as_role(group: str) -> Client:
    user = UserFactory(is_staff=group == "Shopkeepers")
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def cms(name: str, *args: object) -> str:
    return reverse(f"commerce_{name}", args=args)


def is_escaped(page: str) -> bool:
    """The markup of the attacker stands on the page as text, and nowhere as markup."""
    return "&lt;script&gt;alert(1)" in page and "<script>alert(1)" not in page and "<img src=x" not in page


# --- Markup in names, notes and reasons --------------------------------------------------------------------
@pytest.fixture
def hostile(client) -> dict[str, object]:
    """A member whose order, discount, tax, refund and finding are full of markup."""
    member = UserFactory(email="ada@example.com", first_name=MARKUP[:30])
    client.force_login(member)
    item = make_item(MARKUP, description=MARKUP)
    Discount.objects.create(name=MARKUP, code="HTML", percent_off=Decimal(10))
    Tax.objects.create(name=MARKUP[:30], percentage=Decimal(10), is_inclusive=False)
    customer = Customer(user=member)
    carts.add(customer=customer, item=item, at=timezone.now())
    carts.ask_for_discount(customer=customer, code="HTML", at=timezone.now())
    unpaid = carts.place(customer=customer, at=timezone.now())
    carts.add(customer=customer, item=item, at=timezone.now())
    carts.ask_for_discount(customer=customer, code="HTML", at=timezone.now())
    paid = pay(carts.place(customer=customer, at=timezone.now()))
    refunding.give_back(
        payment=paid, at=timezone.now(), by=member, amount=Money.from_minor(100, "USD"), reason=MARKUP
    )
    carts.add(customer=customer, item=item, at=timezone.now())
    compared = Reconciliation.objects.create(account="usd", day=timezone.now().date(), run_at=timezone.now())
    finding = compared.findings.create(
        kind="MISSING_HERE",
        detail="NOT_RECORDED",
        payment=paid,
        provider_id=MARKUP,
        currency="USD",
        theirs_minor=4900,
        resolution=MARKUP,
        resolved_at=timezone.now(),
        resolved_by=member,
    )
    return {"item": item, "unpaid": unpaid, "paid": paid, "finding": finding}


def test_people_s_pages_show_markup_as_text(client, hostile):
    unpaid, paid = hostile["unpaid"], hostile["paid"]

    for address in (
        "/",
        "/shop/",
        f"/item/{hostile['item'].pk}/",
        "/cart/",
        "/orders/",
        f"/orders/{unpaid.pk}/",
        f"/orders/{unpaid.pk}/pay/",
        f"/orders/{paid.order.pk}/receipt/",
        f"/checkout/return/?session_id={paid.session_id}",
        "/my/",
    ):
        assert (address, is_escaped(client.get(address).content.decode())) == (address, True)


def test_parts_that_htmx_exchanges_and_messages_show_markup_as_text(client, hostile):
    item = hostile["item"]
    parts = [
        client.post(f"/item/{item.pk}/add-to-order/", headers={"hx-request": "true"}),
        client.post(f"/cart/items/{item.pk}/", {"quantity": "2"}, headers={"hx-request": "true"}),
        client.post("/cart/discount/", {"code": MARKUP}, headers={"hx-request": "true"}),
        client.post("/cart/discount/", {"code": MARKUP}),
        client.post(f"/item/{item.pk}/add-to-order/", follow=True),
    ]

    assert [is_escaped(part.content.decode()) for part in parts] == [True] * len(parts)


def test_both_admins_show_markup_as_text(hostile):
    keeper = as_role("Shopkeepers")
    unpaid, paid, finding = hostile["unpaid"], hostile["paid"], hostile["finding"]
    refund = paid.refunds.get()

    for address in (
        cms("item_modeladmin_index"),
        cms("discount_modeladmin_index"),
        cms("tax_modeladmin_index"),
        cms("refund_modeladmin_index"),
        cms("item_modeladmin_inspect", hostile["item"].pk),
        cms("refund_modeladmin_inspect", refund.pk),
        cms("order_modeladmin_inspect", unpaid.pk),
        cms("payment_modeladmin_inspect", paid.pk),
        cms("reconciliation", finding.reconciliation_id),
        reverse("admin:commerce_item_changelist"),
        reverse("admin:commerce_order_change", args=[unpaid.pk]),
        reverse("admin:commerce_payment_change", args=[paid.pk]),
        reverse("admin:commerce_discount_changelist"),
    ):
        assert (address, is_escaped(keeper.get(address).content.decode())) == (address, True)


def test_what_staff_are_told_shows_markup_as_text(hostile):
    keeper = as_role("Shopkeepers")
    payment = receiving.expect(
        order=place(Customer(user=UserFactory()), make_item(MARKUP)), method="cash", at=timezone.now()
    )
    receiving.settle_by_hand(payment=payment, at=timezone.now(), by=None)
    line = payment.order.lines.get()
    type(line).objects.filter(pk=line.pk).update(
        fulfilled_at=None, refused_at=timezone.now(), delivery_error=MARKUP
    )

    asked = keeper.get(reverse("commerce_cms_hand_over_again", args=[line.pk]))
    told = keeper.post(reverse("commerce_cms_hand_over_again", args=[line.pk]), follow=True)

    assert is_escaped(asked.content.decode())
    assert is_escaped(told.content.decode())


def test_letters_show_markup_as_text(hostile, mailoutbox):
    notifying.send_due(at=timezone.now())

    bodies = [body for letter in mailoutbox for body, _kind in letter.alternatives]
    assert len(bodies) >= 2
    assert [("<script>alert(1)" in body, "<img src=x" in body) for body in bodies] == [
        (False, False) for _body in bodies
    ]
    assert any("&lt;script&gt;alert(1)" in body for body in bodies)


def told(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


# --- Guessing, forging, leading away -----------------------------------------------------------------------
def test_other_people_s_orders_and_receipts_look_like_none_at_all(client):
    theirs = pay(place(Customer(user=UserFactory()), make_item("Secret"))).order
    client.force_login(UserFactory())

    for part in ("", "receipt/", "pay/", "buy/"):
        real = client.get(f"/orders/{theirs.pk}/{part}")
        none = client.get(f"/orders/999999/{part}")
        assert (real.status_code, none.status_code) == (404, 404)
        assert told(real) == told(none)


POSTS = (
    "/buy/{item}/",
    "/item/{item}/add-to-order/",
    "/cart/items/{item}/",
    "/cart/discount/",
    "/cart/order/",
    "/v2/cart/add/",
    "/v2/cart/remove/",
    "/v2/cart/order/",
    "/orders/{order}/buy/",
    "/orders/{order}/pay/",
    "/orders/{order}/cancel/",
)


@pytest.mark.parametrize("address", POSTS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_nothing_is_changed_without_the_token_of_the_page(address, slash):
    member = UserFactory()
    item = make_item()
    order = place(Customer(user=member), item)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(member)

    path = address.format(item=item.pk, order=order.pk).rstrip("/") + slash
    answer = strict.post(path, {"itemId": item.pk, "quantity": 3, "code": "X"})

    order.refresh_from_db()
    assert (answer.status_code, order.status) == (403, "AWAITING_PAYMENT")
    assert not Payment.objects.exists()
    assert Order.objects.count() == 1


DEEDS = (
    "take_money",
    "cancel_order",
    "refund_payment",
    "ask_payment",
    "release_payment",
    "settle_payment",
    "send_refund",
    "hand_over_again",
)


@pytest.fixture
def worked_on(client) -> dict[str, int]:
    """A paid order with a refund, by what deeds are done to."""
    payment = pay(place(Customer(user=UserFactory()), make_item()))
    refund = refunding.give_back(payment=payment, at=timezone.now(), by=None)
    return {
        "take_money": payment.order_id,
        "cancel_order": payment.order_id,
        "hand_over_again": payment.order.lines.get().pk,
        "send_refund": refund.pk,
        **dict.fromkeys(("refund_payment", "ask_payment", "release_payment", "settle_payment"), payment.pk),
    }


@pytest.mark.parametrize("name", DEEDS)
def test_deeds_of_the_cms_need_the_token_and_the_role(name, worked_on):
    address = reverse(f"commerce_cms_{name}", args=[worked_on[name]])
    keeper = as_role("Shopkeepers")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = keeper.cookies

    assert strict.post(address).status_code == 403
    for group in ROLES[1:]:
        other = as_role(group)
        for ask in (other.get, other.post):
            answer = ask(address)
            assert (answer.status_code, answer["Location"]) == (302, "/cms/")
    assert Client().post(address)["Location"].startswith("/cms/login/")


DOORS = (
    *(f"/cms/commerce/{name}/" for name in ("order", "payment", "refund", "item", "discount", "tax")),
    *(f"/cms/commerce/{name}/create/" for name in ("item", "discount", "tax")),
    "/cms/reports/reconciliation/",
    "/cms/reports/reconciliation/results/",
    "/cms/reports/reconciliation/compare/",
)


@pytest.mark.parametrize("group", ROLES)
def test_the_shop_s_doors_in_the_cms_open_for_shopkeepers_alone(group):
    staff = as_role(group)

    codes = {door: staff.get(door).status_code for door in DOORS}

    assert codes == dict.fromkeys(DOORS, 200 if group == "Shopkeepers" else 302)


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example/"])
def test_signing_in_from_an_order_leads_nowhere_else(elsewhere):
    member = UserFactory(password="tangerine-41-skies", verified=True)

    answer = Client().post(
        f"/accounts/login/?next={elsewhere}",
        {"login": member.email, "password": "tangerine-41-skies", "next": elsewhere},
    )

    assert "evil.example" not in answer.get("Location", "")


# --- Who may keep a copy -----------------------------------------------------------------------------------
def test_pages_that_are_one_s_own_are_kept_by_nobody(client):
    member = UserFactory()
    client.force_login(member)
    item = make_item()
    unpaid = place(Customer(user=member), item)
    paid = pay(place(Customer(user=member), item))

    for address in (
        "/cart/",
        "/orders/",
        f"/orders/{unpaid.pk}/",
        f"/orders/{unpaid.pk}/pay/",
        f"/orders/{paid.order.pk}/receipt/",
        f"/checkout/return/?session_id={paid.session_id}",
        f"/checkout/cancel/?order={unpaid.number}",
        "/v2/order/status/",
        "/v2/order/status/check/",
        f"/buy/{item.pk}",
        "/my/",
    ):
        assert (address, "no-store" in client.get(address)["Cache-Control"]) == (address, True)
    for address in ("/shop/", "/v2/item/list/", f"/item/{item.pk}/"):
        assert (address, client.get(address)["Cache-Control"]) == (address, "private")


# --- What lists cost ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", ["/shop/", "/", "/orders/", "/cart/", "/my/"])
def test_lists_cost_the_same_with_one_row_and_with_thirty(client, address, django_assert_max_num_queries):
    member = UserFactory()
    client.force_login(member)
    customer = Customer(user=member)

    def one_more(number: int) -> None:
        item = make_item(f"Mug {number}")
        place(customer, item)

    def fill_the_cart() -> None:
        for item in Item.objects.all():
            carts.add(customer=customer, item=item, at=timezone.now())

    one_more(0)
    fill_the_cart()
    client.get(address)
    with django_assert_max_num_queries(40) as first:
        client.get(address)
    with_one = len(first.captured_queries)
    carts.place(customer=customer, at=timezone.now())
    for number in range(1, 30):
        one_more(number)
    fill_the_cart()
    client.get(address)

    with django_assert_max_num_queries(with_one):
        client.get(address)


def test_a_visitor_s_key_is_on_no_page(client):
    session = client.session
    session["guest_key"] = key = new_guest_key()
    session.save()
    order = place(Customer(guest_key=key), make_item())
    keeper = as_role("Shopkeepers")

    for page in (
        client.get(f"/orders/{order.pk}/"),
        keeper.get(cms("order_modeladmin_inspect", order.pk)),
        keeper.get(reverse("admin:commerce_order_change", args=[order.pk])),
        keeper.get(cms("order_modeladmin_index"), {"export": "csv"}),
    ):
        content = b"".join(page.streaming_content) if page.streaming else page.content
        assert key.encode() not in content
