"""The nightly clean-up: what goes, what stays, and that one part which fails keeps none of the others."""

from datetime import UTC, datetime, timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django_q.models import Task
from wagtail.models import PageLogEntry, Revision

from accounts.tests.factories import UserFactory
from courses.tests.factories import CourseFactory
from portal.home import tasks
from portal.home.models import ScheduledRun
from portal.home.services import tidying

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 11, 2, 4, 50, tzinfo=UTC)
DAY = timedelta(days=1)
KEEP = {"tasks": 14, "runs": 30, "revisions": 180}


def tidy():
    return tidying.tidy(at=NIGHT, keep=KEEP)


def session(key, *, ends):
    return Session.objects.create(session_key=key, session_data="-", expire_date=ends)


def device(key, *, seen):
    return UserSession.objects.create(
        user=UserFactory(), ip="192.0.2.1", session_key=key, user_agent="-", last_seen_at=seen
    )


def task(name, *, stopped, success=True):
    return Task.objects.create(
        id=name, name=name, func="f", started=stopped, stopped=stopped, success=success
    )


def run(name, *, at):
    return ScheduledRun.objects.create(
        name=name, started_at=at, finished_at=at, outcome=ScheduledRun.Outcome.SUCCEEDED
    )


def draft(page, *, at, title="Draft"):
    """A revision as the CMS saves one, at a moment."""
    page.title = title
    revision = page.save_revision(clean=False)
    Revision.objects.filter(pk=revision.pk).update(created_at=at)
    return revision


def test_nothing_to_tidy_is_told_as_nothing():
    assert tidy() == "0 sessions, 0 devices, 0 tasks, 0 runs, 0 revisions"


def test_sessions_go_when_they_have_expired():
    session("old", ends=NIGHT - timedelta(seconds=1))
    session("open", ends=NIGHT + timedelta(seconds=1))

    assert tidy().startswith("1 sessions")

    assert Session.objects.values_list("pk", flat=True).get() == "open"


def test_a_device_goes_with_its_session():
    session("open", ends=NIGHT + DAY)
    device("open", seen=NIGHT - 9 * DAY)
    device("gone", seen=NIGHT - 9 * DAY)
    device("half a pair", seen=NIGHT)

    assert "1 devices" in tidy()

    assert set(UserSession.objects.values_list("session_key", flat=True)) == {"open", "half a pair"}


def test_notes_of_tasks_go_after_their_days_failures_too():
    task("old", stopped=NIGHT - 15 * DAY)
    task("failed", stopped=NIGHT - 15 * DAY, success=False)
    task("young", stopped=NIGHT - 13 * DAY, success=False)

    assert "2 tasks" in tidy()

    assert Task.objects.get().name == "young"


def test_runs_go_after_their_days_but_for_the_last_of_each_schedule():
    run("rare", at=NIGHT - 90 * DAY)
    last = run("rare", at=NIGHT - 60 * DAY)
    run("often", at=NIGHT - 31 * DAY)
    young = run("often", at=NIGHT - 29 * DAY)

    assert "2 runs" in tidy()

    assert set(ScheduledRun.objects.all()) == {last, young}


def test_more_than_a_batch_goes(monkeypatch):
    monkeypatch.setattr(tidying, "BATCH", 2)
    for number in range(5):
        session(str(number), ends=NIGHT - DAY)

    assert tidy().startswith("5 sessions")

    assert not Session.objects.exists()


# --- Revisions ---------------------------------------------------------------------------------------------
def test_old_drafts_go_and_the_newest_stays():
    page = CourseFactory(draft=True)
    Revision.objects.all().delete()
    draft(page, at=NIGHT - 400 * DAY)
    newest = draft(page, at=NIGHT - 300 * DAY)

    assert "1 revisions" in tidy()

    assert Revision.objects.get() == newest


def test_young_drafts_stay():
    page = CourseFactory(draft=True)
    Revision.objects.all().delete()
    draft(page, at=NIGHT - 179 * DAY)
    draft(page, at=NIGHT)

    assert "0 revisions" in tidy()


def test_what_is_on_the_site_stays_under_a_newer_draft():
    page = CourseFactory()
    Revision.objects.all().delete()
    on_the_site = draft(page, at=NIGHT - 400 * DAY, title="On the site")
    on_the_site.publish()
    forgotten = draft(page, at=NIGHT - 300 * DAY)
    newest = draft(page, at=NIGHT - 200 * DAY)

    tidy()

    assert set(Revision.objects.all()) == {on_the_site, newest}
    assert not Revision.objects.filter(pk=forgotten.pk).exists()


def test_what_waits_for_its_moment_stays():
    page = CourseFactory(draft=True)
    Revision.objects.all().delete()
    waiting = draft(page, at=NIGHT - 400 * DAY)
    Revision.objects.filter(pk=waiting.pk).update(approved_go_live_at=NIGHT + DAY)
    newest = draft(page, at=NIGHT - 300 * DAY)

    tidy()

    assert set(Revision.objects.all()) == {waiting, newest}


def test_what_was_on_the_site_last_stays_for_the_next_publication_to_be_compared_with():
    page = CourseFactory()
    Revision.objects.all().delete()
    published = draft(page, at=NIGHT - 400 * DAY, title="As it was")
    published.publish()
    page.refresh_from_db()
    page.unpublish()
    draft(page, at=NIGHT - 300 * DAY)

    tidy()

    assert Revision.objects.filter(pk=published.pk).exists()
    entry = PageLogEntry.objects.get(page=page.pk, action="wagtail.publish", revision__isnull=False)
    assert entry.revision == published


# --- One part that fails -----------------------------------------------------------------------------------
def test_one_part_that_fails_keeps_none_of_the_others(monkeypatch, caplog):
    def refuse(before):
        raise DatabaseError("The table is locked")

    monkeypatch.setattr(tidying, "_runs", refuse)
    session("old", ends=NIGHT - DAY)
    task("old", stopped=NIGHT - 15 * DAY)

    with pytest.raises(tidying.TidyingFailed) as failure:
        tidy()

    assert str(failure.value) == (
        "Could not delete old runs; deleted: 1 sessions, 0 devices, 1 tasks, 0 revisions"
    )
    assert "The table is locked" in caplog.text


def test_the_task_keeps_what_the_settings_say(settings):
    settings.KEEP_DAYS = {"tasks": 1, "runs": 1, "revisions": 1}
    task("old", stopped=datetime.now(UTC) - 2 * DAY)

    assert "1 tasks" in tasks.clean_up()
