"""What may stand in a name or a city: it is read in letters, in logs and by others."""

import pytest
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.core.exceptions import ValidationError
from rest_framework.test import APIClient

from accounts.adapter import SocialAccountAdapter
from accounts.models import User
from accounts.tests.factories import UserFactory
from accounts.validators import validate_one_line, validate_time_zone

pytestmark = pytest.mark.django_db
PASSWORD = "tangerine-41-skies"
HOSTILE = [
    "Ada\r\nBcc: eve@example.com",
    "Ada\nSubject: won",
    "Ada\u2028next line",
    "\u202eecila",
    "Ada\u2066Eve\u2069",
    "A\u200bda",
    "Ada\x1b[2J",
    "Ada\x85",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_line_break_or_a_character_that_hides_is_refused(name):
    with pytest.raises(ValidationError):
        validate_one_line(name)


@pytest.mark.parametrize(
    "name", ["", "Ada", "Анна-Мария", "O’Brien", "José Ángel", "صفورا", "می‌خواهم", "क्‍ष", "Ma 👩‍💻", "李小龍"]
)
def test_names_of_all_peoples_are_names(name):
    assert validate_one_line(name) is None


@pytest.mark.parametrize("field", ["first_name", "last_name", "city"])
def test_nobody_registers_with_such_a_name_by_the_api(field):
    sent = {"email": "ada@example.com", "password": PASSWORD, field: HOSTILE[0]}

    answer = APIClient().post("/api/v1/users/", sent)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not User.objects.exists()


@pytest.mark.parametrize("field", ["first_name", "last_name", "city"])
def test_nobody_takes_such_a_name_later(client, field):
    user, api = UserFactory(**{field: "Ada"}), APIClient()
    client.force_login(user)
    api.force_authenticate(user)

    page = client.post("/accounts/profile/", {field: HOSTILE[0]})
    answer = api.patch(f"/api/v1/users/{user.pk}/", {field: HOSTILE[0]})

    assert list(page.context["form"].errors) == [field]
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    user.refresh_from_db()
    assert getattr(user, field) == "Ada"


def test_nobody_signs_up_with_such_a_name(client):
    page = client.post(
        "/accounts/signup/",
        {
            "email": "ada@example.com",
            "password1": PASSWORD,
            "password2": PASSWORD,
            "first_name": HOSTILE[0],
        },
    )

    assert list(page.context["form"].errors) == ["first_name"]
    assert not User.objects.exists()


@pytest.mark.parametrize("path", ["/admin/accounts/user/{pk}/change/", "/cms/users/edit/{pk}/"])
def test_staff_give_nobody_such_a_name(client, path):
    user = UserFactory(first_name="Ada")
    client.force_login(UserFactory(superuser=True))

    client.post(path.format(pk=user.pk), {"email": user.email, "is_active": "on", "first_name": HOSTILE[0]})

    user.refresh_from_db()
    assert user.first_name == "Ada"


@pytest.mark.parametrize("name", HOSTILE)
def test_such_a_name_from_another_site_is_left_out(rf, name):
    login = SocialLogin(user=User(), account=SocialAccount(provider="github"))

    user = SocialAccountAdapter().populate_user(
        rf.get("/"), login, {"email": "ada@example.com", "first_name": name, "last_name": "Lovelace"}
    )

    assert (user.first_name, user.last_name) == ("", "Lovelace")


@pytest.mark.parametrize("zone", ["localtime", "Factory", "posixrules", "../../etc/localtime"])
def test_a_file_that_is_no_place_is_no_time_zone(zone):
    with pytest.raises(ValidationError):
        validate_time_zone(zone)
