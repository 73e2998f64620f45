"""Guessing is stopped; and where it cannot be counted, nobody gets through."""

import pytest
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.test import Client

from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "signup": "3/m/ip",
    "reset_password": "20/m/ip,2/m/key",
    "reactivate": "20/m/ip,2/h/key",
    "reauthenticate": "3/m/user",
    "avatar": "2/m/user",
}


@pytest.fixture(autouse=True)
def limits(settings):
    settings.ACCOUNT_RATE_LIMITS = LIMITS
    cache.clear()


class BrokenCache(BaseCache):
    """A cache that cannot be reached, as Redis that is down."""

    def __init__(self, location, params):
        super().__init__(params)

    def _fail(self, *args, **kwargs):
        raise ConnectionError("The cache cannot be reached.")

    add = get = set = delete = touch = incr = _fail


def guess(client, email, password="wrong"):
    return client.post("/accounts/login/", {"login": email, "password": password})


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(client):
    user = UserFactory(verified=True)
    for _ in range(5):
        guess(client, user.email)

    guess(client, user.email, PASSWORD)

    assert "_auth_user_id" not in client.session


def test_guessing_at_one_person_from_many_places_is_stopped_as_well():
    user = UserFactory(verified=True)
    for number in range(5):
        guess(Client(REMOTE_ADDR=f"203.0.113.{number}"), user.email)

    late = Client(REMOTE_ADDR="203.0.113.99")
    guess(late, user.email, PASSWORD)

    assert "_auth_user_id" not in late.session


def test_guessing_at_one_person_by_many_names_of_the_site_is_stopped_as_well():
    user = UserFactory(verified=True)
    for number in range(5):
        guess(Client(REMOTE_ADDR=f"203.0.113.{number}", HTTP_HOST=f"testserver:{8000 + number}"), user.email)

    late = Client(REMOTE_ADDR="203.0.113.99")
    guess(late, user.email, PASSWORD)

    assert "_auth_user_id" not in late.session


def test_somebody_elses_guessing_does_not_keep_others_out(client):
    guessed, other = UserFactory(verified=True), UserFactory(verified=True)
    for _ in range(5):
        guess(client, guessed.email)

    guess(client, other.email, PASSWORD)

    assert client.session["_auth_user_id"] == str(other.pk)


def test_too_many_tries_to_sign_in_get_our_page_with_429(client):
    answers = [guess(client, f"somebody{number}@example.com") for number in range(31)]

    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert "429.html" in [template.name for template in answers[-1].templates]
    assert "Too many tries" in answers[-1].content.decode()


def test_too_many_sign_ups_get_429(client):
    answers = [client.post("/accounts/signup/", {}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_too_many_letters_for_one_address_get_429_and_are_not_sent(client, mailoutbox):
    UserFactory(email="ada@example.com", verified=True)

    answers = [client.post("/accounts/password/reset/", {"email": "ada@example.com"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [302, 302, 429]
    assert len(mailoutbox) == 2


def test_too_many_requests_to_open_an_account_again_get_429(client):
    answers = [client.post("/accounts/reactivate/", {"email": "ada@example.com"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [302, 302, 429]


def test_the_password_cannot_be_guessed_where_the_account_is_deleted(client):
    user = UserFactory()
    client.force_login(user)

    answers = [client.post("/accounts/privacy/delete/", {"password": f"guess{n}"}) for n in range(3)]
    answers.append(client.post("/accounts/privacy/delete/", {"password": PASSWORD}))

    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/accounts/login/", {"login": "ada@example.com", "password": PASSWORD}),
        (
            "/accounts/signup/",
            {
                "email": "eve@example.com",
                "password1": "tangerine-41-skies",
                "password2": "tangerine-41-skies",
            },
        ),
        ("/accounts/password/reset/", {"email": "ada@example.com"}),
        ("/accounts/reactivate/", {"email": "ada@example.com"}),
    ],
)
def test_where_tries_cannot_be_counted_nobody_gets_through(settings, mailoutbox, path, sent):
    UserFactory(email="ada@example.com", verified=True)
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.BrokenCache"}}
    client = Client(raise_request_exception=False)

    answer = client.post(path, sent)

    assert answer.status_code in (429, 500, 503)
    assert "_auth_user_id" not in client.session
    assert mailoutbox == []


def test_where_the_table_of_the_cache_is_missing_nobody_gets_through(settings):
    UserFactory(email="ada@example.com", verified=True)
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "no_such_table"}
    }
    client = Client(raise_request_exception=False)

    answer = guess(client, "ada@example.com", PASSWORD)

    assert answer.status_code in (429, 500, 503)
    assert "_auth_user_id" not in client.session
