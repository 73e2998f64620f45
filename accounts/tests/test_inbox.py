"""The inbox: one's own messages on the portal, and how many are unread."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Message
from accounts.tests.factories import UserFactory
from accounts.tests.letters import NOW, send, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_kinds")]


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com")


def fill(user, how_many, **answers):
    for number in range(how_many):
        send(
            write(
                user, about=f"course:{number}", title=f"Course {number}", at=NOW + timedelta(minutes=number)
            ),
            at=NOW + timedelta(minutes=number),
        )


def titles(page):
    return [message.title for message in page.context["letters"]]


def test_ones_own_messages_stand_there_newest_first(client, ada):
    fill(ada, 2)
    fill(UserFactory(), 1)
    client.force_login(ada)

    page = client.get("/inbox/")

    assert titles(page) == ["News of Course 1", "News of Course 0"]
    assert "(2 unread)" in page.content.decode()


def test_an_empty_inbox_says_what_will_stand_there(client, ada):
    client.force_login(ada)

    page = client.get("/inbox/").content.decode()

    assert "No messages yet" in page
    assert "unread" not in page


def test_opening_a_message_reads_it_and_leads_to_what_it_is_about(client, ada, own_kinds):
    own_kinds(link=lambda message: "/courses/?about=1")
    fill(ada, 2)
    client.force_login(ada)
    message = Message.objects.get(title="News of Course 0")

    assert client.head(f"/inbox/{message.pk}/").headers["Location"] == "/courses/?about=1"
    assert Message.objects.unread().count() == 2
    assert client.get(f"/inbox/{message.pk}/").headers["Location"] == "/courses/?about=1"

    assert Message.objects.unread().get() != message


@pytest.mark.parametrize("link", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_a_message_leads_nowhere_outside(client, ada, link):
    fill(ada, 1)
    Message.objects.update(link=link)
    client.force_login(ada)

    assert client.get(f"/inbox/{Message.objects.get().pk}/").headers["Location"] == "/inbox/"


def test_nobody_opens_or_reads_anothers(client, ada):
    fill(ada, 1)
    client.force_login(UserFactory())
    message = Message.objects.get()

    assert client.get(f"/inbox/{message.pk}/").status_code == 404
    client.post("/inbox/read/", {"message": message.pk})
    client.post("/inbox/read/")

    assert Message.objects.unread().get() == message


def test_one_or_all_are_marked_read(client, ada):
    fill(ada, 3)
    client.force_login(ada)

    client.post("/inbox/read/", {"message": Message.objects.get(title="News of Course 1").pk})
    assert Message.objects.unread().count() == 2
    client.post("/inbox/read/")

    assert not Message.objects.unread().exists()
    assert "unread" not in client.get("/inbox/").content.decode()


@pytest.mark.parametrize("named", ["all", "-1", "9" * 19])
def test_what_is_no_message_marks_nothing_read(client, ada, named):
    fill(ada, 1)
    client.force_login(ada)

    client.post("/inbox/read/", {"message": named})

    assert Message.objects.unread().count() == 1


def test_what_was_switched_off_is_not_in_the_inbox(client, ada):
    ada.notification_choices.create(kind="accounts.test_news", channel="INBOX", frequency="OFF")
    fill(ada, 1)
    client.force_login(ada)

    assert titles(client.get("/inbox/")) == []


@pytest.mark.parametrize("how_many", [1, 30])
def test_the_inbox_costs_the_same_for_any_number(client, ada, how_many, django_assert_num_queries):
    fill(ada, how_many)
    client.force_login(ada)
    client.get("/inbox/")

    with django_assert_num_queries(6):  # session, person, number and rows; and the site's two
        client.get("/inbox/")


def test_the_number_of_unread_comes_with_the_person(client, ada):
    fill(ada, 3)
    client.force_login(ada)

    with CaptureQueriesContext(connection) as asked:
        page = client.get("/accounts/privacy/").content.decode()

    (about_messages,) = (query["sql"] for query in asked if "accounts_message" in query["sql"])
    assert "enters_cms" in about_messages
    assert "(3 unread)" in page
