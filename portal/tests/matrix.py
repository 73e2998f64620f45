"""Ask every route of the portal as everybody. What each must get stands in one table, permissions.csv.

The columns are roles; `member` owns what the address names, `other` is a member who does not. A new route
needs its rows: the test says which are missing, and what the routes answer now.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.files.base import ContentFile, File
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

TABLE = Path(__file__).parent / "permissions.csv"
ROLES = (
    "anonymous",
    "blocked",
    "member",
    "other",
    "author",
    "moderator",
    "librarian",
    "shopkeeper",
    "staff",
    "superuser",
)
GROUPS = {
    "author": "Authors",
    "moderator": "Moderators",
    "librarian": "Librarians",
    "shopkeeper": "Shopkeepers",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Trees of other people's routes: each is tried as a whole (test_permission_matrix.py), not row by row.
TREES = ("cms/", "admin/")


@dataclass
class World:
    """One of everything, belonging to `member` where it belongs to anybody."""

    people: Mapping[str, Any]
    tokens: Mapping[str, str]
    names: Mapping[str, str]


def build_world() -> World:
    """A course and its lessons, orders, a document, a loan and a hold, and a person per role."""
    from accounts.models import Message
    from accounts.services import notifying
    from accounts.services.tokens import issue
    from accounts.tests.factories import UserFactory
    from commerce.models import Item
    from commerce.models.customers import Customer
    from commerce.notifications import ORDER_PAID
    from commerce.services import cart, checkout, receiving
    from commerce.templatetags.pictures import key_of
    from courses.services import enrolling
    from courses.tests.factories import CourseFactory, DocumentFactory, ImageFactory, LessonFactory
    from library.services import lending
    from library.services.days import day_of
    from library.tests.factories import BookFactory, BorrowingFactory, HoldFactory

    at = timezone.now()
    people = {}
    for role in ROLES[1:]:
        people[role] = UserFactory(
            email=f"{role}@example.com",
            verified=True,
            is_staff=role in ("staff", "superuser"),
            is_superuser=role == "superuser",
        )
        if role in GROUPS:
            people[role].groups.add(Group.objects.get(name=GROUPS[role]))
    tokens = {role: str(issue(user=user, at=at).access_token) for role, user in people.items()}
    type(people["blocked"]).objects.filter(pk=people["blocked"].pk).update(is_active=False)

    free = CourseFactory(price=0)
    paid = CourseFactory(price=49)
    lesson = LessonFactory(parent=paid, price=9)
    open_lesson = LessonFactory(parent=paid, is_preview=True)
    document = DocumentFactory(file=ContentFile(b"private", name="paper.pdf"))
    order = enrolling.hold_place(member=people["member"], course=paid, at=at).order_line.order
    urls = checkout.ReturnUrls(success="http://testserver/ok/", cancel="http://testserver/no/")
    payment = checkout.open_session(order=order, urls=urls, at=at + timedelta(seconds=1))
    picture = ImageFactory().file
    item = Item.objects.create(
        name="Mug", price=Decimal("12.50"), currency="USD", picture=File(picture, name="mug.png")
    )
    bought = cart.buy_now(customer=Customer(user=people["member"]), item=item, at=at)
    cash = receiving.expect(order=bought, method="cash", at=at)
    spoon = Item.objects.create(name="Spoon", price=Decimal("2.50"), currency="USD")
    paid_order = cart.buy_now(customer=Customer(user=people["member"]), item=spoon, at=at)
    receiving.settle_by_hand(
        payment=receiving.expect(order=paid_order, method="cash", at=at), at=at, by=people["staff"]
    )
    written = CourseFactory(owner=people["member"], draft=True)
    written_lesson = LessonFactory(parent=written, owner=people["member"], draft=True)
    book = BookFactory(title="Dune", copies=1)
    loan = lending.lend(
        book=book,
        to=people["member"],
        until=day_of(at) + timedelta(days=7),
        on=day_of(at),
        at=at,
        at_desk=True,
    )
    held = HoldFactory(member=people["member"], book=BorrowingFactory().book)
    # The receipt of what was paid in cash.
    message = Message.objects.get(recipient=people["member"], kind=ORDER_PAID)
    notifying.send(message_id=message.pk, at=at)
    names = {
        "message": message.pk,
        "book": book.pk,
        "book_path": f"library/{book.pk}-dune/",
        "loan": loan.pk,
        "charge": loan.charges.get().pk,
        "hold": held.pk,
        "written": written.pk,
        "written_lesson": written_lesson.pk,
        "free": free.pk,
        "paid": paid.pk,
        "lesson": lesson.pk,
        "open_lesson": open_lesson.pk,
        "order": order.pk,
        "number": order.number,
        "payment": payment.pk,
        "session": payment.session_id,
        "item": item.pk,
        "picture": key_of(item.picture),
        "cash": cash.pk,
        "paid_order": paid_order.pk,
        "document": document.pk,
        "filename": document.filename,
        "member": people["member"].pk,
        "paid_path": paid.url.removeprefix("/"),
        "lesson_path": lesson.url.removeprefix("/"),
        "open_lesson_path": open_lesson.url.removeprefix("/"),
    }
    return World(people=people, tokens=tokens, names={key: str(value) for key, value in names.items()})


def routes() -> Iterator[str]:
    """Every route of the URLconf as it is spelt there, without the trees of other people's."""

    def walk(resolver: URLResolver, prefix: str) -> Iterator[str]:
        for pattern in resolver.url_patterns:
            spelt = prefix + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield spelt
            elif spelt not in TREES:
                yield from walk(pattern, spelt)

    return (route for route in walk(get_resolver(), "") if not route.startswith(TREES))


@dataclass(frozen=True)
class Row:
    """What everybody gets for some methods at one address of a route."""

    route: str
    address: str
    methods: tuple[str, ...]
    expected: Mapping[str, int]


def read_table(path: Path = TABLE) -> list[Row]:
    """The table: route, address with names in braces, methods, and a status per role."""
    with path.open(newline="") as lines:
        return [
            Row(
                route=line["route"],
                address=line["address"],
                methods=tuple(line["methods"].split()),
                expected={role: int(line[role]) for role in ROLES},
            )
            for line in csv.DictReader(lines)
        ]


def ask(world: World, *, role: str, method: str, address: str) -> int:
    """The status that a role gets; whatever the request changed is taken back."""
    path = "/" + address.format_map(world.names)
    cache.clear()  # limits of tries are another test's matter
    client = Client(raise_request_exception=False)
    is_api = path.startswith("/api/")
    headers = {}
    if role != "anonymous":
        if is_api:
            headers["authorization"] = f"Bearer {world.tokens[role]}"
        else:
            client.force_login(world.people[role])
    undo = transaction.atomic()
    # As a test case's own transaction: the services' durable transactions may run inside.
    undo._from_testcase = True
    with undo:
        status = client.generic(
            method,
            path,
            data=b"{}" if method in ("POST", "PUT", "PATCH") else b"",
            content_type="application/json"
            if path.startswith("/api/")
            else "application/x-www-form-urlencoded",
            headers=headers,
        ).status_code
        transaction.set_rollback(True)
    return status
