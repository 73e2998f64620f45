"""Where a person is signed in, and signing out everywhere else."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts.services import tokens
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.views.account import browser

pytestmark = pytest.mark.django_db


def signed_in(user, **headers):
    client = Client(**headers)
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(user.pk)
    return client


def test_all_sessions_are_listed_and_ones_own_is_marked():
    user = UserFactory(verified=True)
    here = signed_in(user, HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko Firefox/145.0")
    signed_in(user, HTTP_USER_AGENT="curl/8.5", REMOTE_ADDR="203.0.113.7")
    signed_in(UserFactory(verified=True), HTTP_USER_AGENT="somebody else's")

    page = here.get("/accounts/sessions/")

    assert [session.browser for session in page.context["sessions"]] == ["Firefox on Linux", "curl/8.5"]
    assert page.content.decode().count("This one") == 1
    assert "203.0.113.7" in page.content.decode()


def test_sign_out_everywhere_else_ends_the_other_sessions_and_no_one_elses():
    user, other = UserFactory(verified=True), UserFactory(verified=True)
    here, there, others = signed_in(user), signed_in(user), signed_in(other)

    here.post("/accounts/sessions/")

    assert [client.get("/my/").status_code for client in (here, there, others)] == [200, 302, 200]


def test_sign_out_everywhere_else_ends_the_tokens_too():
    user, other = UserFactory(verified=True), UserFactory()
    now = timezone.now()
    mine = tokens.issue(user=user, at=now)
    others = tokens.issue(user=other, at=now)

    signed_in(user).post("/accounts/sessions/")

    for token in (mine, mine.access_token):
        with pytest.raises(tokens.TokenRefused, match="signed out"):
            tokens.check(str(token))
    with pytest.raises(tokens.TokenRefused, match="signed out"):
        tokens.renew(str(mine), at=now)
    assert tokens.holder(others.access_token) == other
    assert tokens.renew(str(others), at=now)


def test_a_changed_password_ends_the_other_sessions():
    user = UserFactory(verified=True)
    here, there = signed_in(user), signed_in(user)

    here.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": "new-tangerine-42", "password2": "new-tangerine-42"},
    )

    assert [client.get("/my/").status_code for client in (here, there)] == [200, 302]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Version/18.0 Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/140 Safari/604.1", "Chrome on iPhone"),
        ("python-requests/2.32", "python-requests/2.32"),
        ("", "Unknown browser"),
    ],
)
def test_browsers_are_called_as_people_call_them(said, shown):
    assert browser(said) == shown


def test_sessions_are_for_their_owner_only(client):
    assert client.get("/accounts/sessions/")["Location"].startswith("/accounts/login/")
