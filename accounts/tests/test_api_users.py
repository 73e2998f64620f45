"""People by API: registering, finding each other, changing and deleting oneself."""

import json
from datetime import timedelta
from io import BytesIO

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.hashers import get_hasher
from django.core.cache import cache
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import tokens
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
USERS = "/api/v1/users/"
ADA = "ada@example.com"
NEW = {
    "email": "Ada@Example.com",
    "password": "tangerine-41-skies",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "phone": "+34911234567",
    "city": "London",
}
FACTS = {**{name: value for name, value in NEW.items() if name != "password"}, "email": ADA}


def client_of(user=None):
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


@pytest.fixture
def ada():
    return UserFactory(email=ADA, first_name="Ada", last_name="Lovelace", city="London", phone="+34911234567")


@pytest.fixture
def mandatory(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def picture(form="PNG"):
    written = BytesIO()
    Image.new("RGB", (30, 20), "red").save(written, form)
    written.seek(0)
    written.name = "me.png"
    return written


# --- Registering ---
def test_everybody_may_register_and_sign_in_at_once():
    answer = client_of().post(USERS, NEW)

    user = User.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {"id": user.pk, **FACTS}
    assert {name: getattr(user, name) for name in FACTS} == FACTS
    pair = client_of().post("/api/v1/token/", {"email": ADA, "password": NEW["password"]})
    assert pair.status_code == 200


def test_registering_makes_the_address_one_to_confirm_and_sends_the_link(mailoutbox):
    client_of().post(USERS, NEW)

    address = EmailAddress.objects.get()
    assert (address.email, address.verified, address.primary) == (ADA, False, True)
    assert [letter.to for letter in mailoutbox] == [[ADA]]
    assert "/accounts/confirm-email/" in mailoutbox[0].body


def test_registering_is_not_signing_in():
    answer = client_of().post(USERS, NEW)

    assert not answer.cookies
    assert User.objects.get().last_login is None


def test_e_mail_and_password_are_enough():
    answer = client_of().post(USERS, {"email": ADA, "password": NEW["password"]})

    assert answer.status_code == 201
    assert User.objects.get().first_name == ""


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("email", "ada", "valid email"),
        ("email", "", "blank"),
        ("password", "12345678", "entirely numeric"),
        ("password", "short1", "too short"),
        ("password", "password1", "too common"),
        ("password", "ada@example.com", "too similar"),
        ("password", "lovelace1", "too similar to the last name"),
        ("phone", "911 23 45 67", "+34911234567"),
        ("phone", "+3491", "+34911234567"),
        ("first_name", "x" * 151, "150"),
        ("city", "x" * 121, "120"),
    ],
)
def test_what_the_browser_refuses_the_api_refuses_at_its_field(field, value, reason):
    answer = client_of().post(USERS, {**NEW, field: value})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert reason in " ".join(answer.json()["errors"][field])
    assert not User.objects.exists()


@pytest.mark.parametrize("field", ["email", "password"])
def test_what_is_missing_is_named(field):
    answer = client_of().post(USERS, {name: value for name, value in NEW.items() if name != field})

    assert answer.json()["errors"] == {field: ["This field is required."]}


def test_nobody_registers_with_rights():
    client_of().post(
        USERS, {**NEW, "is_staff": True, "is_superuser": True, "id": 1_000_000, "is_active": False}
    )

    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)
    assert user.pk != 1_000_000


def test_a_known_address_is_told_where_addresses_are_not_confirmed(ada):
    answer = client_of().post(USERS, NEW)

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["email"]


def test_an_expired_token_does_not_keep_anybody_from_registering():
    answer = client_of().post(USERS, NEW, headers={"Authorization": "Bearer expired"})

    assert answer.status_code == 201


def test_where_addresses_are_confirmed_a_known_one_gets_the_same_answer_and_its_owner_a_letter(
    mandatory, mailoutbox, ada
):
    fresh = client_of().post(USERS, {**NEW, "email": "new@example.com"})
    known = client_of().post(USERS, NEW)

    assert (fresh.status_code, known.status_code) == (201, 201)
    assert fresh.json() == {**FACTS, "email": "new@example.com"}
    assert known.json() == FACTS
    assert list(fresh.headers) == list(known.headers)
    assert (fresh.cookies, known.cookies) == ({}, {})
    assert [letter.to for letter in mailoutbox] == [["new@example.com"], [ADA]]
    assert "has an account already" in mailoutbox[1].body
    assert User.objects.filter(email=ADA).count() == 1


def test_where_addresses_are_confirmed_a_known_one_changes_nothing_of_its_owner(mandatory, ada):
    client_of().post(USERS, {**NEW, "first_name": "Eve", "city": "Paris"})

    ada.refresh_from_db()
    assert (ada.first_name, ada.city) == ("Ada", "London")
    assert ada.check_password(PASSWORD)


@pytest.mark.parametrize("email", [ADA, "new@example.com"])
def test_a_known_address_takes_as_much_work_as_a_new_one(mandatory, ada, monkeypatch, email):
    hasher, hashed = type(get_hasher()), []
    plain = hasher.encode

    def encode(self, password, salt, **options):
        hashed.append(password)
        return plain(self, password, salt, **options)

    monkeypatch.setattr(hasher, "encode", encode)

    client_of().post(USERS, {**NEW, "email": email})

    assert hashed == [NEW["password"]]


def test_where_addresses_are_confirmed_a_wrong_field_is_told_whether_or_not_the_address_is_known(
    mandatory, ada
):
    known = client_of().post(USERS, {**NEW, "password": "12345678"})
    fresh = client_of().post(USERS, {**NEW, "email": "new@example.com", "password": "12345678"})

    assert known.json() == fresh.json()
    assert known.status_code == 400


def test_an_owner_gets_one_letter_however_often_a_stranger_tries(mandatory, settings, mailoutbox, ada):
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": "1/3m/key"}
    cache.clear()

    for _attempt in range(3):
        client_of().post(USERS, NEW)

    assert len(mailoutbox) == 1


def test_registrations_are_limited_together_with_those_in_the_browser(settings):
    settings.ACCOUNT_RATE_LIMITS = {"signup": "2/m/ip"}
    cache.clear()

    answers = [client_of().post(USERS, {**NEW, "email": f"ada{n}@example.com"}) for n in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[-1].headers["Retry-After"] == "61"


# --- Finding people ---
def test_a_list_tells_the_public_facts_and_nothing_else(ada):
    eve = UserFactory(email="eve@example.com", first_name="Eve", city="Paris")

    answer = client_of(ada).get(USERS)

    assert answer.json() == {
        "count": 2,
        "next": None,
        "previous": None,
        "results": [
            {"id": ada.pk, "first_name": "Ada", "city": "London", "avatar": None},
            {"id": eve.pk, "first_name": "Eve", "city": "Paris", "avatar": None},
        ],
    }


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ada", ["Ada"]),
        ("LONDON", ["Ada"]),
        ("paris eve", ["Eve"]),
        ("ada paris", []),
        ("юлия", ["Юлия"]),
        ("lovelace", []),
        ("example.com", []),
        ("34911", []),
        ("", ["Ada", "Eve", "Юлия"]),
    ],
)
def test_people_are_found_by_first_name_and_city_and_by_nothing_private(ada, search, found):
    UserFactory(first_name="Eve", city="Paris", email="eve@example.com")
    UserFactory(first_name="Юлия", city="Москва", email="julia@example.com")

    answer = client_of(ada).get(USERS, {"search": search})

    assert [row["first_name"] for row in answer.json()["results"]] == found


def test_blocked_people_are_not_listed(ada):
    UserFactory(is_active=False)

    assert client_of(ada).get(USERS).json()["count"] == 1


@pytest.mark.parametrize("query", [{"email": ADA}, {"is_active": "false"}, {"ordering": "email"}])
def test_an_unknown_filter_is_refused(ada, query):
    answer = client_of(ada).get(USERS, query)

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == list(query)


@pytest.mark.parametrize("rows", [1, 30])
def test_a_list_of_thirty_takes_as_many_queries_as_one_of_one(rows, django_assert_num_queries):
    people = UserFactory.create_batch(rows)

    with django_assert_num_queries(2):
        answer = client_of(people[0]).get(USERS, {"page_size": 30})

    assert len(answer.json()["results"]) == rows


# --- One profile ---
def test_ones_own_profile_tells_everything(ada):
    for path in (f"{USERS}me/", f"{USERS}{ada.pk}/"):
        answer = client_of(ada).get(path)

        assert answer.json() == {
            "id": ada.pk,
            "email": ADA,
            "first_name": "Ada",
            "last_name": "Lovelace",
            "phone": "+34911234567",
            "city": "London",
            "avatar": None,
            "language": "",
            "time_zone": "",
            "date_joined": answer.json()["date_joined"],
            "last_login": None,
            "payments": [],
        }


@pytest.mark.parametrize("trait", [{}, {"staff": True}, {"superuser": True}])
def test_another_profile_tells_the_public_facts_to_everybody(ada, trait):
    answer = client_of(UserFactory(**trait)).get(f"{USERS}{ada.pk}/")

    assert answer.json() == {"id": ada.pk, "first_name": "Ada", "city": "London", "avatar": None}


def test_a_blocked_person_is_not_there(ada):
    blocked = UserFactory(is_active=False)

    for method in ("get", "put", "patch", "delete"):
        assert getattr(client_of(ada), method)(f"{USERS}{blocked.pk}/").status_code == 404


@pytest.mark.parametrize("path", [USERS, f"{USERS}me/", f"{USERS}1/"])
def test_visitors_see_nobody(path):
    assert client_of().get(path).status_code == 401


# --- Changing oneself ---
@pytest.mark.parametrize("method", ["put", "patch"])
def test_people_change_their_own_profile(ada, method):
    facts = {"city": "Paris", "phone": "+33142685300", "language": "ru", "time_zone": "Europe/Paris"}

    answer = getattr(client_of(ada), method)(f"{USERS}{ada.pk}/", facts)

    ada.refresh_from_db()
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in facts} == facts
    assert {name: getattr(ada, name) for name in facts} == facts
    assert ada.first_name == "Ada"


@pytest.mark.parametrize("trait", [{}, {"staff": True}, {"superuser": True}])
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nobody_changes_or_deletes_another(ada, method, trait):
    answer = getattr(client_of(UserFactory(**trait)), method)(f"{USERS}{ada.pk}/", {"city": "Paris"})

    assert answer.status_code == 403
    ada.refresh_from_db()
    assert (ada.city, ada.is_active) == ("London", True)


@pytest.mark.parametrize(
    ("field", "value"),
    [("phone", "911"), ("time_zone", "Mars/Olympus"), ("language", "xx"), ("first_name", "x" * 151)],
)
def test_a_wrong_value_is_refused_at_its_field(ada, field, value):
    answer = client_of(ada).patch(f"{USERS}{ada.pk}/", {field: value})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("email", "eve@example.com", "/accounts/email/"),
        ("password", "another-tangerine-42", "/accounts/password/change/"),
    ],
)
def test_what_is_changed_on_the_site_is_refused_with_the_way_there(ada, field, value, remedy):
    answer = client_of(ada).patch(f"{USERS}{ada.pk}/", {field: value, "city": "Paris"})

    ada.refresh_from_db()
    assert answer.status_code == 400
    assert remedy in answer.json()["errors"][field][0]
    assert (ada.email, ada.city) == (ADA, "London")
    assert ada.check_password(PASSWORD)


def test_nobody_gives_themselves_rights(ada):
    rights = {
        "is_staff": True,
        "is_superuser": True,
        "groups": [1],
        "date_joined": "2000-01-01",
        "id": 1_000_000,
    }

    client_of(ada).patch(f"{USERS}{ada.pk}/", rights)

    user = User.objects.get()
    assert (user.pk, user.is_staff, user.is_superuser, user.date_joined) == (
        ada.pk,
        False,
        False,
        ada.date_joined,
    )


def test_an_answer_can_be_sent_back_unchanged(ada):
    client = client_of(ada)
    client.patch(f"{USERS}{ada.pk}/", {"avatar": picture()}, format="multipart")
    profile = client.get(f"{USERS}me/").json()

    answer = client.put(f"{USERS}{ada.pk}/", profile)

    assert answer.status_code == 200
    assert answer.json() == profile


# --- The avatar ---
def test_an_avatar_is_uploaded_by_a_multipart_form(ada):
    answer = client_of(ada).patch(
        f"{USERS}{ada.pk}/", {"avatar": picture(), "city": "Paris"}, format="multipart"
    )

    ada.refresh_from_db()
    assert answer.status_code == 200
    assert answer.json()["avatar"] == f"http://testserver{ada.avatar.url}"
    assert "me" not in ada.avatar.name.rpartition("/")[2][:3]
    assert Image.open(ada.avatar).format == "WEBP"
    assert ada.city == "Paris"


def test_a_new_avatar_replaces_the_file_of_the_old_one(ada, django_capture_on_commit_callbacks):
    client = client_of(ada)
    client.patch(f"{USERS}{ada.pk}/", {"avatar": picture()}, format="multipart")
    former = User.objects.get().avatar

    with django_capture_on_commit_callbacks(execute=True):
        client.patch(f"{USERS}{ada.pk}/", {"avatar": picture()}, format="multipart")

    assert not former.storage.exists(former.name)
    assert User.objects.get().avatar.name != former.name


@pytest.mark.parametrize(("body", "form"), [({"avatar": None}, "json"), ({"avatar": ""}, "multipart")])
def test_an_avatar_is_taken_away(ada, body, form):
    client = client_of(ada)
    client.patch(f"{USERS}{ada.pk}/", {"avatar": picture()}, format="multipart")

    answer = client.patch(f"{USERS}{ada.pk}/", body, format=form)

    assert answer.json()["avatar"] is None
    assert not User.objects.get().avatar


def test_what_is_no_picture_is_refused(ada):
    file = BytesIO(b"<svg onload='alert(1)'/>")
    file.name = "me.png"

    answer = client_of(ada).patch(f"{USERS}{ada.pk}/", {"avatar": file, "city": "Paris"}, format="multipart")

    ada.refresh_from_db()
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["avatar"]
    assert (ada.city, bool(ada.avatar)) == ("London", False)


@pytest.mark.parametrize("value", ["https://evil.example/x.png", "avatars/of-eve.webp", 7, ["x"], {"a": 1}])
def test_an_avatar_cannot_be_an_address(ada, value):
    answer = client_of(ada).patch(
        f"{USERS}{ada.pk}/", json.dumps({"avatar": value}), content_type="application/json"
    )

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["avatar"]


@pytest.mark.parametrize("body", ["[]", '"x"', "7", "null"])
def test_a_body_that_is_no_object_is_invalid_input(ada, body):
    answers = [
        client_of(ada).patch(f"{USERS}{ada.pk}/", body, content_type="application/json"),
        client_of().post(USERS, body, content_type="application/json"),
        client_of().post("/api/v1/token/", body, content_type="application/json"),
    ]

    assert [answer.status_code for answer in answers] == [400] * 3


# --- Deleting oneself ---
def signed_in(user, minutes_ago=0):
    """A client with a token of a sign-in some minutes ago, renewed since."""
    at = timezone.now() - timedelta(minutes=minutes_ago)
    token = tokens.renew(str(tokens.issue(user=user, at=at)), at=timezone.now()).access_token
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def delete(client, user, **proof):
    return client.delete(f"{USERS}{user.pk}/", proof)


def test_people_delete_their_own_account_with_the_token_of_a_sign_in_a_short_while_ago(ada):
    client = APIClient()
    token = client.post("/api/v1/token/", {"email": ADA, "password": PASSWORD}).json()["access"]
    header = {"Authorization": f"Bearer {token}"}

    answer = client.delete(f"{USERS}{ada.pk}/", headers=header)

    assert answer.status_code == 204
    assert not User.objects.filter(email=ADA).exists()
    assert client.get(f"{USERS}me/", headers=header).status_code == 401
    assert client_of(UserFactory()).get(f"{USERS}{ada.pk}/").status_code == 404


@pytest.mark.parametrize(("minutes", "status"), [(14, 204), (16, 403)])
def test_renewing_a_token_makes_no_new_sign_in(ada, minutes, status):
    assert delete(signed_in(ada, minutes_ago=minutes), ada).status_code == status


def test_how_long_a_token_alone_is_enough_is_a_setting(ada, settings):
    settings.API_FRESH_SIGN_IN = timedelta(minutes=2)

    assert delete(signed_in(ada, minutes_ago=3), ada).status_code == 403
    assert delete(signed_in(ada, minutes_ago=1), ada).status_code == 204


def test_a_token_of_an_older_sign_in_is_told_to_send_the_password(ada):
    client = signed_in(ada, minutes_ago=16)

    refused = delete(client, ada)

    assert refused.status_code == 403
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["detail"] == (
        'You signed in some time ago. Send your password with this request, as {"password": "…"}, or sign in '
        "again and use the new token."
    )
    assert User.objects.filter(email=ADA).exists()
    assert delete(client, ada, password=PASSWORD).status_code == 204
    assert not User.objects.filter(email=ADA).exists()


@pytest.mark.parametrize("minutes", [0, 16])
def test_a_wrong_password_deletes_nothing(ada, minutes):
    answer = delete(signed_in(ada, minutes_ago=minutes), ada, password="guess")

    assert (answer.status_code, answer.json()["detail"]) == (403, "This is not your password.")
    assert User.objects.filter(email=ADA).exists()


def test_guessing_the_password_with_a_stolen_token_is_as_slow_as_at_signing_in(ada, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/5m/key"}
    cache.clear()
    thief = signed_in(ada, minutes_ago=16)

    answers = [delete(thief, ada, password="guess").status_code for _try in range(4)]

    assert answers == [403, 403, 403, 429]


def test_with_a_second_factor_its_code_is_asked_for_too(ada):
    TOTP.activate(ada, generate_totp_secret())
    code = RecoveryCodes.activate(ada).get_unused_codes()[0]
    client = signed_in(ada, minutes_ago=16)

    without = delete(client, ada, password=PASSWORD)
    wrong = delete(client, ada, password=PASSWORD, code="000000")

    assert (without.status_code, list(without.json()["errors"])) == (400, ["code"])
    assert wrong.status_code == 403
    assert delete(client, ada, password=PASSWORD, code=code).status_code == 204


def test_anothers_account_is_refused_whatever_is_proven(ada):
    eve = UserFactory()

    assert delete(signed_in(eve), ada).status_code == 403
    assert delete(signed_in(eve), ada, password=PASSWORD).status_code == 403
    assert User.objects.filter(email=ADA).exists()


def test_the_only_administrator_stays():
    boss = UserFactory(superuser=True)

    answer = delete(signed_in(boss), boss)

    assert answer.status_code == 403
    assert "only administrator" in answer.json()["detail"]
    assert User.objects.filter(pk=boss.pk, is_active=True).exists()
