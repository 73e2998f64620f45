"""Signing in to the API: tokens, the headers they come in, and how long they live."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.auth.hashers import get_hasher
from django.core.cache import cache
from rest_framework.test import APIClient
from rest_framework.throttling import ScopedRateThrottle
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
ME = "/api/v1/users/me/"
ADA = "ada@example.com"


@pytest.fixture
def client():
    return APIClient()


@pytest.fixture
def hashings(monkeypatch):
    """How often a password was hashed: what takes time at signing in."""
    hasher, seen = type(get_hasher()), []
    plain = hasher.encode

    def encode(self, password, salt, **options):
        seen.append(password)
        return plain(self, password, salt, **options)

    monkeypatch.setattr(hasher, "encode", encode)
    return seen


def sign_in(client, email=ADA, password=PASSWORD, **more):
    return client.post("/api/v1/token/", {"email": email, "password": password, **more})


def code_of(secret):
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


# --- Signing in ---
def test_email_and_password_give_a_pair_of_tokens(client):
    UserFactory(email=ADA)

    answer = sign_in(client)

    assert answer.status_code == 200
    assert sorted(answer.json()) == ["access", "refresh"]


def test_an_answer_with_tokens_makes_no_session(client):
    UserFactory(email=ADA)

    answer = sign_in(client)

    assert not answer.cookies


def test_the_case_of_the_email_does_not_matter(client):
    UserFactory(email=ADA)

    answer = sign_in(client, "Ada@Example.COM")

    assert answer.status_code == 200


def test_a_password_with_blanks_at_its_ends_is_taken_as_it_is(client):
    user = UserFactory(email=ADA)
    user.set_password(" between blanks ")
    user.save()

    assert sign_in(client, password=" between blanks ").status_code == 200
    assert sign_in(client, password="between blanks").status_code == 401


def test_signing_in_by_token_is_a_sign_in(client):
    ada = UserFactory(email=ADA, last_login=None)

    sign_in(client)

    ada.refresh_from_db()
    assert ada.last_login is not None


def test_an_attempt_that_fails_is_no_sign_in(client):
    ada = UserFactory(email=ADA, last_login=None)

    sign_in(client, password="guess")

    ada.refresh_from_db()
    assert ada.last_login is None


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client, email):
    UserFactory(email=ADA)

    answer = sign_in(client, email, "guess")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "No account has this e-mail address and password.",
    }


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
def test_an_unknown_address_takes_as_much_work_as_a_wrong_password(client, hashings, email):
    UserFactory(email=ADA)
    hashings.clear()

    sign_in(client, email, "guess")

    assert hashings == ["guess"]


def test_a_blocked_account_gets_no_token(client):
    UserFactory(email=ADA, is_active=False)

    answer = sign_in(client)

    assert answer.status_code == 401
    assert "blocked" in answer.json()["detail"]


def test_that_an_account_is_blocked_is_told_only_to_one_who_knows_the_password(client):
    UserFactory(email=ADA, is_active=False)

    answer = sign_in(client, password="guess")

    assert answer.json()["detail"] == "No account has this e-mail address and password."


# --- Addresses that have to be confirmed ---
def test_where_addresses_are_verified_an_unconfirmed_one_gets_no_token_but_the_letter(
    client, settings, mailoutbox
):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    ada = UserFactory(email=ADA, last_login=None)

    answer = sign_in(client)

    assert answer.status_code == 401
    assert "not confirmed yet" in answer.json()["detail"]
    assert not OutstandingToken.objects.exists()
    assert "/accounts/confirm-email/" in mailoutbox[0].body
    ada.refresh_from_db()
    assert ada.last_login is None


def test_where_addresses_are_verified_a_confirmed_one_gets_tokens(client, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    UserFactory(email=ADA, verified=True)

    assert sign_in(client).status_code == 200


def test_another_confirmed_address_does_not_confirm_this_one(client, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    ada = UserFactory(email=ADA)
    EmailAddress.objects.create(user=ada, email="lovelace@example.com", verified=True, primary=True)

    assert sign_in(client, ADA).status_code == 401
    assert sign_in(client, "lovelace@example.com").status_code == 200


# --- A second factor ---
@pytest.fixture
def secret():
    return generate_totp_secret()


@pytest.fixture
def careful(secret):
    """A person with an authenticator app and recovery codes."""
    ada = UserFactory(email=ADA)
    TOTP.activate(ada, secret)
    RecoveryCodes.activate(ada)
    return ada


def test_an_account_with_a_second_factor_asks_for_its_code(client, careful):
    answer = sign_in(client)

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["code"]


def test_that_an_account_has_a_second_factor_is_told_only_to_one_who_knows_the_password(client, careful):
    assert sign_in(client, password="guess").status_code == 401


def test_the_code_of_the_app_gives_tokens_once(client, careful, secret):
    code = code_of(secret)

    assert sign_in(client, code=code).status_code == 200
    assert sign_in(client, code=code).status_code == 401


def test_a_recovery_code_gives_tokens_once(client, careful):
    stored = Authenticator.objects.get(user=careful, type=Authenticator.Type.RECOVERY_CODES)
    code = stored.wrap().get_unused_codes()[0]

    assert sign_in(client, code=code).status_code == 200
    assert sign_in(client, code=code).status_code == 401


def test_a_wrong_code_gives_no_tokens(client, careful):
    assert sign_in(client, code="000000").status_code == 401


def test_staff_who_must_have_a_second_factor_get_no_tokens_without_one(client, settings):
    settings.REQUIRE_STAFF_TWO_FACTOR = True
    UserFactory(email=ADA, staff=True)
    UserFactory(email="eve@example.com")

    answer = sign_in(client)

    assert answer.status_code == 401
    assert "/accounts/2fa/" in answer.json()["detail"]
    assert sign_in(client, "eve@example.com").status_code == 200


def test_staff_who_must_have_a_second_factor_renew_no_tokens_without_one(client, settings):
    user = UserFactory(email=ADA)
    settings.REQUIRE_STAFF_TWO_FACTOR = True
    refresh = sign_in(client).data["refresh"]

    user.is_staff = True
    user.save()
    answer = client.post("/api/v1/token/refresh/", {"refresh": refresh})

    assert answer.status_code == 401
    assert "/accounts/2fa/" in answer.data["detail"]


# --- The headers ---
@pytest.mark.parametrize("header", ["Authorization", "Authorize"])
def test_a_token_is_read_from_either_header(client, header):
    ada = UserFactory()

    answer = client.get(ME, headers={header: f"Bearer {AccessToken.for_user(ada)}"})

    assert answer.status_code == 200
    assert answer.json()["id"] == ada.pk


def test_the_names_of_the_headers_are_a_setting(client, settings):
    settings.API_AUTH_HEADERS = ["X-Token"]
    token = AccessToken.for_user(UserFactory())

    assert client.get(ME, headers={"X-Token": f"Bearer {token}"}).status_code == 200
    assert client.get(ME, headers={"Authorize": f"Bearer {token}"}).status_code == 401


def test_a_header_of_another_scheme_does_not_hide_the_token(client):
    ada = UserFactory()
    token = AccessToken.for_user(ada)

    answer = client.get(ME, headers={"Authorization": "Basic cHJveHk6eA==", "Authorize": f"Bearer {token}"})

    assert answer.json()["id"] == ada.pk


def test_a_browsers_session_opens_no_endpoint(client):
    client.force_login(UserFactory())

    assert client.get(ME).status_code == 401


def test_without_a_token_the_answer_says_how_to_sign_in(client):
    answer = client.get(ME)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer.json()["detail"] == "Authentication credentials were not provided."


# --- Renewing, checking, signing out ---
def test_a_refresh_token_buys_a_new_pair_once(client):
    first = str(RefreshToken.for_user(UserFactory()))

    renewed = client.post("/api/v1/token/refresh/", {"refresh": first})
    again = client.post("/api/v1/token/refresh/", {"refresh": first})

    assert renewed.status_code == 200
    assert sorted(renewed.json()) == ["access", "refresh"]
    assert renewed.json()["refresh"] != first
    assert again.status_code == 401
    assert again.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_the_new_pair_is_good(client):
    ada = UserFactory()

    pair = client.post("/api/v1/token/refresh/", {"refresh": str(RefreshToken.for_user(ada))}).json()

    assert client.get(ME, headers={"Authorization": f"Bearer {pair['access']}"}).json()["id"] == ada.pk
    assert client.post("/api/v1/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200


def test_after_signing_out_the_refresh_token_is_dead(client):
    refresh = str(RefreshToken.for_user(UserFactory()))

    signed_out = client.post("/api/v1/token/blacklist/", {"refresh": refresh})

    assert signed_out.status_code == 200
    assert client.post("/api/v1/token/refresh/", {"refresh": refresh}).status_code == 401
    assert client.post("/api/v1/token/verify/", {"token": refresh}).status_code == 401
    assert client.post("/api/v1/token/blacklist/", {"refresh": refresh}).status_code == 401


@pytest.mark.parametrize("kind", [AccessToken, RefreshToken])
def test_a_good_token_can_be_checked(client, kind):
    token = kind.for_user(UserFactory())

    answer = client.post("/api/v1/token/verify/", {"token": str(token)})

    assert (answer.status_code, answer.json()) == (200, {})


# --- Guessing is slow ---
def test_too_many_attempts_are_told_when_to_come_back(client, monkeypatch):
    monkeypatch.setitem(ScopedRateThrottle.THROTTLE_RATES, "token", "2/min")
    cache.clear()

    answers = [sign_in(client, password="guess") for _attempt in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1].headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61


def test_an_invented_proxy_does_not_make_another_visitor(client, monkeypatch):
    monkeypatch.setitem(ScopedRateThrottle.THROTTLE_RATES, "token", "2/min")
    cache.clear()

    answers = [
        client.post("/api/v1/token/", {}, headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(3)
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 429]


@pytest.fixture
def three_failures(settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/5m/key"}
    cache.clear()


def test_after_too_many_failures_the_right_password_waits_too(client, three_failures):
    UserFactory(email=ADA)
    for _attempt in range(3):
        sign_in(client, password="guess")

    answer = sign_in(client)

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) == 301
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_failures_by_token_and_in_the_browser_are_counted_together(client, three_failures):
    UserFactory(email=ADA)
    browser = {"login": ADA, "password": "guess"}

    client.post("/accounts/login/", browser, format="multipart")
    client.post("/accounts/login/", browser, format="multipart")
    by_token = [sign_in(client, password="guess").status_code for _attempt in range(2)]

    assert by_token == [401, 429]


def test_signing_in_is_no_failure(client, three_failures):
    UserFactory(email=ADA)

    answers = [sign_in(client).status_code for _attempt in range(5)]

    assert answers == [200] * 5


def test_guessing_codes_is_slow_too(client, careful, three_failures):
    answers = [sign_in(client, code="000000").status_code for _attempt in range(4)]

    assert answers == [401, 401, 401, 429]


def test_an_access_token_lives_for_minutes(client):
    lifetime = timedelta(seconds=AccessToken.for_user(UserFactory())["exp"]) - timedelta(
        seconds=AccessToken.for_user(UserFactory())["iat"]
    )

    assert lifetime <= timedelta(minutes=16)
