import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def environment(settings):
    settings.SUPERUSER_USERNAME = "Boss"
    settings.SUPERUSER_EMAIL = "Boss@Example.com"
    settings.SUPERUSER_PASSWORD = "correct-horse"


def test_the_superuser_of_the_environment_is_made_once(capsys):
    call_command("csu")
    call_command("csu")

    boss = User.objects.get()
    assert (boss.email, boss.first_name, boss.is_superuser) == ("boss@example.com", "Boss", True)
    assert boss.check_password("correct-horse")
    assert capsys.readouterr().out.splitlines() == [
        "Made the superuser boss@example.com.",
        "The superuser boss@example.com exists already.",
    ]


def test_a_password_changed_since_is_kept():
    call_command("csu")
    boss = User.objects.get()
    boss.set_password("changed-since")
    boss.save()

    call_command("csu")

    assert User.objects.get().check_password("changed-since")


def test_an_ordinary_account_is_not_promoted_by_accident():
    UserFactory(email="boss@example.com")

    with pytest.raises(CommandError, match="belongs to an ordinary account"):
        call_command("csu")
    assert not User.objects.get().is_superuser


@pytest.mark.parametrize("missing", ["SUPERUSER_EMAIL", "SUPERUSER_PASSWORD"])
def test_what_is_missing_is_named(settings, missing):
    setattr(settings, missing, "")

    with pytest.raises(CommandError, match="Set DJANGO_SUPERUSER_EMAIL and DJANGO_SUPERUSER_PASSWORD"):
        call_command("csu")


def test_a_wrong_address_is_named(settings):
    settings.SUPERUSER_EMAIL = "boss"

    with pytest.raises(CommandError, match="not an e-mail address: boss"):
        call_command("csu")
