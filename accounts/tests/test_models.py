import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User, display_name
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def test_a_person_is_found_by_e_mail_address_in_any_spelling():
    user = User.objects.create_user("Ada@Example.COM", PASSWORD)

    assert user.email == "ada@example.com"
    assert User.objects.get_by_natural_key("ADA@example.com") == user
    assert user.check_password(PASSWORD)
    assert (user.is_staff, user.is_superuser) == (False, False)


def test_two_spellings_of_one_address_are_one_person():
    UserFactory(email="ada@example.com")

    with pytest.raises(IntegrityError), transaction.atomic():
        UserFactory(email="ADA@example.com")
    with pytest.raises(ValidationError, match="exists already"):
        User(email="Ada@example.com", password="x").full_clean()


def test_the_database_keeps_addresses_in_lower_case_whatever_the_door():
    user = UserFactory()

    with pytest.raises(IntegrityError, match="accounts_user_email_lower_case"), transaction.atomic():
        User.objects.filter(pk=user.pk).update(email="ADA@example.com")


def test_a_person_needs_an_address():
    with pytest.raises(ValueError, match="needs an e-mail address"):
        User.objects.create_user("", PASSWORD)


def test_a_superuser_may_everything():
    boss = User.objects.create_superuser("boss@example.com", PASSWORD)

    assert (boss.is_staff, boss.is_superuser) == (True, True)


def test_a_person_is_called_by_name_and_else_by_address():
    assert display_name(UserFactory.build(first_name="Ada")) == "Ada"
    assert display_name(UserFactory.build(first_name="", email="ada@example.com")) == "ada@example.com"
