"""To name a stranger's address as one's own gives no power over its owner."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db
ADA = "ada@example.com"
NEW = "tangerine-41-skies"


@pytest.fixture(autouse=True)
def addresses_are_confirmed(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


@pytest.fixture
def eve():
    """She has an account of her own, and has named Ada's address too."""
    user = UserFactory(email="eve@example.com", verified=True)
    EmailAddress.objects.create(user=user, email=ADA)
    return user


def by_api():
    APIClient().post("/api/v1/users/", {"email": "Ada@example.com", "password": NEW})


def by_browser():
    Client().post("/accounts/signup/", {"email": "Ada@example.com", "password1": NEW, "password2": NEW})


@pytest.mark.parametrize("sign_up", [by_api, by_browser])
def test_its_owner_signs_up_all_the_same(eve, mailoutbox, sign_up):
    sign_up()
    (mail,) = mailoutbox
    link = re.search(r"/accounts/confirm-email/[^/]+/", mail.body).group()
    Client().post(link)

    ada = User.objects.get(email=ADA)
    assert list(EmailAddress.objects.filter(email=ADA).values_list("user", "verified")) == [(ada.pk, True)]
    assert [row.email for row in EmailAddress.objects.filter(user=eve)] == ["eve@example.com"]


@pytest.mark.parametrize("sign_up", [by_api, by_browser])
def test_who_has_not_confirmed_the_only_address_keeps_it(sign_up):
    user = UserFactory(email=ADA)
    EmailAddress.objects.create(user=user, email=ADA, primary=True)

    sign_up()

    assert [row.user for row in EmailAddress.objects.filter(email=ADA)] == [user]


@pytest.mark.parametrize("sign_up", [by_api, by_browser])
def test_a_confirmed_address_is_kept(eve, sign_up):
    EmailAddress.objects.filter(email=ADA).update(verified=True)

    sign_up()

    assert [row.user for row in EmailAddress.objects.filter(email=ADA)] == [eve]
    assert not User.objects.filter(email=ADA).exists()
