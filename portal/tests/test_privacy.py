"""A copy of everything, and being forgotten, across all apps."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.urls import reverse
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken
from wagtail.models import ModelLogEntry, Page, PageLogEntry

from accounts import personal_data
from accounts.models import Message, User
from accounts.services import privacy
from accounts.services.privacy import DeletionRefused
from accounts.tests.factories import PASSWORD, UserFactory
from commerce.models import Order
from courses.models import Enrolment, LessonCompletion
from courses.services import enrolling, studying
from courses.tests.factories import CourseFactory, LessonFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Broken(Exception):
    pass


@pytest.fixture
def ada():
    return UserFactory(
        email="ada@example.com",
        first_name="Ada",
        last_name="Lovelace",
        phone="+34911234567",
        city="London",
        verified=True,
    )


def studies(member):
    course = CourseFactory(price=0)
    lesson = LessonFactory(parent=course)
    enrolling.enrol_free(member=member, course=course, at=NOW)
    studying.complete(member=member, lesson=lesson, at=NOW)
    return course


def buys(member):
    course = CourseFactory(price=10)
    return enrolling.hold_place(member=member, course=course, at=NOW).order_line.order


def forget(user):
    privacy.delete_account(user=user, at=NOW)


# --- Everything has its keeper -----------------------------------------------------------------------------
def keys_to_people():
    """Every foreign key to a person, in the model that holds its column."""
    people = get_user_model()
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_fields:
            if field.is_relation and field.related_model is people:
                yield f"{model._meta.label}.{field.name}"


def test_every_foreign_key_to_a_person_is_answered_for_by_one_keeper():
    covered = [key for keeper in personal_data.keepers() for key in keeper.covers]

    assert set(keys_to_people()) - set(covered) == set(), "name it in the `covers` of a keeper"
    assert len(covered) == len(set(covered))


def test_keepers_answer_for_nothing_that_does_not_exist():
    installed = {app.label for app in apps.get_app_configs()}
    covered = {key for keeper in personal_data.keepers() for key in keeper.covers}

    assert {key for key in covered if key.split(".")[0] in installed} - set(keys_to_people()) == set()


def test_every_field_of_an_account_is_exported_or_known_to_be_none_of_the_persons_business():
    exported = {
        *("email", "first_name", "last_name", "phone", "city", "avatar", "language", "time_zone"),
        *("date_joined", "last_login", "groups"),
        *("inactivity_warned_at", "blocked_for_inactivity_at", "reactivated_at"),
        *("digest_hour", "digest_weekday"),
    }
    ours = {"id", "password", "is_active", "is_staff", "is_superuser", "user_permissions", "token_generation"}

    assert {field.name for field in User._meta.get_fields() if field.concrete and not field.auto_created} | {
        "id"
    } == exported | ours


# --- A copy ------------------------------------------------------------------------------------------------
def test_a_copy_has_what_every_keeper_keeps_and_is_json(ada):
    course = studies(ada)
    order = buys(ada)

    copy = json.loads(json.dumps(privacy.export(user=ada, at=NOW)))

    assert copy["exported_at"] == "2026-03-02T09:00:00+00:00"
    assert copy["profile"]["phone"] == "+34911234567"
    assert copy["profile"]["email_addresses"] == [
        {"email": "ada@example.com", "is_verified": True, "is_primary": True}
    ]
    assert copy["learning"]["enrolments"][0]["course"] == course.title
    assert len(copy["learning"]["completed_lessons"]) == 1
    assert copy["orders"][0]["number"] == order.number
    assert set(copy) == {"exported_at", *(keeper.section for keeper in personal_data.keepers())}


def test_a_copy_has_nothing_of_others_and_no_password(ada):
    eve = UserFactory(email="eve@example.com", verified=True)
    studies(eve)
    buys(eve)

    copy = json.dumps(privacy.export(user=ada, at=NOW))

    assert "eve@example.com" not in copy
    assert ada.password not in copy
    assert set(map(str, privacy.export(user=ada, at=NOW)["learning"].values())) == {"[]"}


# --- Forgotten ---------------------------------------------------------------------------------------------
def test_without_orders_nothing_is_left(ada):
    studies(ada)
    Message.objects.create(recipient=ada, kind="accounts.x", created_at=NOW, next_attempt_at=NOW)

    forget(ada)

    assert not User.objects.exists()
    for model in (EmailAddress, Message, Enrolment, LessonCompletion):
        assert not model.objects.exists()


def test_with_orders_the_row_stays_and_names_nobody(ada):
    ada.groups.add(Group.objects.create(name="Friends"))
    order = buys(ada)
    studies(ada)

    forget(ada)

    left = User.objects.get()
    assert left.email == f"deleted-{left.pk}@invalid"
    assert {left.first_name, left.last_name, left.phone, left.city, str(left.avatar)} == {""}
    assert (left.is_active, left.has_usable_password(), left.groups.count()) == (False, False, 0)
    assert not EmailAddress.objects.exists()
    assert not LessonCompletion.objects.exists()
    assert Order.objects.get().total == order.total
    assert "ada@example.com" not in json.dumps(privacy.export(user=left, at=NOW))


def test_forgetting_twice_changes_nothing_more(ada):
    buys(ada)
    forget(ada)
    before = list(User.objects.values())

    forget(User.objects.get())

    after = list(User.objects.values())
    for row in (*before, *after):
        row.pop("password")  # an unusable one has random letters
    assert after == before


def test_what_was_bought_stays_with_its_order(ada):
    buys(ada)

    forget(ada)

    enrolment = Enrolment.objects.get()
    assert enrolment.order_line is not None
    assert enrolment.status == Enrolment.Status.CANCELLED


def test_the_name_is_free_for_a_new_account(ada):
    buys(ada)
    forget(ada)

    assert UserFactory(email="ada@example.com", verified=True).pk


def test_sessions_end(ada, client):
    client.force_login(ada)
    other = UserFactory()
    Session.objects.create(session_key="other", session_data="", expire_date=NOW + timedelta(days=9999))
    key = client.session.session_key

    privacy.delete_account(user=ada, at=NOW)

    assert not Session.objects.filter(pk=key).exists()
    assert Session.objects.filter(pk="other").exists()
    assert client.get("/my/").status_code == 302
    assert User.objects.get() == other


def test_tokens_die(ada, client):
    buys(ada)
    pair = client.post(
        "/api/v1/token/", {"email": ada.email, "password": PASSWORD}, content_type="application/json"
    ).json()

    forget(ada)

    used = client.get("/api/v1/catalogue/", headers={"Authorization": f"Bearer {pair['access']}"})
    renewed = client.post(
        "/api/v1/token/refresh/", {"refresh": pair["refresh"]}, content_type="application/json"
    )
    assert (used.status_code, renewed.status_code) == (401, 401)


def test_refresh_tokens_stay_on_the_black_list_without_the_person(ada):
    RefreshToken.for_user(ada)

    forget(ada)

    token = OutstandingToken.objects.get()
    assert token.user is None
    assert token.blacklistedtoken


def test_the_avatar_goes_when_the_deletion_has_committed(ada, django_capture_on_commit_callbacks):
    ada.avatar.save("me.webp", ContentFile(b"a picture"))
    storage, name = ada.avatar.storage, ada.avatar.name

    with django_capture_on_commit_callbacks(execute=True):
        forget(ada)
        assert storage.exists(name)

    assert not storage.exists(name)


def test_pages_stay_and_are_nobodys(ada):
    course = CourseFactory(owner=ada)
    course.save_revision(user=ada, log_action=True)

    forget(ada)

    page = Page.objects.get(pk=course.pk)
    assert (page.live, page.owner) == (True, None)
    assert not PageLogEntry.objects.exclude(user=None).exists()


def test_what_was_done_in_the_admin_stays_with_an_account_that_names_nobody(ada):
    LogEntry.objects.create(
        user=ada,
        content_type=ContentType.objects.get_for_model(User),
        object_id="1",
        object_repr="somebody",
        action_flag=2,
    )

    forget(ada)

    assert LogEntry.objects.get().user.email.endswith("@invalid")


def test_logs_of_what_others_did_to_the_account_no_longer_name_its_owner(ada, client):
    client.force_login(UserFactory(superuser=True))
    client.post(f"/cms/users/edit/{ada.pk}/", {"email": ada.email, "first_name": "Ada", "last_name": "L."})
    client.post(reverse("admin:accounts_user_change", args=[ada.pk]), {"email": ada.email})

    client.post(reverse("admin:accounts_user_delete", args=[ada.pk]), {"post": "yes"})

    assert {entry.object_repr for entry in LogEntry.objects.all()} == {f"#{ada.pk}"}
    assert {entry.label for entry in ModelLogEntry.objects.all()} == {f"#{ada.pk}"}


def test_the_last_administrator_cannot_leave():
    boss = UserFactory(superuser=True)
    UserFactory(superuser=True, is_active=False)

    with pytest.raises(DeletionRefused, match="only administrator"):
        forget(boss)
    UserFactory(superuser=True)
    forget(boss)

    assert not User.objects.filter(pk=boss.pk).exists()


def test_all_or_nothing(ada, monkeypatch):
    class Careless:
        section = "zz-careless"
        covers = frozenset()

        def export(self, user):
            return None

        def erase(self, user, *, at):
            raise Broken

    monkeypatch.setattr(personal_data, "_keepers", {**personal_data._keepers, "zz-careless": Careless()})
    studies(ada)

    with pytest.raises(Broken):
        forget(ada)

    assert Enrolment.objects.filter(member=ada).exists()
    assert EmailAddress.objects.filter(user=ada).exists()
