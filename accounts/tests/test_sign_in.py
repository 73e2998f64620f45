"""The browser's doors: sign up, sign in, confirm an address, reset a password, enter the admins."""

import re
from urllib.parse import quote

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import get_hasher
from django.test import Client

from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
NEW = {
    "first_name": "Ada",
    "email": "Ada@Example.com",
    "password1": "tangerine-41-skies",
    "password2": "tangerine-41-skies",
}


def test_a_visitor_signs_up_with_an_address_and_is_signed_in(client):
    answer = client.post("/accounts/signup/?next=/my/", NEW)

    assert (answer.status_code, answer["Location"]) == (302, "/my/")
    user = User.objects.get()
    assert (user.email, user.first_name) == ("ada@example.com", "Ada")
    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_weak_password_is_refused_with_the_reason_at_its_field(client):
    answer = client.post("/accounts/signup/", NEW | {"password1": "12345678", "password2": "12345678"})

    assert "entirely numeric" in str(answer.context["form"].errors["password1"])
    assert not User.objects.exists()


def test_where_addresses_are_verified_sign_up_waits_for_the_link(client, settings, mailoutbox):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"

    client.post("/accounts/signup/", NEW)
    assert "_auth_user_id" not in client.session
    link = re.search(r"http://localhost:8000(/accounts/confirm-email/\S+)", mailoutbox[0].body)[1]
    client.post(link)

    assert EmailAddress.objects.get().verified
    client.post("/accounts/login/", {"login": "ada@example.com", "password": NEW["password1"]})
    assert client.session["_auth_user_id"] == str(User.objects.get().pk)


@pytest.fixture
def hashings(monkeypatch):
    """What was hashed: it takes time that can be measured from afar."""
    hasher, seen = type(get_hasher()), []
    plain = hasher.encode

    def encode(self, password, salt, **options):
        seen.append(password)
        return plain(self, password, salt, **options)

    monkeypatch.setattr(hasher, "encode", encode)
    return seen


def test_where_addresses_are_verified_signing_up_does_not_tell_who_has_an_account(
    settings, mailoutbox, hashings
):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    UserFactory(email="ada@example.com", verified=True)
    hashings.clear()

    def sign_up(email):
        answer = Client().post("/accounts/signup/", NEW | {"email": email}, follow=True)
        page = re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r"\1", answer.content.decode())
        return answer.redirect_chain, page.replace(email, "their address")

    known, unknown = sign_up("ada@example.com"), sign_up("new@example.com")

    assert known == unknown
    assert hashings == [NEW["password1"]] * 2
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        (["ada@example.com"], "You have an account already"),
        (["new@example.com"], "Welcome: confirm your e-mail address"),
    ]


def test_a_forgotten_password_does_not_tell_who_has_an_account(mailoutbox):
    UserFactory(email="ada@example.com", verified=True)

    known, unknown = (
        Client().post("/accounts/password/reset/", {"email": email})
        for email in ("ada@example.com", "eve@x.org")
    )

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"], ["eve@x.org"]]


def test_a_letter_to_an_address_that_may_be_a_strangers_carries_no_words_of_who_signed_up(client, mailoutbox):
    words = "you have won: https://evil.example"
    client.post(
        "/accounts/signup/",
        {
            "first_name": words,
            "email": "stranger@example.com",
            "password1": "bright-orange-42",
            "password2": "bright-orange-42",
        },
    )
    Client().post("/accounts/password/reset/", {"email": "stranger@example.com"})

    assert len(mailoutbox) == 2
    assert not [mail for mail in mailoutbox if "evil.example" in mail.body]


def test_a_link_that_confirms_nothing_says_so_in_the_title_too(client):
    answer = client.get("/accounts/confirm-email/nonsense/")

    title = re.search(r"<title>(.*?)</title>", answer.content.decode(), re.DOTALL)[1]
    assert "This link no longer works" in title


def test_sign_in_is_by_address_in_any_spelling(client):
    user = UserFactory(email="ada@example.com", verified=True)

    client.post("/accounts/login/", {"login": "ADA@example.com", "password": PASSWORD})

    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_wrong_password_does_not_tell_whether_the_address_is_known(client):
    UserFactory(email="ada@example.com", verified=True)

    known = client.post("/accounts/login/", {"login": "ada@example.com", "password": "wrong"})
    unknown = client.post("/accounts/login/", {"login": "eve@example.com", "password": "wrong"})

    assert known.context["form"].errors == unknown.context["form"].errors
    assert "_auth_user_id" not in client.session


def test_a_blocked_person_does_not_get_in(client):
    UserFactory(email="ada@example.com", verified=True, is_active=False)

    client.post("/accounts/login/", {"login": "ada@example.com", "password": PASSWORD})

    assert "_auth_user_id" not in client.session


def test_a_forgotten_password_is_reset_by_a_mailed_link(client, mailoutbox):
    UserFactory(email="ada@example.com", verified=True)

    client.post("/accounts/password/reset/", {"email": "ada@example.com"})
    link = re.search(r"http://localhost:8000(/accounts/password/reset/key/\S+)", mailoutbox[0].body)[1]
    form = client.get(link, follow=True)
    client.post(form.request["PATH_INFO"], {"password1": "new-tangerine-42", "password2": "new-tangerine-42"})

    assert User.objects.get().check_password("new-tangerine-42")


@pytest.mark.parametrize("door", ["/cms/", "/admin/"])
def test_both_admins_are_entered_through_the_portals_sign_in(client, door):
    answer = client.get(door, follow=True)

    assert answer.request["PATH_INFO"] == "/accounts/login/"
    assert answer.request["QUERY_STRING"] == f"next={quote(door, safe='')}"


@pytest.mark.parametrize("door", ["/cms/", "/admin/"])
def test_an_administrator_enters_both_admins(client, door):
    client.force_login(UserFactory(superuser=True))

    assert client.get(door).status_code == 200


@pytest.mark.parametrize("door", ["/cms/", "/admin/"])
def test_a_member_enters_neither_admin(client, door):
    client.force_login(UserFactory())

    assert client.get(door).status_code == 302
    assert client.get(door, follow=True).status_code == 403


def test_nobody_is_sent_to_another_site_after_signing_in(client):
    UserFactory(email="ada@example.com", verified=True)

    answer = client.post(
        "/accounts/login/?next=https://evil.example/", {"login": "ada@example.com", "password": PASSWORD}
    )

    assert answer["Location"] == "/my/"
