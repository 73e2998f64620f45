"""The outbox in the CMS: what waits and what went wrong, without secrets; and what letters look like."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts import notifications, tasks
from accounts.admin import MessageAdmin
from accounts.models import Message, StoppedAddress
from accounts.services import notifying, privacy, stopping, wording
from accounts.tests.factories import UserFactory
from accounts.tests.letters import NEWS, NOW, send, write

pytestmark = pytest.mark.django_db
INDEX = "accounts_message_modeladmin_index"
SAMPLED = [kind.name for kind in notifications.kinds()]


@pytest.fixture
def boss(client):
    user = UserFactory(superuser=True)
    client.force_login(user)
    return user


@pytest.fixture
def looker(client):
    """Somebody who may see messages and do nothing about them."""
    user = UserFactory()
    names = ["access_admin", "view_message", "view_stoppedaddress"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return user


def given_up(**fields):
    return Message.objects.create(
        **{
            "recipient": UserFactory(),
            "kind": "accounts.reactivation_link",
            "context": {"link": "https://portal.example/secret", "hours": 24},
            "status": "FAILED",
            "last_error": "ConnectionRefusedError: not there",
            "created_at": NOW,
            "dedupe": str(Message.objects.count()),
            **fields,
        }
    )


# --- The list ----------------------------------------------------------------------------------------------
def test_messages_are_filtered_by_state_and_kind(boss, client):
    failed, sent = given_up(), given_up(status="SENT", sent_at=NOW, last_error="", kind="accounts.digest")

    page = client.get(reverse(INDEX), {"status__exact": "FAILED"}).content.decode()
    other = client.get(reverse(INDEX), {"kind": "accounts.digest"}).content.decode()

    assert failed.recipient.email in page
    assert "ConnectionRefusedError: not there" in page
    assert sent.recipient.email not in page
    assert sent.recipient.email in other
    assert failed.recipient.email not in other


def test_nothing_confidential_is_shown(boss, client):
    row, unknown = given_up(), given_up(kind="shop.gone", context={"link": "https://portal.example/secret"})

    for message in (row, unknown):
        page = client.get(reverse("accounts_message_modeladmin_inspect", args=[message.pk])).content.decode()
        assert "secret" not in page
    assert "not there" in page


def test_of_a_kind_that_is_no_more_nothing_is_shown_in_the_admin_and_exported():
    unknown = given_up(kind="shop.gone", context={"link": "https://portal.example/secret"})

    shown = MessageAdmin(Message, admin.site).contents(unknown)
    exported = privacy.export(user=unknown.recipient, at=NOW)["messages"]

    assert (shown, [each["contents"] for each in exported]) == ("", [{}])


def test_what_was_given_up_is_sent_again_by_post(boss, client):
    row = given_up()

    asked = client.get(reverse("accounts_cms_again", args=[row.pk]))
    row.refresh_from_db()
    assert (asked.status_code, row.status) == (200, "FAILED")
    client.post(reverse("accounts_cms_again", args=[row.pk]))

    row.refresh_from_db()
    assert (row.status, row.attempts) == ("PENDING", 0)


def test_what_was_sent_is_not_sent_again(boss, client):
    row = given_up(status="SENT", sent_at=NOW)

    client.get(reverse("accounts_cms_again", args=[row.pk]))
    client.post(reverse("accounts_cms_again", args=[row.pk]))

    row.refresh_from_db()
    assert row.status == "SENT"


def test_who_only_looks_can_do_nothing(looker, client):
    row = given_up()
    address = stopping.stop(email="ada@example.com", reason=stopping.Reason.BOUNCED, details="", at=NOW)

    page = client.get(reverse(INDEX))

    assert page.status_code == 200
    assert "Send again" not in page.content.decode()
    for url in (
        reverse("accounts_cms_again", args=[row.pk]),
        reverse("accounts_cms_lift", args=[address.pk]),
    ):
        assert client.post(url).status_code in (302, 403)
    row.refresh_from_db()
    assert (row.status, StoppedAddress.objects.count()) == ("FAILED", 1)


def test_staff_lift_what_the_provider_stopped(boss, client):
    address = stopping.stop(email="ada@example.com", reason=stopping.Reason.BOUNCED, details="550", at=NOW)

    assert "550" in client.get(reverse("accounts_stoppedaddress_modeladmin_index")).content.decode()
    client.post(reverse("accounts_cms_lift", args=[address.pk]))

    assert not StoppedAddress.objects.exists()


@pytest.mark.parametrize("how_many", [1, 3])
def test_the_list_costs_the_same_for_any_number(boss, client, how_many, django_assert_max_num_queries):
    for number in range(how_many):
        given_up(subject_of=str(number))
    client.get(reverse(INDEX))

    with django_assert_max_num_queries(20):
        client.get(reverse(INDEX))


# --- What letters look like --------------------------------------------------------------------------------
@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("name", SAMPLED)
def test_every_letter_can_be_looked_at(name, language):
    reader = UserFactory.build(first_name="Ada", language=language)
    kind = notifications.kind_of(name)

    said = wording.sample(kind=kind, reader=reader)

    assert said.text.strip()
    if not kind.to_staff:
        assert said.subject.strip()
        assert said.preheader.strip()
        assert f'lang="{language}"' in said.html


def test_editors_look_at_letters(boss, client):
    listed = client.get(reverse("accounts_cms_letters"))
    shown = client.get(
        reverse("accounts_cms_letter", args=["accounts.inactivity_warning"]), {"language": "ru"}
    )
    page = client.get(reverse("accounts_cms_letter_page", args=["accounts.inactivity_warning"]))

    assert "Your account is about to be blocked" in listed.content.decode()
    assert "9 марта 2030" in shown.content.decode()
    assert "9 March 2030" in page.content.decode() or "March 9, 2030" in page.content.decode()
    assert Message.objects.count() == 0


def test_a_letter_that_does_not_exist_is_not_found(boss, client):
    assert client.get("/cms/letters/shop.sale/").status_code == 404


# --- Tidying -----------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("own_kinds")
def test_what_is_long_through_and_read_is_deleted(settings, monkeypatch):
    monkeypatch.setattr(notifying, "TIDIED_AT_A_TIME", 2)
    ada = UserFactory()
    ada.notification_choices.create(kind=NEWS, channel="INBOX", frequency="OFF")
    for number in range(5):
        send(write(ada, occasion=f"old {number}"))
    unread = write(UserFactory())
    send(unread)
    waiting, failed = write(ada, occasion="waits"), given_up()
    year = timedelta(days=365)

    assert notifying.tidy(at=NOW + year, keep=year) == 0
    assert notifying.tidy(at=NOW + year + timedelta(seconds=1), keep=year) == 5

    assert set(Message.objects.all()) == {unread, waiting, failed}


@pytest.mark.usefixtures("own_kinds")
def test_the_task_keeps_what_the_settings_say(settings):
    settings.MESSAGES_KEPT_DAYS = 0
    ada = UserFactory()
    ada.notification_choices.create(kind=NEWS, channel="INBOX", frequency="OFF")
    send(write(ada))

    assert tasks.tidy_messages() == 1
