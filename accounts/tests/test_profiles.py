"""One's own profile, and what people see of each other."""

import json
import re
from datetime import UTC, datetime
from io import BytesIO

import pytest
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from django.views.static import serve
from PIL import Image

from accounts import personal_data
from accounts.models import User
from accounts.services import avatars, inactivity
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
PROFILE = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "city": "London",
    "phone": "+34 911 23-45-67",
    "language": "ru",
    "time_zone": "Europe/Madrid",
}
SECRETS = {
    "last_name": "Verysecretname",
    "email": "very-secret@example.com",
    "phone": "+34911234567",
}


class Payments:
    """Stands for whichever app keeps payments."""

    section = "payments"

    def export(self, user):
        paid = {"method": "stripe", "status": "PAID", "currency": "USD", "order": None}
        return [
            paid | {"id": 1, "amount": "12.50", "created_at": "2026-10-01T10:00:00+00:00", "paid_at": None},
            paid | {"id": 2, "amount": "7.00", "created_at": "2026-11-01T10:00:00+00:00", "paid_at": None},
        ]


@pytest.fixture
def payments(monkeypatch):
    monkeypatch.setitem(personal_data._keepers, "payments", Payments())


@pytest.fixture
def ada(client):
    user = UserFactory(first_name="Ada", city="London", verified=True)
    client.force_login(user)
    return user


# --- One's own ---------------------------------------------------------------------------------------------
def test_people_change_their_own_profile(client, ada):
    answer = client.post("/accounts/profile/", PROFILE)

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/profile/")
    ada.refresh_from_db()
    assert {name: getattr(ada, name) for name in PROFILE} == PROFILE | {"phone": "+34911234567"}


def test_nothing_else_is_changed_and_nobody_else(client, ada):
    other = UserFactory(first_name="Eve")
    before = User.objects.values().get(pk=ada.pk)

    client.post(
        "/accounts/profile/",
        PROFILE
        | {
            "id": other.pk,
            "pk": other.pk,
            "email": "new@example.com",
            "is_staff": "on",
            "is_superuser": "on",
        },
    )

    after = User.objects.values().get(pk=ada.pk)
    assert {name for name in after if after[name] != before[name]} <= set(PROFILE)
    assert User.objects.get(pk=other.pk).first_name == "Eve"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "12"),
        ("phone", "911234567"),
        ("time_zone", "Mars/Base"),
        ("language", "xx"),
        ("city", "x" * 121),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(client, ada, field, value):
    answer = client.post("/accounts/profile/", PROFILE | {field: value})

    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    ada.refresh_from_db()
    assert ada.last_name != "Lovelace"


def test_a_zone_that_the_list_does_not_offer_is_kept(client):
    user = UserFactory(time_zone="EST")
    client.force_login(user)

    client.post("/accounts/profile/", PROFILE | {"time_zone": "EST"})

    user.refresh_from_db()
    assert (user.time_zone, user.last_name) == ("EST", "Lovelace")


def test_the_own_profile_shows_what_was_paid_newest_first(client, ada, payments):
    page = client.get("/accounts/profile/").content.decode()

    assert re.findall(r"\$\d+\.\d\d", page) == ["$7.00", "$12.50"]


def test_the_profile_is_for_those_who_are_signed_in(client):
    for path in ("/accounts/profile/", "/people/", "/people/1/", "/accounts/privacy/"):
        assert client.get(path)["Location"].startswith("/accounts/login/?next=")


# --- Language and time -------------------------------------------------------------------------------------
def test_the_pages_speak_the_language_of_the_profile_after_signing_in(client):
    user = UserFactory(language="ru", verified=True)

    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    assert client.cookies["django_language"].value == "ru"
    assert '<html lang="ru"' in client.get("/accounts/profile/").content.decode()


def test_who_chose_no_language_keeps_the_browsers(client):
    user = UserFactory(verified=True)

    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    assert "django_language" not in client.cookies


def test_a_saved_language_is_spoken_at_once(client, ada):
    page = client.post("/accounts/profile/", PROFILE, follow=True)

    assert '<html lang="ru"' in page.content.decode()


@pytest.mark.parametrize(
    ("zone", "shown"), [("", "10:00"), ("Asia/Tokyo", "19:00"), ("Nowhere/Else", "10:00")]
)
def test_moments_are_shown_as_the_readers_clock_has_them(client, zone, shown):
    user = UserFactory(verified=True)
    User.objects.filter(pk=user.pk).update(time_zone=zone)
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    UserSession.objects.update(created_at=datetime(2026, 3, 1, 10, 0, tzinfo=UTC))

    assert shown in client.get("/accounts/sessions/").content.decode()
    assert timezone.get_current_timezone_name() == "UTC"


# --- Each other --------------------------------------------------------------------------------------------
def test_a_foreign_profile_shows_first_name_and_city_and_nothing_more(client, ada, payments):
    other = UserFactory(first_name="Boris", city="Oslo", **SECRETS)

    page = client.get(f"/people/{other.pk}/").content.decode()

    assert "Boris" in page
    assert "Oslo" in page
    for secret in (*SECRETS.values(), other.password, "$12.50"):
        assert secret not in page


def test_the_list_shows_nothing_more_either(client, ada):
    UserFactory(first_name="Boris", city="Oslo", **SECRETS)

    page = client.get("/people/").content.decode()

    assert "Boris" in page
    for secret in SECRETS.values():
        assert secret not in page


def test_a_person_without_a_first_name_is_not_called_by_address(client, ada):
    other = UserFactory(first_name="", **SECRETS)

    for path in ("/people/", f"/people/{other.pk}/"):
        page = client.get(path).content.decode()
        assert "Somebody without a name" in page
        assert "very-secret" not in page


def test_a_blocked_person_is_not_there(client, ada):
    blocked = UserFactory(first_name="Boris", is_active=False)

    assert client.get(f"/people/{blocked.pk}/").status_code == 404
    assert "Boris" not in client.get("/people/").content.decode()


def test_nobody_changes_a_foreign_profile(client, ada):
    other = UserFactory(first_name="Boris")

    assert client.post(f"/people/{other.pk}/", PROFILE).status_code == 405
    assert User.objects.get(pk=other.pk).first_name == "Boris"


def found(client, **asked):
    return [person.first_name for person in client.get("/people/", asked).context["page_obj"]]


def test_people_are_found_by_name_and_city(client, ada):
    UserFactory(first_name="Boris", city="Oslo")
    UserFactory(first_name="Борис", city="Москва")

    assert found(client, q="bor") == ["Boris"]
    assert found(client, q="борис") == ["Борис"]
    assert found(client, q="boris oslo") == ["Boris"]


def test_people_stand_by_first_name_and_those_without_one_at_the_end(client, ada):
    UserFactory.create_batch(2, first_name="")
    UserFactory(first_name="zoe")
    boris = [UserFactory(first_name="Boris") for _twice in range(2)]

    page = client.get("/people/").context["page_obj"]

    assert [person.first_name for person in page] == ["Ada", "Boris", "Boris", "zoe", "", ""]
    assert [person.pk for person in page][1:3] == [person.pk for person in boris]


@pytest.mark.parametrize("words", SECRETS.values())
def test_people_are_not_found_by_what_is_not_shown(client, ada, words):
    UserFactory(first_name="Boris", **SECRETS)

    assert found(client, q=words) == []


@pytest.mark.parametrize("words", ["\x00", "%", "_", "'; --", "x" * 5000])
def test_strange_words_find_nobody_and_break_nothing(client, ada, words):
    assert client.get("/people/", {"q": words}).status_code == 200


def test_the_list_has_pages_that_keep_the_search(client, ada):
    UserFactory.create_batch(30, first_name="Zoe")

    page = client.get("/people/", {"q": "Zoe"})

    assert len(page.context["page_obj"]) == 24
    assert 'href="?q=Zoe&amp;page=2"' in page.content.decode()


@pytest.mark.parametrize("path", ["/people/", "/accounts/profile/"])
def test_a_page_costs_as_much_with_thirty_people_as_with_one(
    client, ada, path, django_assert_num_queries, django_assert_max_num_queries
):
    client.get(path)
    with django_assert_max_num_queries(20) as few:
        client.get(path)
    UserFactory.create_batch(30, avatar="avatars/a.webp", city="Oslo")

    with django_assert_num_queries(len(few)):
        client.get(path)


# --- Privacy -----------------------------------------------------------------------------------------------
def test_everything_kept_of_a_person_is_downloaded_as_json(client, ada):
    answer = client.post("/accounts/privacy/export/")

    assert answer["Content-Type"] == "application/json"
    assert re.fullmatch(
        r'attachment; filename="my-data-\d{4}-\d\d-\d\d\.json"', answer["Content-Disposition"]
    )
    assert ada.email in answer.content.decode()
    assert ada.password not in answer.content.decode()
    assert "exported_at" in json.loads(answer.content)


def test_an_account_is_deleted_with_the_password_alone(client, ada):
    refused = client.post("/accounts/privacy/delete/", {"password": "wrong"})
    assert refused.status_code == 422
    assert User.objects.filter(email=ada.email).exists()

    client.post("/accounts/privacy/delete/", {"password": PASSWORD})

    assert not User.objects.filter(email=ada.email).exists()
    assert "_auth_user_id" not in client.session


def test_who_has_no_password_writes_the_address_instead(client, ada):
    ada.set_unusable_password()
    ada.save()
    client.force_login(ada)

    assert client.post("/accounts/privacy/delete/", {"email": "wrong@example.com"}).status_code == 422
    assert client.post("/accounts/privacy/delete/", {"email": ada.email}).status_code == 302


def test_deleting_and_exporting_need_a_form_of_ours(client, ada):
    for path in ("/accounts/privacy/delete/", "/accounts/privacy/export/", "/accounts/profile/avatar/"):
        assert client.get(path).status_code == 405


# --- Opening a blocked account -----------------------------------------------------------------------------
@pytest.fixture
def blocked():
    return UserFactory(
        email="ada@example.com",
        verified=True,
        is_active=False,
        blocked_for_inactivity_at=datetime(2026, 5, 1, tzinfo=UTC),
    )


def link_for(user):
    valid_until = timezone.now() + inactivity.LINK_LIVES
    return reverse("accounts:reactivate", args=[inactivity._token(user, valid_until=valid_until)])


def test_the_answer_does_not_tell_who_is_blocked(client, blocked):
    known, unknown = (
        client.post("/accounts/reactivate/", {"email": email}, follow=True)
        for email in ("ada@example.com", "nobody@example.com")
    )

    def said(answer):
        return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r"\1", answer.content.decode())

    assert known.redirect_chain == unknown.redirect_chain
    assert said(known) == said(unknown)


def test_a_blocked_person_is_told_the_way_back_at_sign_in(client, blocked):
    answer = client.post("/accounts/login/", {"login": blocked.email, "password": PASSWORD}, follow=True)

    assert reverse("accounts:ask_to_reactivate") in answer.content.decode()


def test_opening_the_link_changes_nothing_and_pressing_the_button_opens_the_account(client, blocked):
    link = link_for(blocked)

    assert client.get(link).status_code == 200
    assert not User.objects.get().is_active

    client.post(link)
    assert User.objects.get().is_active
    client.post("/accounts/login/", {"login": blocked.email, "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(blocked.pk)


def test_a_link_opens_once(client, blocked):
    link = link_for(blocked)
    client.post(link)

    answer = client.post(link)

    assert answer.status_code == 410
    assert "Ask for a new link" in answer.content.decode()


def test_a_made_up_link_opens_nothing(client, blocked):
    assert client.post("/accounts/reactivate/made-up/").status_code == 410
    assert not User.objects.get().is_active


# --- Nobody is led astray ----------------------------------------------------------------------------------
@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/logout/", "/accounts/reauthenticate/"])
def test_no_page_sends_people_to_another_site(client, target, path):
    user = UserFactory(verified=True)
    if "login" not in path:
        client.force_login(user)
    cache.clear()

    answer = client.post(
        path, {"login": user.email, "password": PASSWORD, "next": target}, query_params={"next": target}
    )

    assert answer.status_code == 302
    assert "evil" not in answer["Location"]
    assert "javascript" not in answer["Location"]


def test_the_file_of_an_avatar_is_served_as_the_picture_it_is(rf, tmp_path):
    written = BytesIO()
    Image.new("RGB", (60, 60)).save(written, "PNG")
    kept = avatars.process(SimpleUploadedFile("a.html", written.getvalue(), "text/html"))
    (tmp_path / "a.webp").write_bytes(kept.read())

    answer = serve(rf.get("/"), "a.webp", document_root=tmp_path)

    assert answer["Content-Type"] == "image/webp"
