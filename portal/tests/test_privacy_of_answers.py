"""No answer of the API tells one person what belongs to another: asked at every endpoint there is."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.urls import URLPattern, get_resolver
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import UserFactory
from commerce.models import Payment
from commerce.services import checkout
from commerce.tests.factories import URLS
from courses.services import enrolling
from courses.tests.factories import CourseFactory, LessonFactory

NOW = datetime.now(UTC)
METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
API = "api/v1/"


def endpoints() -> Iterator[str]:
    """Every endpoint of the API as it is spelt in the URLconf."""

    def walk(patterns, prefix):
        for pattern in patterns:
            spelt = prefix + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield spelt
            else:
                yield from walk(pattern.url_patterns, spelt)

    return (spelt for spelt in walk(get_resolver().url_patterns, "") if spelt.startswith(API))


def make_ada(**facts) -> User:
    """A person with something to hide; her first name and city are not among it."""
    return UserFactory(
        **{
            "email": "ada.keeps.this@example.com",
            "first_name": "Ada",
            "last_name": "Lovelace-Byron",
            "phone": "+442079460018",
            "city": "London",
            **facts,
        }
    )


def buy(user) -> Payment:
    course = CourseFactory(price=49)
    order = enrolling.hold_place(member=user, course=course, at=NOW).order_line.order
    return checkout.open_session(order=order, urls=URLS, at=NOW + timedelta(seconds=1))


def secrets_of(user: User) -> list[str]:
    hidden = [user.last_name, user.phone, user.email, user.password]
    for payment in Payment.objects.by(user).select_related("order"):
        hidden += [payment.session_id, payment.session_url, payment.order.number]
    return [secret for secret in hidden if secret]


def told(answer) -> str:
    """What an answer says, headers too, with every character as itself."""
    body = answer.content.decode()
    if "json" in answer.headers.get("Content-Type", "") and body:
        body = json.dumps(json.loads(body), ensure_ascii=False)
    return body + json.dumps(dict(answer.headers), ensure_ascii=False)


def client_of(user=None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


def bodies(ada: User, ids: list[int]) -> Iterator[dict[str, object]]:
    """What one may write who knows the other's ids."""
    yield {}
    for pk in ids:
        yield {"user": pk, "user_id": pk, "course": pk, "lesson": pk, "order": pk, "id": pk}


def leaks(client: APIClient, path: str, ada: User, ids: list[int]) -> list[str]:
    """Requests below an endpoint whose answer holds a secret."""
    hidden = secrets_of(ada)
    paths = [path.replace("<int:pk>", str(pk)) for pk in ids] if "<int:pk>" in path else [path]
    found = []
    for asked in paths:
        for method in METHODS:
            for body in bodies(ada, ids) if method in ("post", "put", "patch") else [{}]:
                said = told(getattr(client, method)(f"/{asked}", body))
                found += [f"{method} {asked} {body}: {secret}" for secret in hidden if secret in said]
    return found


@pytest.fixture
def ada(db):
    ada = make_ada()
    buy(ada)
    return ada


@pytest.fixture
def ids(ada):
    """Ids of what is hers, and of what is everybody's."""
    payment = Payment.objects.by(ada).select_related("order").get()
    lesson = LessonFactory(parent=CourseFactory(), preview=True)
    return sorted({ada.pk, payment.pk, payment.order_id, lesson.pk, lesson.get_parent().pk})


def test_there_are_endpoints_to_ask():
    assert {f"{API}users/", f"{API}users/<int:pk>/", f"{API}catalogue/"} <= set(endpoints())


@pytest.mark.parametrize("who", ["visitor", "member"])
@pytest.mark.parametrize("path", sorted(endpoints()))
def test_no_answer_tells_what_is_anothers(ada, ids, path, who):
    asker = client_of(UserFactory() if who == "member" else None)
    cache.clear()

    assert leaks(asker, path, ada, ids) == []


def test_the_secrets_are_such_that_their_owner_reads_them(ada):
    said = told(client_of(ada).get("/api/v1/users/me/"))

    hidden = secrets_of(ada)
    assert [secret for secret in hidden if secret not in said] == [
        ada.password,
        ada.orders.get().number,
    ]


LETTERS = st.characters(categories=("L",))
NAMES = st.text(LETTERS, min_size=8, max_size=40)


class WhoeverTheyAre(TestCase):
    """The same of the profiles, for made-up people."""

    @settings(max_examples=25)
    @given(
        last_name=NAMES,
        phone=st.from_regex(r"\+34[1-9][0-9]{8}", fullmatch=True),
        local=st.from_regex(r"[a-z]{8,20}", fullmatch=True),
        is_staff=st.booleans(),
    )
    def test_a_profile_tells_exactly_the_public_facts(self, last_name, phone, local, is_staff):
        ada = make_ada(last_name=last_name, phone=phone, email=f"{local}@example.org")
        asker = client_of(UserFactory(is_staff=is_staff))

        one = asker.get(f"/api/v1/users/{ada.pk}/")
        everybody = asker.get("/api/v1/users/", {"page_size": 100})
        searched = [asker.get("/api/v1/users/", {"search": secret}) for secret in (last_name, phone, local)]

        facts = {"id": ada.pk, "first_name": "Ada", "city": "London", "avatar": None}
        assert one.json() == facts
        assert facts in everybody.json()["results"]
        assert [facts in answer.json()["results"] for answer in searched] == [False] * 3
        for secret in secrets_of(ada):
            assert all(secret not in told(answer) for answer in (one, everybody))
