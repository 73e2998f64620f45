"""Signing in by way of GitHub from the first click to the way back, with a stand-in for GitHub.

Which providers there are is known before the first test runs: test_social.py runs this module in a process of
its own, whose environment switches GitHub on and says that it stands on this machine.
"""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.conf import settings as configured

from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
CODE = "the-code-of-consent"
ADA = "ada@example.com"


@dataclass
class GitHub:
    """What the stand-in says of whoever consents, and what it was asked."""

    person: dict = field(default_factory=lambda: {"id": 7, "login": "ada", "name": "Ada Lovelace"})
    emails: list = field(
        default_factory=lambda: [{"email": ADA, "verified": True, "primary": True, "visibility": None}]
    )
    asked: list = field(default_factory=list)

    def answer(self, method, path, body, token):
        self.asked.append(f"{method} {path}")
        if path == "/login/oauth/access_token":
            given = parse_qs(body)
            is_ours = (given["client_id"], given["client_secret"]) == (["our-id"], ["our-secret"])
            if not is_ours or given["code"] != [CODE]:
                return 400, {"error": "bad_verification_code"}
            return 200, {"access_token": "a-token-of-github", "token_type": "bearer", "scope": "user:email"}
        if token != "token a-token-of-github":
            return 401, {"message": "Bad credentials"}
        return 200, {"/api/v3/user": self.person, "/api/v3/user/emails": self.emails}[path]


@pytest.fixture
def github() -> Iterator[GitHub]:
    stand_in = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            status, said = stand_in.answer(
                self.command, urlsplit(self.path).path, body, self.headers.get("Authorization")
            )
            written = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        do_POST = do_GET  # noqa: N815 - the names are the library's

        def log_message(self, *args):
            pass

    port = urlsplit(configured.SOCIALACCOUNT_PROVIDERS["github"]["GITHUB_URL"]).port
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield stand_in
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def mandatory(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def leave_for_github(client, process="login"):
    """Press the button; what GitHub is told."""
    sent = client.post(f"/accounts/github/login/?process={process}")
    assert sent.status_code == 302
    assert sent["Location"].startswith(
        configured.SOCIALACCOUNT_PROVIDERS["github"]["GITHUB_URL"] + "/login/oauth/authorize?"
    )
    return {name: values[0] for name, values in parse_qs(urlsplit(sent["Location"]).query).items()}


def come_back(client, state, code=CODE):
    return client.get("/accounts/github/login/callback/", {"code": code, "state": state})


def consent(client, process="login"):
    return come_back(client, leave_for_github(client, process)["state"])


def signed_in_as(client):
    return client.session.get("_auth_user_id")


# --- Who is new --------------------------------------------------------------------------------------------
def test_who_is_new_gets_an_account_with_the_address_that_github_confirmed(client, github):
    answer = consent(client)

    user = User.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, "/my/")
    assert signed_in_as(client) == str(user.pk)
    assert (user.email, user.has_usable_password()) == (ADA, False)
    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [(ADA, True, True)]
    assert github.asked == [
        "POST /login/oauth/access_token",
        "GET /api/v3/user",
        "GET /api/v3/user/emails",
    ]


def test_an_address_that_github_did_not_confirm_is_confirmed_by_letter(client, github, mailoutbox):
    github.emails[0]["verified"] = False

    answer = consent(client)

    assert answer["Location"] == "/accounts/confirm-email/"
    assert signed_in_as(client) is None
    assert list(EmailAddress.objects.values_list("email", "verified")) == [(ADA, False)]
    assert [mail.to for mail in mailoutbox] == [[ADA]]


def test_who_comes_again_enters_the_same_account(client, github):
    consent(client)
    client.post("/accounts/logout/")
    github.emails[0]["email"] = "another@example.com"

    consent(client)

    assert signed_in_as(client) == str(User.objects.get().pk)


def test_a_new_account_asks_github_for_no_more_than_it_needs(client, github):
    told = leave_for_github(client)

    assert told["scope"] == "user:email"
    assert told["client_id"] == "our-id"
    assert urlsplit(told["redirect_uri"]).path == "/accounts/github/login/callback/"


# --- Who is here already -----------------------------------------------------------------------------------
@pytest.mark.parametrize("is_confirmed_there", [True, False])
@pytest.mark.parametrize("is_confirmed_here", [True, False])
def test_an_account_that_is_here_is_not_taken_over_and_its_owner_is_told(
    client, github, mailoutbox, is_confirmed_there, is_confirmed_here
):
    user = UserFactory(email=ADA)
    EmailAddress.objects.create(user=user, email=ADA, verified=is_confirmed_here, primary=True)
    github.emails[0]["verified"] = is_confirmed_there

    answer = consent(client)

    assert answer["Location"] == "/accounts/confirm-email/"
    assert signed_in_as(client) is None
    assert not SocialAccount.objects.exists()
    assert list(User.objects.all()) == [user]
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [([ADA], "You have an account already")]


def test_its_owner_connects_the_two_with_the_password_and_then_signs_in_by_github(client, github, mailoutbox):
    user = UserFactory(email=ADA, verified=True)
    client.force_login(user)

    asked = consent(client, process="connect")
    were_connected = SocialAccount.objects.exists()
    client.post(asked["Location"], {"password": PASSWORD})
    client.post("/accounts/logout/")
    consent(client)

    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert not were_connected
    assert signed_in_as(client) == str(user.pk)
    assert [mail.subject for mail in mailoutbox] == ["An account was connected with yours"]


# --- Who is refused ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", ["", "forged", "another's"])
def test_who_comes_back_without_having_left_is_refused(client, client_of_another, github, state):
    if state == "another's":
        state = leave_for_github(client_of_another)["state"]
    leave_for_github(client)

    answer = come_back(client, state)

    assert answer.status_code == 401
    assert signed_in_as(client) is None
    assert not User.objects.exists()
    assert github.asked == []


@pytest.fixture
def client_of_another():
    from django.test import Client

    return Client()


def test_a_way_back_works_once(client, github):
    state = leave_for_github(client)["state"]
    come_back(client, state)
    client.post("/accounts/logout/")

    answer = come_back(client, state)

    assert answer.status_code == 401
    assert signed_in_as(client) is None


def test_a_code_that_github_does_not_know_signs_nobody_in(client, github):
    answer = come_back(client, leave_for_github(client)["state"], code="made-up")

    assert answer.status_code == 401
    assert not User.objects.exists()


def test_who_does_not_consent_is_led_back(client, github):
    state = leave_for_github(client)["state"]

    answer = client.get("/accounts/github/login/callback/", {"error": "access_denied", "state": state})

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/3rdparty/login/cancelled/")


def test_a_blocked_person_does_not_get_in(client, github):
    consent(client)
    client.post("/accounts/logout/")
    User.objects.update(is_active=False)

    answer = consent(client)

    assert answer["Location"] == "/accounts/inactive/"
    assert signed_in_as(client) is None


def test_github_is_no_way_round_the_second_factor(client, github):
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    consent(client)
    client.post("/accounts/logout/")
    TOTP.activate(User.objects.get(), generate_totp_secret())

    answer = consent(client)

    assert answer["Location"] == "/accounts/2fa/authenticate/"
    assert signed_in_as(client) is None


def test_an_address_in_capitals_is_kept_in_small_letters(client, github):
    github.emails[0]["email"] = "Ada@Example.COM"

    consent(client)

    assert User.objects.get().email == ADA
    assert EmailAddress.objects.get().email == ADA


def test_nothing_of_github_is_kept_that_could_be_used_there(client, github):
    consent(client)

    assert not re.search("a-token-of-github", json.dumps(SocialAccount.objects.get().extra_data))
