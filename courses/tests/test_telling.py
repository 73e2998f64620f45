"""Followers hear of changes at once after four quiet hours, else in their digest; never twice, never lost."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from wagtail.models import Page

from accounts.models import Broadcast, Message
from accounts.services import digesting, notifying
from accounts.tests.factories import UserFactory
from courses.models import CourseChange, CoursePage
from courses.notifications import COURSE_UPDATED
from courses.services import subscribing, telling
from courses.tests.factories import CourseFactory, LessonFactory
from courses.tests.test_changes import published

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def course():
    return CourseFactory(title="Gardening")


@pytest.fixture
def ada(course):
    user = UserFactory(email="ada@example.com")
    subscribing.subscribe(member=user, course=course, at=NOON - 24 * HOUR)
    return user


def change(course, at, *, page=None, note="", is_minor=False):
    row = CourseChange.objects.create(
        course=course,
        page=page or Page.objects.get(pk=course.pk),
        title=(page or course).title,
        kind="CHANGED",
        note=note,
        is_minor=is_minor,
        published_at=at,
    )
    telling.change(row, at=at)
    work(at)
    return row


def work(at):
    """What workers do: write to followers, and send what is due."""
    notifying.spread_unfinished(at=at)
    notifying.send_due(at=at)


def digest(at):
    digesting.write_due(at=at)
    notifying.send_due(at=at)


def test_a_change_after_a_quiet_time_is_told_at_once(course, ada):
    lesson = LessonFactory(parent=course, title="Sowing")

    change(course, NOON, page=Page.objects.get(pk=lesson.pk), note="Two more kinds of beans.")

    (letter,) = mail.outbox
    assert letter.to == ["ada@example.com"]
    assert letter.subject == "What changed in “Gardening”"
    assert "“Sowing” has changed in the course “Gardening”, which you follow." in letter.body
    assert "Two more kinds of beans." in letter.body
    assert f"http://localhost:8000{course.url}" in letter.body


@pytest.mark.parametrize(
    ("later", "letters"), [(4 * HOUR - timedelta(seconds=1), 1), (4 * HOUR, 2), (5 * HOUR, 2)]
)
def test_within_four_hours_nobody_is_written_to_again(course, ada, later, letters):
    change(course, NOON)

    change(course, NOON + later)

    assert len(mail.outbox) == letters


def test_what_falls_into_the_four_hours_stands_in_the_digest(course, ada):
    change(course, NOON, note="First")
    change(course, NOON + HOUR, note="Second")
    change(course, NOON + 2 * HOUR, note="Third")

    digest(NOON + 20 * HOUR)

    at_once, together = mail.outbox
    assert "First" in at_once.body
    assert [note in together.body for note in ("First", "Second", "Third")] == [False, True, True]
    assert "What changed in the courses that you follow" in together.body
    digest(NOON + 44 * HOUR)
    assert len(mail.outbox) == 2


def test_another_course_is_another_matter(course, ada):
    other = CourseFactory(title="Sailing")
    subscribing.subscribe(member=ada, course=other, at=NOON - HOUR)

    change(course, NOON)
    change(other, NOON + HOUR)

    assert [letter.subject for letter in mail.outbox] == [
        "What changed in “Gardening”",
        "What changed in “Sailing”",
    ]


def test_minor_changes_tell_nobody_and_do_not_count(course, ada):
    change(course, NOON, is_minor=True)
    assert (mail.outbox, Broadcast.objects.count()) == ([], 0)

    change(course, NOON + HOUR)
    assert len(mail.outbox) == 1


def test_nothing_is_told_twice_whatever_is_called_again(course, ada):
    row = change(course, NOON)

    assert not telling.change(row, at=NOON + HOUR)
    work(NOON + HOUR)
    Broadcast.objects.update(finished_at=None, after=0)  # as if all of it had been forgotten
    work(NOON + 2 * HOUR)

    assert len(mail.outbox) == 1
    assert Message.objects.filter(kind=COURSE_UPDATED).count() == 1


def test_who_follows_since_is_not_told_and_who_follows_no_more_neither(course, ada):
    bob, eve = UserFactory(), UserFactory()
    subscribing.subscribe(member=bob, course=course, at=NOON + HOUR)
    subscribing.subscribe(member=eve, course=course, at=NOON - HOUR)
    row = CourseChange.objects.create(
        course=course, page_id=course.pk, title="Gardening", kind="CHANGED", published_at=NOON
    )
    telling.change(row, at=NOON)
    notifying.spread_unfinished(at=NOON)
    subscribing.unsubscribe(member=eve, course=course)

    notifying.send_due(at=NOON)

    assert [letter.to for letter in mail.outbox] == [["ada@example.com"]]


@pytest.mark.parametrize("gone", ["course", "lesson"])
def test_what_was_taken_off_the_site_is_told_to_nobody(course, ada, gone):
    lesson = LessonFactory(parent=course, title="Sowing")
    change(course, NOON)
    change(course, NOON + HOUR, page=Page.objects.get(pk=lesson.pk), note="Second")
    (course if gone == "course" else lesson).unpublish()

    digest(NOON + 20 * HOUR)

    assert len(mail.outbox) == 1


def test_ten_autosaves_and_one_publication_make_one_notice(course, ada):
    course = published(course)  # its first publication is no change
    CourseChange.objects.all().delete()
    Broadcast.objects.all().delete()
    for number in range(10):
        draft = CoursePage.objects.get(pk=course.pk).get_latest_revision_as_object()
        draft.introduction = f"Draft {number}"
        draft.change_note = "A new introduction."
        draft.save_revision()

    published(CoursePage.objects.get(pk=course.pk))
    published_at = CourseChange.objects.get().published_at
    work(published_at + timedelta(minutes=1))

    assert [letter.to for letter in mail.outbox] == [["ada@example.com"]]
    assert "A new introduction." in mail.outbox[0].body


def test_a_hostile_title_is_text_in_the_letter(ada, course):
    CoursePage.objects.filter(pk=course.pk).update(title="<b>Beans</b>\r\nBcc: all@example.com")
    course.refresh_from_db()

    change(course, NOON, note="<script>alert(1)</script>")

    letter = mail.outbox[0]
    assert letter.subject == "What changed in “<b>Beans</b> Bcc: all@example.com”"
    assert "<script>" not in letter.alternatives[0].content
    assert "&lt;b&gt;Beans" in letter.alternatives[0].content


def test_a_hostile_title_does_not_leave_the_title_of_the_letter(ada, course):
    CoursePage.objects.filter(pk=course.pk).update(title="</title><img src=x> & more")
    course.refresh_from_db()

    change(course, NOON)

    html = mail.outbox[0].alternatives[0].content
    assert "<img" not in html
    assert "“&lt;/title&gt;&lt;img src=x&gt; &amp; more”" in html.partition("</title>")[0]


@pytest.mark.parametrize("how_many", [1, 3])
def test_any_number_of_changes_is_two_queries_in_a_digest(
    course, ada, how_many, django_assert_max_num_queries
):
    rows = [change(course, NOON + number * HOUR) for number in range(how_many)]
    messages = list(Message.objects.filter(kind=COURSE_UPDATED))

    with django_assert_max_num_queries(2):
        lines = telling.lines(reader=ada, messages=messages, at=NOON)

    assert len(lines) == len(rows) == how_many


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_publications_at_once_disturb_followers_once(course, ada):
    from accounts.tests.crowd import all_at_once

    numbers = iter(range(4))

    def publish():
        from django.db import transaction

        with transaction.atomic():
            row = CourseChange.objects.create(
                course=course,
                page_id=course.pk,
                title="Gardening",
                kind="CHANGED",
                published_at=NOON + timedelta(milliseconds=next(numbers)),
            )
            telling.change(row, at=NOON)

    all_at_once(publish, count=4)

    soon = Broadcast.objects.values_list("context__is_soon", flat=True)
    assert sorted(soon) == [False, True, True, True]
