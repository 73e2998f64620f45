"""Tokens that must not work: forged, outlived, taken back, used twice, or of the wrong kind."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from django.conf import settings as configured
from django.db import connection
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.services import tokens
from accounts.tests.factories import UserFactory

ME = "/api/v1/users/me/"
CROWD = 16
REFRESH = "/api/v1/token/refresh/"
VERIFY = "/api/v1/token/verify/"
BLACKLIST = "/api/v1/token/blacklist/"


@pytest.fixture
def client():
    return APIClient()


@pytest.fixture
def ada(db):
    return UserFactory(email="ada@example.com")


def ask(client, access):
    return client.get(ME, headers={"Authorization": f"Bearer {access}"})


def refused_everywhere(client, raw):
    """What the header and the three token endpoints answer to a token."""
    return [
        ask(client, raw).status_code,
        client.post(REFRESH, {"refresh": raw}).status_code,
        client.post(VERIFY, {"token": raw}).status_code,
        client.post(BLACKLIST, {"refresh": raw}).status_code,
    ]


# --- Forged ---
def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(token):
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(token.payload)}."


def with_other_key(token):
    return jwt.encode(token.payload, "another-key-that-is-long-enough-for-this", algorithm="HS256")


def with_other_algorithm(token):
    return jwt.encode(token.payload, configured.SECRET_KEY, algorithm="HS512")


def of_another_person(token):
    header, _payload, signature = str(token).split(".")
    return f"{header}.{part({**token.payload, 'user_id': '1'})}.{signature}"


def that_never_expires(token):
    payload = {name: value for name, value in token.payload.items() if name != "exp"}
    return jwt.encode(payload, configured.SECRET_KEY, algorithm="HS256")


def without_its_end(token):
    return str(token)[:-4]


def without_signature(token):
    return str(token).rpartition(".")[0] + "."


@pytest.mark.filterwarnings("ignore:The HMAC key is:jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("kind", [AccessToken, RefreshToken])
@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        with_other_key,
        with_other_algorithm,
        of_another_person,
        that_never_expires,
        without_its_end,
        without_signature,
    ],
)
def test_a_forged_token_opens_nothing(client, ada, forge, kind):
    forged = forge(kind.for_user(ada))

    assert refused_everywhere(client, forged) == [401] * 4


@pytest.mark.parametrize("raw", ["x", "a.b.c", "..", "ü.ü.ü", "0" * 10_000, "[]", "null"])
def test_what_is_no_token_at_all_is_refused(client, ada, raw):
    assert [
        client.post(REFRESH, {"refresh": raw}).status_code,
        client.post(VERIFY, {"token": raw}).status_code,
    ] == [
        401,
        401,
    ]
    assert (
        client.get(ME, headers={"Authorization": f"Bearer {raw}".encode().decode("latin-1")}).status_code
        == 401
    )


@pytest.mark.parametrize(
    "body", [{}, {"refresh": ""}, {"refresh": None}, {"refresh": ["x"]}, {"refresh": "\ud800"}]
)
def test_a_body_without_token_is_invalid_input(client, db, body):
    answer = client.post(REFRESH, json.dumps(body), content_type="application/json")

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["refresh"]


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "bearer x", "Token x"])
def test_a_header_of_another_form_is_no_credential(client, db, header):
    assert client.get(ME, headers={"Authorization": header}).status_code == 401


# --- Outlived, and of the wrong kind ---
def test_an_expired_access_token_opens_nothing(client, ada):
    token = AccessToken.for_user(ada)
    token.set_exp(lifetime=-timedelta(minutes=1))

    answer = ask(client, token)

    assert answer.status_code == 401
    assert answer.json()["detail"] == "Given token not valid for any token type"
    assert client.post(VERIFY, {"token": str(token)}).status_code == 401


def test_an_expired_refresh_token_buys_nothing(client, ada):
    token = RefreshToken.for_user(ada)
    token.set_exp(lifetime=-timedelta(minutes=1))

    assert client.post(REFRESH, {"refresh": str(token)}).status_code == 401


def test_an_access_token_buys_no_pair(client, ada):
    assert client.post(REFRESH, {"refresh": str(AccessToken.for_user(ada))}).status_code == 401


def test_a_refresh_token_opens_no_endpoint(client, ada):
    assert ask(client, RefreshToken.for_user(ada)).status_code == 401


# --- Taken back ---
def block(user):
    user.is_active = False
    user.save()


def delete(user):
    user.delete()


def change_password(user):
    user.set_password("another-tangerine-42")
    user.save()


@pytest.mark.parametrize("end", [block, delete, change_password])
def test_tokens_die_at_once_with_what_they_stood_for(client, ada, end):
    pair = client.post(REFRESH, {"refresh": str(RefreshToken.for_user(ada))}).json()
    assert ask(client, pair["access"]).status_code == 200

    end(ada)

    assert ask(client, pair["access"]).status_code == 401
    assert client.post(REFRESH, {"refresh": pair["refresh"]}).status_code == 401
    assert client.post(VERIFY, {"token": pair["access"]}).status_code == 401
    assert client.post(VERIFY, {"token": pair["refresh"]}).status_code == 401


def test_a_refusal_says_what_to_do(client, ada):
    access = AccessToken.for_user(ada)
    change_password(ada)

    answer = ask(client, access)

    assert answer.json()["detail"] == (
        "The password has been changed since this token was given; sign in again."
    )


def test_a_password_changed_in_the_browser_ends_the_tokens(client, ada):
    access = AccessToken.for_user(ada)
    browser = APIClient()
    browser.force_login(ada)
    new = "another-tangerine-42"

    browser.post(
        "/accounts/password/change/",
        {"oldpassword": "correct-horse-battery", "password1": new, "password2": new},
        format="multipart",
    )

    ada.refresh_from_db()
    assert ada.check_password(new)
    assert ask(client, access).status_code == 401


def test_tokens_of_others_live_on(client, ada):
    others = AccessToken.for_user(UserFactory())

    change_password(ada)
    block(ada)

    assert ask(client, others).status_code == 200


def test_signing_all_tokens_out_leaves_those_of_others(client, ada):
    mine = [str(RefreshToken.for_user(ada)) for _device in range(2)]
    others = str(RefreshToken.for_user(UserFactory()))

    tokens.end_all(user=ada)
    tokens.end_all(user=ada)

    assert [client.post(REFRESH, {"refresh": raw}).status_code for raw in mine] == [401, 401]
    assert client.post(REFRESH, {"refresh": others}).status_code == 200


# --- Used twice ---
def test_a_used_refresh_token_is_on_the_black_list(client, ada):
    used = RefreshToken.for_user(ada)

    client.post(REFRESH, {"refresh": str(used)})

    assert list(BlacklistedToken.objects.values_list("token__jti", flat=True)) == [used["jti"]]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_sixteen_who_use_a_refresh_token_at_once_one_wins():
    refresh = str(RefreshToken.for_user(UserFactory()))
    start = threading.Barrier(CROWD)

    def renew():
        start.wait()
        try:
            return APIClient().post(REFRESH, {"refresh": refresh}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(CROWD) as pool:
        answers = [future.result() for future in [pool.submit(renew) for _thread in range(CROWD)]]

    assert sorted(answers) == [200] + [401] * (CROWD - 1)
    assert OutstandingToken.objects.count() == 2
    assert BlacklistedToken.objects.count() == 1
