"""Signing in to the API: tokens, the headers they come in, and how long they live."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient
from rest_framework.throttling import ScopedRateThrottle
from rest_framework_simplejwt.tokens import AccessToken

from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    return APIClient()


@pytest.fixture
def whoami(settings):
    """An endpoint that answers who asks, whichever the apps have by now."""
    settings.ROOT_URLCONF = "portal.api.tests.whoami"
    return "/api/v1/whoami/"


def sign_in(client, email, password=PASSWORD):
    return client.post("/api/v1/token/", {"email": email, "password": password})


def test_email_and_password_give_a_pair_of_tokens(client):
    UserFactory(email="reader@example.com")

    answer = sign_in(client, "reader@example.com")

    assert answer.status_code == 200
    assert sorted(answer.json()) == ["access", "refresh"]


def test_the_case_of_the_email_does_not_matter(client):
    UserFactory(email="reader@example.com")

    answer = sign_in(client, "Reader@Example.COM")

    assert answer.status_code == 200


def test_signing_in_by_token_is_a_sign_in(client):
    reader = UserFactory(email="reader@example.com", last_login=None)

    sign_in(client, "reader@example.com")

    reader.refresh_from_db()
    assert reader.last_login is not None


@pytest.mark.parametrize("email", ["reader@example.com", "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client, email):
    UserFactory(email="reader@example.com")

    answer = sign_in(client, email, "guess")

    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "No active account found with the given credentials",
    }


def test_a_blocked_account_gets_no_token(client):
    UserFactory(email="reader@example.com", is_active=False)

    answer = sign_in(client, "reader@example.com")

    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["Authorization", "Authorize"])
def test_a_token_is_read_from_either_header(client, whoami, header):
    reader = UserFactory()
    token = AccessToken.for_user(reader)

    answer = client.get(whoami, headers={header: f"Bearer {token}"})

    assert answer.status_code == 200
    assert answer.json() == {"id": reader.pk}


def test_a_header_of_another_scheme_does_not_hide_the_token(client, whoami):
    reader = UserFactory()
    token = AccessToken.for_user(reader)

    answer = client.get(
        whoami, headers={"Authorization": "Basic cHJveHk6eA==", "Authorize": f"Bearer {token}"}
    )

    assert answer.json() == {"id": reader.pk}


def test_without_a_token_the_answer_says_how_to_sign_in(client, whoami):
    answer = client.get(whoami)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer.json()["detail"] == "Authentication credentials were not provided."


def test_an_expired_token_is_refused_in_words(client, whoami):
    token = AccessToken.for_user(UserFactory())
    token.set_exp(lifetime=-timedelta(minutes=1))

    answer = client.get(whoami, headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert answer.json()["detail"] == "Given token not valid for any token type"


def test_a_refresh_token_buys_a_new_pair_once(client):
    UserFactory(email="reader@example.com")
    first = sign_in(client, "reader@example.com").json()["refresh"]

    renewed = client.post("/api/v1/token/refresh/", {"refresh": first})
    again = client.post("/api/v1/token/refresh/", {"refresh": first})

    assert renewed.status_code == 200
    assert sorted(renewed.json()) == ["access", "refresh"]
    assert renewed.json()["refresh"] != first
    assert again.status_code == 401


def test_a_deleted_account_cannot_renew_its_token(client):
    reader = UserFactory(email="reader@example.com")
    refresh = sign_in(client, "reader@example.com").json()["refresh"]
    reader.delete()

    answer = client.post("/api/v1/token/refresh/", {"refresh": refresh})

    assert answer.status_code == 401


def test_after_signing_out_the_refresh_token_is_dead(client):
    UserFactory(email="reader@example.com")
    refresh = sign_in(client, "reader@example.com").json()["refresh"]

    signed_out = client.post("/api/v1/token/blacklist/", {"refresh": refresh})
    renewed = client.post("/api/v1/token/refresh/", {"refresh": refresh})

    assert signed_out.status_code == 200
    assert renewed.status_code == 401


def test_a_token_can_be_checked(client):
    token = AccessToken.for_user(UserFactory())

    good = client.post("/api/v1/token/verify/", {"token": str(token)})
    forged = client.post("/api/v1/token/verify/", {"token": f"{token}x"})

    assert good.status_code == 200
    assert forged.status_code == 401


def test_too_many_attempts_are_told_when_to_come_back(client, monkeypatch):
    monkeypatch.setitem(ScopedRateThrottle.THROTTLE_RATES, "token", "2/min")
    cache.clear()

    answers = [sign_in(client, "reader@example.com", "guess") for _attempt in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1].headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61
