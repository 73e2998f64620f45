"""Letters about the account itself: where their links lead, and what their owners are told of."""

import re
import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.test import Client
from rest_framework.test import APIClient

from accounts import tasks
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
ADA = "ada@example.com"
NEW_PASSWORD = {"password1": "new-tangerine-42", "password2": "new-tangerine-42"}
HOME = "https://portal.example.com"


@pytest.fixture(autouse=True)
def portal(settings):
    settings.PORTAL_BASE_URL = HOME
    settings.ALLOWED_HOSTS = ["*"]
    settings.USE_X_FORWARDED_HOST = True


@pytest.fixture
def ada():
    return UserFactory(email=ADA, verified=True)


def shown_pages(mail):
    """The text of a letter and its page."""
    (page,) = [content for content, kind in mail.alternatives if kind == "text/html"]
    return mail.body, page


def links(mail):
    text, page = shown_pages(mail)
    return set(re.findall(r"https?://[^\s\"<]+", text)) | set(re.findall(r'href="([^"]+)"', page))


# --- Links lead home ---------------------------------------------------------------------------------------
def ask_for_a_password(client, settings):
    UserFactory(email=ADA, verified=True)
    client.post("/accounts/password/reset/", {"email": ADA})


def ask_for_a_password_of_nobody(client, settings):
    client.post("/accounts/password/reset/", {"email": ADA})


def sign_up(client, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    client.post("/accounts/signup/", {"email": ADA, **NEW_PASSWORD})


def sign_up_with_a_known_address(client, settings):
    UserFactory(email=ADA, verified=True)
    sign_up(client, settings)


def register_by_api(client, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    APIClient(**client.defaults).post("/api/v1/users/", {"email": ADA, "password": "new-tangerine-42"})


def ask_to_open_a_blocked_account(client, settings):
    UserFactory(email=ADA, is_active=False, blocked_for_inactivity_at="2026-05-01T00:00:00Z")
    client.post("/accounts/reactivate/", {"email": ADA})
    tasks.send_due_messages()


@pytest.mark.parametrize("header", ["HTTP_HOST", "HTTP_X_FORWARDED_HOST"])
@pytest.mark.parametrize(
    ("act", "path"),
    [
        (ask_for_a_password, "/accounts/password/reset/key/"),
        (ask_for_a_password_of_nobody, "/accounts/signup/"),
        (sign_up, "/accounts/confirm-email/"),
        (sign_up_with_a_known_address, "/accounts/password/reset/"),
        (register_by_api, "/accounts/confirm-email/"),
        (ask_to_open_a_blocked_account, "/accounts/reactivate/"),
    ],
)
def test_links_lead_to_the_portal_whatever_host_was_asked(settings, mailoutbox, header, act, path):
    act(Client(**{header: "evil.example"}), settings)

    (mail,) = mailoutbox
    assert all(link == HOME or link.startswith(f"{HOME}/accounts/") for link in links(mail))
    assert any(link.startswith(f"{HOME}{path}") for link in links(mail))
    assert "evil.example" not in "".join(shown_pages(mail))


def test_the_link_of_a_letter_opens(client, ada, mailoutbox):
    client.post("/accounts/password/reset/", {"email": ADA})
    (link,) = [link for link in links(mailoutbox[0]) if "/reset/key/" in link]

    form = client.get(link.removeprefix(HOME), follow=True)
    client.post(form.request["PATH_INFO"], NEW_PASSWORD)

    assert User.objects.get().check_password("new-tangerine-42")


# --- What one is told of -----------------------------------------------------------------------------------
def at_the_keyboard(client, user):
    """Signed in, and the password shown a moment ago."""
    client.force_login(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def change_the_password(client):
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **NEW_PASSWORD})


def remove_an_address(client):
    EmailAddress.objects.create(user=User.objects.get(), email="old@example.com", verified=True)
    client.post("/accounts/email/", {"email": "old@example.com", "action_remove": ""})


def sign_in_by_another_address(client):
    EmailAddress.objects.create(user=User.objects.get(), email="new@example.com", verified=True)
    client.post("/accounts/email/", {"email": "new@example.com", "action_primary": ""})


def set_up_an_app(client):
    secret = client.get("/accounts/2fa/totp/activate/").context["form"].secret
    code = totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))
    client.post("/accounts/2fa/totp/activate/", {"code": code})


def turn_the_app_off(client):
    totp.TOTP.activate(User.objects.get(), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    client.post("/accounts/2fa/totp/deactivate/")


def make_new_recovery_codes(client):
    totp.TOTP.activate(User.objects.get(), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    client.post("/accounts/2fa/recovery-codes/generate/")


@pytest.mark.parametrize(
    ("act", "subjects"),
    [
        (change_the_password, ["Your password was changed"]),
        (remove_an_address, ["An e-mail address was removed"]),
        (sign_in_by_another_address, ["Your e-mail address was changed"]),
        (set_up_an_app, ["An authenticator app was set up"]),
        (turn_the_app_off, ["The authenticator app was turned off"]),
        (make_new_recovery_codes, ["New recovery codes were made"]),
    ],
)
def test_owners_are_told_of_what_was_done_to_their_account(
    client, ada, mailoutbox, act, subjects, django_capture_on_commit_callbacks
):
    at_the_keyboard(client, ada)

    with django_capture_on_commit_callbacks(execute=True):
        act(client)

    assert [(mail.subject, mail.to) for mail in mailoutbox] == [(subject, [ADA]) for subject in subjects]


def test_a_password_reset_by_link_is_told_of_too(client, ada, mailoutbox):
    client.post("/accounts/password/reset/", {"email": ADA})
    (link,) = [link for link in links(mailoutbox.pop()) if "/reset/key/" in link]
    form = client.get(link.removeprefix(HOME), follow=True)

    client.post(form.request["PATH_INFO"], NEW_PASSWORD)

    assert [mail.subject for mail in mailoutbox] == ["Your password was reset"]


def test_a_notice_says_what_where_from_and_what_to_do(ada, mailoutbox):
    client = Client(HTTP_USER_AGENT="<b>Firefox</b> https://evil.example", REMOTE_ADDR="203.0.113.7")
    at_the_keyboard(client, ada)

    change_the_password(client)

    text, page = shown_pages(mailoutbox[0])
    for words in (
        "Your password was changed.",
        "If it was not, choose a new password at once",
        "203.0.113.7",
    ):
        assert words in text
        assert words in page
    assert "<b>Firefox</b>" in text
    assert "&lt;b&gt;Firefox&lt;/b&gt;" in page
    assert set(re.findall(r'href="([^"]+)"', page)) == {HOME, f"{HOME}/accounts/password/reset/"}


def test_a_notice_is_in_the_language_of_its_reader(client, mailoutbox):
    user = UserFactory(email=ADA, verified=True, language="ru")
    at_the_keyboard(client, user)

    change_the_password(client)

    assert re.search("[а-я]", mailoutbox[0].subject)
    assert '<html lang="ru">' in shown_pages(mailoutbox[0])[1]


def test_what_was_done_stays_done_when_the_notice_cannot_be_sent(client, ada, settings, caplog):
    at_the_keyboard(client, ada)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1  # nobody listens there

    answer = client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **NEW_PASSWORD})

    assert answer.status_code == 302
    assert User.objects.get().check_password("new-tangerine-42")
    assert "The notice account/email/password_changed" in caplog.text


# --- Not without the password ------------------------------------------------------------------------------
def add_an_address(client):
    return client.post("/accounts/email/", {"email": "eve@example.com", "action_add": ""})


def make_another_primary(client):
    return client.post("/accounts/email/", {"email": "old@example.com", "action_primary": ""})


def remove_another(client):
    return client.post("/accounts/email/", {"email": "old@example.com", "action_remove": ""})


@pytest.mark.parametrize("act", [add_an_address, make_another_primary, remove_another])
def test_addresses_change_only_once_the_password_was_shown(client, ada, act):
    EmailAddress.objects.create(user=ada, email="old@example.com", verified=True)
    before = list(EmailAddress.objects.values_list("email", "primary").order_by("pk"))
    client.force_login(ada)

    answer = act(client)

    assert answer["Location"] == "/accounts/reauthenticate/?next=%2Faccounts%2Femail%2F"
    assert list(EmailAddress.objects.values_list("email", "primary").order_by("pk")) == before

    client.post(answer["Location"], {"password": PASSWORD})
    assert list(EmailAddress.objects.values_list("email", "primary").order_by("pk")) != before


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/totp/deactivate/",
        "/accounts/2fa/recovery-codes/generate/",
        "/accounts/2fa/webauthn/add/",
    ],
)
def test_second_factors_are_shown_and_changed_only_once_the_password_was_shown(client, ada, path):
    totp.TOTP.activate(ada, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    client.force_login(ada)

    answers = [client.get(path), client.post(path)]

    assert [answer["Location"].split("?")[0] for answer in answers] == ["/accounts/reauthenticate/"] * 2
    assert Authenticator.objects.filter(user=ada).count() == 1


@pytest.mark.parametrize("path", ["", "download/"])
def test_recovery_codes_are_shown_only_once_the_password_was_shown(client, ada, path):
    totp.TOTP.activate(ada, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    codes = RecoveryCodes.activate(ada).get_unused_codes()
    client.force_login(ada)

    refused = client.get(f"/accounts/2fa/recovery-codes/{path}")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get(f"/accounts/2fa/recovery-codes/{path}").content.decode()

    assert refused["Location"].startswith("/accounts/reauthenticate/")
    assert [code in page for code in codes] == [True] * 10
