"""One address, many who want it at once."""

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.core.cache import cache
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.crowd import all_at_once
from accounts.tests.factories import UserFactory

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ADA = "ada@example.com"
NEW = "tangerine-41-skies"


@pytest.fixture(autouse=True)
def limits(settings):
    settings.ACCOUNT_RATE_LIMITS = False
    cache.clear()


def by_api():
    return APIClient().post("/api/v1/users/", {"email": "Ada@example.com", "password": NEW}).status_code


def by_browser():
    sent = {"email": ADA, "password1": NEW, "password2": NEW}
    return Client(raise_request_exception=False).post("/accounts/signup/", sent).status_code


def test_sixteen_who_register_one_address_by_api_make_one_account(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "optional"

    answers = all_at_once(by_api)

    assert sorted(answers) == [201] + [400] * 15
    assert EmailAddress.objects.filter(email=ADA).count() == User.objects.filter(email=ADA).count() == 1


def test_where_addresses_are_confirmed_all_sixteen_get_the_same_answer(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"

    answers = all_at_once(by_api)

    assert answers == [201] * 16
    assert EmailAddress.objects.filter(email=ADA).count() == User.objects.filter(email=ADA).count() == 1


@pytest.mark.parametrize("verification", ["optional", "mandatory"])
def test_sixteen_who_sign_up_with_one_address_make_one_account_and_no_error(settings, verification):
    settings.ACCOUNT_EMAIL_VERIFICATION = verification

    answers = all_at_once(by_browser)

    assert set(answers) <= {200, 302}
    assert EmailAddress.objects.filter(email=ADA).count() == User.objects.filter(email=ADA).count() == 1


def test_of_sixteen_people_who_confirm_one_address_one_has_it():
    links = []
    for user in UserFactory.create_batch(16, verified=True):
        row = EmailAddress.objects.create(user=user, email="work@example.com")
        links.append(f"/accounts/confirm-email/{EmailConfirmationHMAC(row).key}/")

    def follow():
        return Client(raise_request_exception=False).post(links.pop()).status_code

    answers = all_at_once(follow)

    assert set(answers) <= {200, 302}
    assert EmailAddress.objects.filter(email="work@example.com", verified=True).count() == 1
