"""Security keys and passkeys: set up, asked for, and not to be replayed, borrowed or phished."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.services import second_factor
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.security_key import SecurityKey

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def strict_about_where_the_browser_is(settings):
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com", verified=True)


def plain(options):
    """What the script of a page reads: the bytes as text."""
    return json.loads(json.dumps(options, default=dict))


def set_up(client, user, key, **fields):
    client.force_login(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/webauthn/add/")
    said = key.register(plain(page.context["js_data"]["creation_options"]))
    return client.post("/accounts/2fa/webauthn/add/", {"name": "My key", "credential": said, **fields})


def asked_for_the_key(client, user):
    page = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD}, follow=True)
    assert page.request["PATH_INFO"] == "/accounts/2fa/authenticate/"
    return plain(page.context["js_data"]["request_options"])


def answer(client, said):
    return client.post("/accounts/2fa/authenticate/", {"credential": said})


def is_signed_in(client):
    return "_auth_user_id" in client.session


# --- Setting it up -----------------------------------------------------------------------------------------
def test_a_key_is_set_up_is_a_second_factor_and_brings_recovery_codes(client, ada):
    done = set_up(client, ada, SecurityKey())

    assert done["Location"] == "/accounts/2fa/recovery-codes/"
    assert second_factor.is_set_up(ada)
    assert [row.type for row in Authenticator.objects.order_by("pk")] == ["webauthn", "recovery_codes"]
    assert "My key" in client.get("/accounts/2fa/webauthn/").content.decode()


def test_a_key_that_answers_to_another_site_is_not_set_up(client, ada):
    set_up(client, ada, SecurityKey(origin="https://testserver.evil.example"))

    assert not Authenticator.objects.exists()


def test_what_a_key_said_once_sets_nothing_up_again(client, ada):
    key = SecurityKey()
    client.force_login(ada)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/webauthn/add/")
    said = key.register(plain(page.context["js_data"]["creation_options"]))
    client.get("/accounts/2fa/webauthn/add/")  # another question

    client.post("/accounts/2fa/webauthn/add/", {"name": "My key", "credential": said})

    assert not Authenticator.objects.exists()


def test_a_key_that_does_not_ask_who_holds_it_is_no_passkey(client, ada):
    set_up(client, ada, SecurityKey(verifies_user=False), passwordless="on")

    assert not Authenticator.objects.exists()


# --- Signing in --------------------------------------------------------------------------------------------
def test_password_and_key_sign_in(ada):
    key, browser = SecurityKey(), Client()
    set_up(Client(), ada, key)

    asked = asked_for_the_key(browser, ada)
    assert not is_signed_in(browser)
    answer(browser, key.sign(asked))

    assert is_signed_in(browser)


def test_another_key_does_not_sign_in(ada):
    key, other, browser = SecurityKey(), SecurityKey(), Client()
    set_up(Client(), ada, key)
    other.credential_id, other.user_handle = key.credential_id, key.user_handle

    answer(browser, other.sign(asked_for_the_key(browser, ada)))

    assert not is_signed_in(browser)


def test_a_key_of_somebody_else_does_not_sign_in(ada):
    key, eves, browser = SecurityKey(), SecurityKey(), Client()
    set_up(Client(), ada, key)
    set_up(Client(), UserFactory(verified=True), eves)

    answer(browser, eves.sign(asked_for_the_key(browser, ada)))

    assert not is_signed_in(browser)


def test_what_a_key_said_at_another_site_does_not_sign_in(ada):
    key, browser = SecurityKey(), Client()
    set_up(Client(), ada, key)
    key.origin = "https://evil.example"

    answer(browser, key.sign(asked_for_the_key(browser, ada)))

    assert not is_signed_in(browser)


def test_what_a_key_said_once_does_not_sign_in_again(ada):
    key, browser, thief = SecurityKey(), Client(), Client()
    set_up(Client(), ada, key)
    said = key.sign(asked_for_the_key(browser, ada))
    answer(browser, said)

    asked_for_the_key(thief, ada)
    answer(thief, said)

    assert (is_signed_in(browser), is_signed_in(thief)) == (True, False)


@pytest.mark.parametrize("said", ["", "{", "[]", "null", '"x"', "{}", '{"response": {"userHandle": null}}'])
@pytest.mark.parametrize("path", ["/accounts/2fa/authenticate/", "/accounts/2fa/webauthn/login/"])
def test_what_no_key_says_signs_nobody_in(ada, said, path):
    browser = Client()
    set_up(Client(), ada, SecurityKey())
    asked_for_the_key(browser, ada)

    done = browser.post(path, {"credential": said})

    assert done.status_code in (200, 302)
    assert not is_signed_in(browser)


# --- A passkey alone ---------------------------------------------------------------------------------------
def asked_for_a_passkey(client):
    page = client.get("/accounts/2fa/webauthn/login/", headers={"X-Requested-With": "XMLHttpRequest"})
    return page.json()["request_options"]


def test_a_passkey_signs_in_without_address_and_password(client, ada):
    key, browser = SecurityKey(), Client()
    set_up(client, ada, key, passwordless="on")

    browser.post("/accounts/2fa/webauthn/login/", {"credential": key.sign(asked_for_a_passkey(browser))})

    assert browser.session["_auth_user_id"] == str(ada.pk)


def test_a_passkey_that_names_somebody_else_signs_nobody_in(client, ada):
    key, eves, browser = SecurityKey(), SecurityKey(), Client()
    set_up(client, ada, key, passwordless="on")
    set_up(client, UserFactory(verified=True), eves, passwordless="on")
    eves.user_handle = key.user_handle

    browser.post("/accounts/2fa/webauthn/login/", {"credential": eves.sign(asked_for_a_passkey(browser))})

    assert not is_signed_in(browser)


def test_a_passkey_of_a_blocked_account_signs_nobody_in(client, ada):
    key, browser = SecurityKey(), Client()
    set_up(client, ada, key, passwordless="on")
    ada.is_active = False
    ada.save()

    browser.post("/accounts/2fa/webauthn/login/", {"credential": key.sign(asked_for_a_passkey(browser))})

    assert not is_signed_in(browser)
