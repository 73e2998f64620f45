"""Scheduled publishing that runs, one page at a time, and that is seen to run."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone
from wagtail.models import PageLogEntry, Revision
from wagtail.signals import page_published

from accounts.tests.factories import UserFactory
from courses.models import CoursePage
from courses.tests.factories import CourseFactory
from portal.home import tasks
from portal.home.models import Heartbeat, ScheduledWork
from portal.home.services import heartbeat, publishing

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def scheduled(*, at, **changes):
    """A course whose draft is due at a moment, as the CMS leaves it behind."""
    page = CourseFactory(draft=True)
    for field, value in changes.items():
        setattr(page, field, value)
    page.go_live_at = at
    revision = page.save_revision(clean=False)
    Revision.objects.filter(pk=revision.pk).update(approved_go_live_at=at)
    return page


def is_live(page):
    return CoursePage.objects.get(pk=page.pk).live


@pytest.fixture
def broken():
    """Make a course whose draft fails in a way that nobody foresaw: who listens to publications breaks."""
    failing = set()

    def listen(instance, **kwargs):
        if instance.pk in failing:
            raise RuntimeError("The cache of the shop window is gone")

    def make(*, at):
        page = scheduled(at=at)
        failing.add(page.pk)
        return page

    page_published.connect(listen)
    yield make
    page_published.disconnect(listen)


@pytest.fixture
def now():
    return timezone.now()


def test_the_task_publishes_what_is_due(now):
    due, later = scheduled(at=now - MINUTE), scheduled(at=now + MINUTE)

    assert tasks.publish_scheduled_pages() == "0 could not be published"

    assert (is_live(due), is_live(later)) == (True, False)


def test_the_task_takes_down_what_has_expired(now):
    course = CourseFactory(expire_at=now - MINUTE)
    lasting = CourseFactory(expire_at=now + MINUTE)

    tasks.publish_scheduled_pages()

    course.refresh_from_db()
    assert (course.live, course.expired, is_live(lasting)) == (False, True, True)


def test_running_twice_does_nothing_more(now):
    course, expired = scheduled(at=now - MINUTE), CourseFactory(expire_at=now - MINUTE)
    tasks.publish_scheduled_pages()
    before = list(PageLogEntry.objects.values_list("pk", flat=True))

    tasks.publish_scheduled_pages()

    assert list(PageLogEntry.objects.values_list("pk", flat=True)) == before
    assert (is_live(course), is_live(expired)) == (True, False)


def test_what_fails_unforeseen_holds_up_nothing_and_is_logged(now, caplog, broken):
    bad, good = broken(at=now - 2 * MINUTE), scheduled(at=now - MINUTE)

    assert publishing.publish_due(at=now) == 1

    assert (is_live(bad), is_live(good)) == (False, True)
    assert "could not be published" in caplog.text
    assert [revision.object_id for revision in publishing.overdue(at=now)] == [str(bad.pk)]


# --- Seen to run -------------------------------------------------------------------------------------------
def first_screen(client, group=None, **person):
    user = UserFactory(**person)
    if group:
        user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    # In English, and without the words of the rest of the page.
    text = client.get(reverse("wagtailadmin_home")).content.decode()
    return " ".join(text[text.find('id="pulse-section"') :].split()) if 'id="pulse-section"' in text else ""


def test_who_publishes_sees_that_it_runs(client, now):
    tasks.beat()
    tasks.publish_scheduled_pages()

    text = first_screen(client, "Moderators")

    assert text.count("Runs; last at") == 2
    assert "run_worker" not in text


def test_who_publishes_sees_that_it_never_ran_and_what_to_do(client):
    text = first_screen(client, "Moderators")

    assert text.count("Has never run.") == 2
    assert "Start the worker with <code>python manage.py run_worker</code>" in text


def test_silence_is_told_in_minutes(client, now):
    # No schedule is late beside it, however long ago the tables were made.
    ScheduledWork.objects.update(since=now)
    heartbeat.beat(at=now - 7 * MINUTE)
    heartbeat.beat(at=now - timedelta(seconds=100), name=heartbeat.PUBLISHING)

    text = first_screen(client, superuser=True)

    assert "Has not run for 7 minutes" in text
    assert text.count("help-critical") == 1
    assert text.count("Runs; last at") == 1


@pytest.mark.parametrize(("group", "sees"), [("Moderators", True), ("Editors", True), ("Authors", False)])
def test_only_who_can_do_something_about_it_is_told(client, group, sees):
    assert bool(first_screen(client, group)) is sees


def test_what_was_taken_off_the_schedule_is_shown_until_it_is_published(client, now):
    bad = scheduled(at=now - MINUTE, title="Gardening", introduction="See https://evil.example/ for more.")
    publishing.publish_due(at=now)

    assert "Gardening" in first_screen(client, "Moderators")

    bad = bad.get_latest_revision_as_object()
    bad.introduction, bad.go_live_at = "See for yourself.", None
    bad.save_revision().publish()

    assert "Gardening" not in first_screen(client, "Moderators")


def test_what_is_past_its_moment_is_shown(client, now, broken):
    late = broken(at=now - 10 * MINUTE)
    publishing.publish_due(at=now)

    text = first_screen(client, "Moderators")

    assert "Waiting to be published, past their moment" in text
    assert reverse("wagtailadmin_pages:edit", args=[late.pk]) in text


def test_editors_of_the_first_page_are_not_told_of_courses(client, now):
    scheduled(at=now - MINUTE, title="Gardening", introduction="See https://evil.example/ for more.")
    publishing.publish_due(at=now)

    assert "Gardening" not in first_screen(client, "Editors")


def test_the_task_leaves_a_sign_that_it_ran(now):
    tasks.publish_scheduled_pages()

    assert Heartbeat.objects.get().name == heartbeat.PUBLISHING
    assert heartbeat.pulse(at=timezone.now(), name=heartbeat.PUBLISHING).is_alive
