"""What happens to an account when an administrator changes its address or its password, at either door."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
ADA, LOVELACE = "ada@example.com", "lovelace@example.com"
NEW = "new-tangerine-42"


@pytest.fixture
def boss(client):
    user = UserFactory(superuser=True, email="boss@example.com")
    client.force_login(user)
    return user


@pytest.fixture
def ada():
    return UserFactory(email=ADA, verified=True)


def readdress_in_the_admin(client, user, email):
    return client.post(
        reverse("admin:accounts_user_change", args=[user.pk]), {"email": email, "is_active": "on"}
    )


def readdress_in_the_cms(client, user, email):
    return client.post(f"/cms/users/edit/{user.pk}/", {"email": email, "is_active": "on"})


def give_a_password_in_the_admin(client, user):
    return client.post(
        reverse("admin:auth_user_password_change", args=[user.pk]),
        {"password1": NEW, "password2": NEW, "usable_password": "true", "set-password": "1"},
    )


def give_a_password_in_the_cms(client, user):
    return client.post(
        f"/cms/users/edit/{user.pk}/",
        {"email": user.email, "is_active": "on", "password1": NEW, "password2": NEW},
    )


def take_the_password_in_the_admin(client, user):
    return client.post(
        reverse("admin:auth_user_password_change", args=[user.pk]),
        {"usable_password": "false", "unset-password": "1"},
    )


ADDRESS_DOORS = [readdress_in_the_admin, readdress_in_the_cms]
PASSWORD_DOORS = [give_a_password_in_the_admin, give_a_password_in_the_cms, take_the_password_in_the_admin]


def addresses(user):
    return list(
        EmailAddress.objects.filter(user=user).order_by("pk").values_list("email", "verified", "primary")
    )


# --- Another address ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("readdress", ADDRESS_DOORS)
def test_the_new_address_is_the_only_one_and_its_owner_has_to_confirm_it(boss, client, ada, readdress):
    EmailAddress.objects.create(user=ada, email="work@example.com", verified=True)

    answer = readdress(client, ada, "Lovelace@Example.com")

    assert answer.status_code == 302
    assert addresses(ada) == [(LOVELACE, False, True)]


@pytest.mark.parametrize("readdress", ADDRESS_DOORS)
def test_an_address_its_owner_had_confirmed_before_stays_confirmed(boss, client, ada, readdress):
    EmailAddress.objects.create(user=ada, email=LOVELACE, verified=True)

    readdress(client, ada, LOVELACE)

    assert addresses(ada) == [(LOVELACE, True, True)]


@pytest.mark.parametrize("readdress", ADDRESS_DOORS)
def test_the_former_address_opens_nothing_any_more(
    boss, client, ada, readdress, mailoutbox, django_capture_on_commit_callbacks
):
    visitor = Client()
    visitor.post("/accounts/password/reset/", {"email": ADA})
    link = re.search(r"/accounts/password/reset/key/\S+", mailoutbox.pop().body).group()

    readdress(client, ada, LOVELACE)
    visitor.post("/accounts/password/reset/", {"email": ADA})
    visitor.post("/accounts/login/", {"login": ADA, "password": PASSWORD})

    assert [mail.subject for mail in mailoutbox] == ["There is no account with this address"]
    assert "token_fail" in visitor.get(link, follow=True).context
    assert visitor.get("/accounts/profile/").status_code == 302
    tokens = APIClient().post("/api/v1/token/", {"email": ADA, "password": PASSWORD})
    assert tokens.status_code == 401


@pytest.mark.parametrize("readdress", ADDRESS_DOORS)
def test_the_former_addresses_are_told_and_not_of_the_new_one(
    boss, client, ada, readdress, mailoutbox, django_capture_on_commit_callbacks
):
    EmailAddress.objects.create(user=ada, email="work@example.com", verified=True)
    EmailAddress.objects.create(user=ada, email="stranger@example.com", verified=False)

    with django_capture_on_commit_callbacks(execute=True):
        readdress(client, ada, LOVELACE)

    assert [(mail.subject, mail.to) for mail in mailoutbox] == [
        ("Your account has another e-mail address", [ADA]),
        ("Your account has another e-mail address", ["work@example.com"]),
    ]
    assert LOVELACE not in mailoutbox[0].body
    assert "127.0.0.1" not in mailoutbox[0].body


@pytest.mark.parametrize("readdress", ADDRESS_DOORS)
def test_an_address_that_another_has_confirmed_is_refused(boss, client, ada, readdress):
    grace = UserFactory(email="grace@example.com", verified=True)
    EmailAddress.objects.create(user=grace, email=LOVELACE, verified=True)

    answer = readdress(client, ada, "LOVELACE@example.com")

    form = answer.context["form"] if "form" in answer.context else answer.context["adminform"].form
    assert (answer.status_code, list(form.errors)) == (200, ["email"])
    assert addresses(ada) == [(ADA, True, True)]
    assert User.objects.get(pk=ada.pk).email == ADA


@pytest.mark.parametrize("readdress", ADDRESS_DOORS)
def test_who_keeps_the_address_keeps_all_of_them_and_hears_nothing(
    boss, client, ada, readdress, mailoutbox, django_capture_on_commit_callbacks
):
    EmailAddress.objects.create(user=ada, email="work@example.com", verified=True)

    with django_capture_on_commit_callbacks(execute=True):
        readdress(client, ada, ADA)

    assert addresses(ada) == [(ADA, True, True), ("work@example.com", True, False)]
    assert mailoutbox == []


@pytest.mark.parametrize("path", ["/admin/accounts/user/add/", "/cms/users/new/"])
def test_nobody_is_made_with_an_address_that_another_has_confirmed(boss, client, ada, path):
    EmailAddress.objects.create(user=ada, email=LOVELACE, verified=True)

    answer = client.post(
        path,
        {"email": "Lovelace@example.com", "password1": NEW, "password2": NEW, "usable_password": "true"},
    )

    assert answer.status_code == 200
    assert not User.objects.filter(email=LOVELACE).exists()


# --- Another password --------------------------------------------------------------------------------------
@pytest.mark.parametrize("change", PASSWORD_DOORS)
def test_a_password_from_staff_signs_out_everywhere_and_its_owner_is_told(
    boss, client, ada, change, mailoutbox, django_capture_on_commit_callbacks
):
    browser, api = Client(), APIClient()
    browser.post("/accounts/login/", {"login": ADA, "password": PASSWORD})
    pair = api.post("/api/v1/token/", {"email": ADA, "password": PASSWORD}).json()
    assert browser.get("/accounts/profile/").status_code == 200

    with django_capture_on_commit_callbacks(execute=True):
        answer = change(client, ada)

    assert answer.status_code == 302
    assert browser.get("/accounts/profile/").status_code == 302
    assert api.post("/api/v1/token/verify/", {"token": pair["access"]}).status_code == 401
    assert api.post("/api/v1/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
    assert ada.usersession_set.count() == 0
    assert [(mail.subject, mail.to) for mail in mailoutbox] == [("Your password was changed by us", [ADA])]
    assert "127.0.0.1" not in mailoutbox[0].body
    assert "/accounts/password/reset/" in mailoutbox[0].body


@pytest.mark.parametrize("change", [give_a_password_in_the_admin, give_a_password_in_the_cms])
def test_administrators_who_change_their_own_stay_where_they_are(client, change):
    boss = UserFactory(superuser=True, email="boss@example.com", verified=True)
    elsewhere = Client()
    for browser in (client, elsewhere):
        browser.post("/accounts/login/", {"login": boss.email, "password": PASSWORD})

    change(client, boss)

    assert client.get("/accounts/profile/").status_code == 200
    assert elsewhere.get("/accounts/profile/").status_code == 302
    assert [row.session_key for row in boss.usersession_set.all()] == [client.session.session_key]


def test_address_and_password_at_once_are_told_at_the_former_address(
    boss, client, ada, mailoutbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        client.post(
            f"/cms/users/edit/{ada.pk}/",
            {"email": LOVELACE, "is_active": "on", "password1": NEW, "password2": NEW},
        )

    assert [(mail.subject, mail.to) for mail in mailoutbox] == [
        ("Your account has another e-mail address", [ADA]),
        ("Your password was changed by us", [LOVELACE]),
    ]


# --- Closed and opened again -------------------------------------------------------------------------------
def close_and_open_in_the_admin(client, user):
    for ticked in ({}, {"is_active": "on"}):
        client.post(reverse("admin:accounts_user_change", args=[user.pk]), {"email": user.email, **ticked})


def close_and_open_in_the_cms(client, user):
    for ticked in ({}, {"is_active": "on"}):
        client.post(f"/cms/users/edit/{user.pk}/", {"email": user.email, **ticked})


def close_and_open_in_the_list(client, user):
    for action in ("block", "open_again"):
        client.post(
            reverse("admin:accounts_user_changelist"), {"action": action, "_selected_action": [user.pk]}
        )


@pytest.mark.parametrize(
    "close_and_open", [close_and_open_in_the_admin, close_and_open_in_the_cms, close_and_open_in_the_list]
)
def test_what_was_signed_in_before_an_account_was_blocked_does_not_come_back(
    boss, client, ada, close_and_open
):
    browser, api = Client(), APIClient()
    browser.post("/accounts/login/", {"login": ADA, "password": PASSWORD})
    pair = api.post("/api/v1/token/", {"email": ADA, "password": PASSWORD}).json()

    close_and_open(client, ada)

    assert User.objects.get(pk=ada.pk).is_active
    assert browser.get("/accounts/profile/").status_code == 302
    assert api.post("/api/v1/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
