"""Each run of a schedule is noted with what came of it; and what is late, failed or cut off is told."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import DatabaseError, IntegrityError
from django.urls import reverse
from django.utils import timezone
from django_q.exceptions import TimeoutException
from django_q.models import Schedule

from accounts.tests.factories import UserFactory
from portal.home import health, tasks
from portal.home.models import ScheduledRun, ScheduledWork
from portal.home.services import overseeing, recording
from portal.home.services.overseeing import Condition

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LONGEST = timedelta(seconds=330)
Outcome = ScheduledRun.Outcome


@pytest.fixture(autouse=True)
def _empty():
    ScheduledWork.objects.all().delete()


def scheduled(name="nightly", *, cron="30 3 * * *", since=NOON - timedelta(days=3)):
    return ScheduledWork.objects.create(name=name, cron=cron, since=since)


def ran(name="nightly", *, at, outcome=Outcome.SUCCEEDED, **fields):
    ended = None if outcome in (Outcome.RUNNING, Outcome.CUT_OFF) else at + timedelta(seconds=2)
    return ScheduledRun.objects.create(name=name, started_at=at, finished_at=ended, outcome=outcome, **fields)


def overseen(at=NOON):
    return overseeing.oversee(at=at, zone=UTC, longest=LONGEST)


def condition(at=NOON):
    (only,) = overseen(at)
    return only.condition


# --- What is noted -----------------------------------------------------------------------------------------
@pytest.fixture
def schedules(settings):
    """Schedules that do what tests ask of them."""
    settings.SCHEDULES = {
        "good": {"func": "portal.home.tests.test_scheduled_runs.good", "cron": "* * * * *"},
        "bad": {"func": "portal.home.tests.test_scheduled_runs.bad", "cron": "* * * * *"},
        "slow": {"func": "portal.home.tests.test_scheduled_runs.slow", "cron": "* * * * *"},
        "silent": {"func": "portal.home.tests.test_scheduled_runs.silent", "cron": "* * * * *"},
        "gone": {"func": "portal.home.tests.test_scheduled_runs.gone", "cron": "* * * * *"},
    }


def good():
    return "3 settled, 1 given up"


def bad():
    raise ValueError("The ledger has a hole")


def slow():
    raise TimeoutException("Task exceeded maximum timeout value (300 seconds)")


def silent():
    assert ScheduledRun.objects.get().outcome == Outcome.RUNNING


def test_a_run_is_noted_with_what_it_says_of_itself(schedules):
    before = timezone.now()

    assert tasks.run_scheduled("good") == "3 settled, 1 given up"

    run = ScheduledRun.objects.get()
    assert (run.name, run.outcome, run.result, run.error) == (
        "good",
        Outcome.SUCCEEDED,
        "3 settled, 1 given up",
        "",
    )
    assert before <= run.started_at <= run.finished_at <= timezone.now()


def test_a_run_is_noted_before_its_work_begins(schedules):
    tasks.run_scheduled("silent")

    assert ScheduledRun.objects.values_list("outcome", "result").get() == (Outcome.SUCCEEDED, "")


def test_a_run_that_fails_is_noted_with_its_error_and_fails_for_the_queue_too(schedules):
    with pytest.raises(ValueError, match="hole"):
        tasks.run_scheduled("bad")

    run = ScheduledRun.objects.get()
    assert (run.outcome, run.result, run.error) == (Outcome.FAILED, "", "ValueError: The ledger has a hole")
    assert run.finished_at is not None


def test_a_run_that_takes_too_long_is_noted_as_failed(schedules):
    with pytest.raises(TimeoutException):
        tasks.run_scheduled("slow")

    assert ScheduledRun.objects.get().error.startswith("TimeoutException: Task exceeded maximum timeout")


def test_what_no_module_defines_is_noted_as_failed(schedules):
    with pytest.raises(ImportError):
        tasks.run_scheduled("gone")

    assert ScheduledRun.objects.get().outcome == Outcome.FAILED


def test_what_is_no_longer_scheduled_does_nothing_and_says_so(schedules, caplog):
    assert tasks.run_scheduled("former") == "no longer scheduled"

    assert not ScheduledRun.objects.exists()
    assert "former is no longer scheduled" in caplog.text


def test_long_words_are_cut_and_odd_ones_kept_out_of_the_database():
    run = recording.begin(name="long", at=NOON, longest=LONGEST)

    recording.succeed(run=run, at=NOON, result="\x00" + "a" * 600)

    run.refresh_from_db()
    assert run.result == "a" * 499 + "…"


def test_a_run_whose_process_ended_is_noted_as_cut_off_when_the_next_begins():
    old = ran(at=NOON - LONGEST - MINUTE, outcome=Outcome.RUNNING)
    other = ran("other", at=NOON - LONGEST - MINUTE, outcome=Outcome.RUNNING)
    slow = ran(at=NOON - LONGEST + MINUTE, outcome=Outcome.RUNNING)

    recording.begin(name="nightly", at=NOON, longest=LONGEST)

    for run, outcome in ((old, Outcome.CUT_OFF), (other, Outcome.RUNNING), (slow, Outcome.RUNNING)):
        run.refresh_from_db()
        assert run.outcome == outcome


def test_who_was_taken_for_cut_off_and_was_only_slow_has_the_last_word():
    run = ran(at=NOON, outcome=Outcome.CUT_OFF)

    recording.succeed(run=run, at=NOON + timedelta(minutes=9), result="done")

    run.refresh_from_db()
    assert (run.outcome, run.result) == (Outcome.SUCCEEDED, "done")


def test_a_run_that_was_deleted_meanwhile_is_told_in_the_log(caplog):
    run = ran(at=NOON, outcome=Outcome.RUNNING)
    ScheduledRun.objects.all().delete()

    recording.succeed(run=run, at=NOON, result="done")

    assert "was deleted before its end" in caplog.text


def test_the_database_refuses_an_end_without_an_outcome():
    with pytest.raises(IntegrityError, match="home_scheduledrun_finished_or_not"):
        ScheduledRun.objects.create(name="odd", started_at=NOON, finished_at=NOON, outcome=Outcome.RUNNING)


# --- How a schedule is -------------------------------------------------------------------------------------
DUE = NOON.replace(hour=3, minute=30)


def test_what_ran_when_it_was_due_is_as_planned():
    scheduled()
    ran(at=DUE + timedelta(seconds=8))

    assert condition() == Condition.FINE


def test_what_did_not_run_when_it_was_due_is_late():
    scheduled()
    ran(at=DUE - timedelta(days=1))

    (late,) = overseen()
    assert (late.condition, late.due_at) == (Condition.LATE, DUE)


def test_it_is_late_only_after_a_while():
    scheduled()
    ran(at=DUE - timedelta(days=1))

    assert condition(at=DUE + 2 * MINUTE) == Condition.FINE
    assert condition(at=DUE + 2 * MINUTE + timedelta(seconds=1)) == Condition.LATE


def test_what_runs_every_minute_is_late_after_three():
    scheduled("beat", cron="* * * * *")
    ran("beat", at=NOON)

    assert condition(at=NOON + 3 * MINUTE) == Condition.FINE
    assert condition(at=NOON + 3 * MINUTE + timedelta(seconds=1)) == Condition.LATE


def test_what_has_never_run_and_should_have_is_late():
    scheduled()

    assert condition() == Condition.LATE


def test_what_is_new_owes_nothing_before_its_first_moment():
    scheduled(since=NOON - timedelta(hours=1))

    assert condition() == Condition.WAITING
    assert overseen()[0].due_at is None


def test_what_failed_last_has_failed_until_it_succeeds():
    scheduled()
    ran(at=DUE + MINUTE, outcome=Outcome.FAILED, error="ValueError: no")
    assert condition() == Condition.FAILED

    ran(at=DUE + 20 * MINUTE)
    assert condition() == Condition.FINE


def test_what_runs_is_running_until_it_cannot_any_more():
    scheduled()
    ran(at=NOON - LONGEST, outcome=Outcome.RUNNING)

    assert condition(at=NOON) == Condition.RUNNING
    assert condition(at=NOON + timedelta(seconds=1)) == Condition.CUT_OFF


def test_what_was_cut_off_is_cut_off():
    scheduled()
    ran(at=DUE + MINUTE, outcome=Outcome.CUT_OFF)

    assert condition() == Condition.CUT_OFF


def test_the_moment_it_is_due_is_read_in_the_zone_of_the_site():
    scheduled()
    ran(at=datetime(2026, 3, 1, 3, 30, tzinfo=UTC))
    eastwards = timezone.get_fixed_timezone(120)

    (late,) = overseeing.oversee(at=NOON, zone=eastwards, longest=LONGEST)

    assert late.due_at == datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def test_what_is_in_trouble_stands_first_and_the_rest_by_its_title():
    for name in ("reconcile", "clean-up", "check-integrity"):
        scheduled(name, since=NOON)
    scheduled("refund")

    assert [each.name for each in overseen()] == ["refund", "clean-up", "reconcile", "check-integrity"]


@pytest.mark.parametrize("number", [1, 3])
def test_so_many_schedules_and_runs_are_two_questions(number, django_assert_num_queries):
    for schedule in range(number):
        scheduled(f"schedule-{schedule}")
        for day in range(number):
            ran(f"schedule-{schedule}", at=DUE - timedelta(days=day))

    with django_assert_num_queries(2):
        assert len(overseen()) == number


# --- Told by /health/ready ---------------------------------------------------------------------------------
def test_health_says_of_each_schedule_how_it_is(client):
    now = timezone.now()
    tasks.beat()
    scheduled("beat", cron="* * * * *", since=now - 10 * MINUTE)
    scheduled("refund", cron="* * * * *", since=now - 10 * MINUTE)
    scheduled("reconcile", since=now)
    ran("refund", at=now, outcome=Outcome.FAILED, error="ValueError: the name of a buyer")

    answer = client.get("/health/ready")

    # Late is no reason to send nobody here any more.
    assert answer.status_code == 200
    assert answer.json()["schedules"] == {"beat": "late", "refund": "failed", "reconcile": "waiting"}
    assert "buyer" not in answer.content.decode()


def test_health_without_a_database_says_nothing_of_schedules(monkeypatch, caplog):
    def refuse(**asked):
        raise DatabaseError("The server is gone")

    monkeypatch.setattr(overseeing, "oversee", refuse)

    assert health.schedules(at=NOON) == {}
    assert "cannot be read" in caplog.text


# --- Told in the CMS ---------------------------------------------------------------------------------------
def plain(response):
    return " ".join(response.content.decode().split())


def test_the_first_screen_says_what_ran_when_and_what_came_of_it(client):
    now = timezone.now()
    scheduled("refund", cron="* * * * *", since=now - 10 * MINUTE)
    scheduled("reconcile", cron="* * * * *", since=now - 10 * MINUTE)
    scheduled("clean-up", cron="* * * * *", since=now - 10 * MINUTE)
    ran("reconcile", at=now, result="2 unresolved")
    ran("clean-up", at=now, outcome=Outcome.FAILED, error="ValueError: no room")
    client.force_login(UserFactory(superuser=True))

    text = plain(client.get(reverse("wagtailadmin_home")))

    assert "2 schedules did not run as they should" in text
    for words in ("2 unresolved", "ValueError: no room", "<strong>Late</strong>", "<strong>Failed</strong>"):
        assert words in text
    assert "As planned" in text
    assert reverse("home_scheduled_runs") in text


def test_who_publishes_is_told_that_it_failed_and_not_the_words_of_the_error(client):
    now = timezone.now()
    scheduled("clean-up", cron="* * * * *", since=now - 10 * MINUTE)
    ran("clean-up", at=now, outcome=Outcome.FAILED, error="ValueError: the name of a buyer")
    client.force_login(editor := UserFactory())
    editor.groups.add(editor.groups.model.objects.get(name="Moderators"))

    text = plain(client.get(reverse("wagtailadmin_home")))

    assert "<strong>Failed</strong>" in text
    assert "the name of a buyer" not in text
    assert reverse("home_scheduled_runs") not in text


def test_the_report_has_every_run_and_can_be_narrowed(client):
    ran("refund", at=NOON, result="4")
    ran("reconcile", at=NOON, outcome=Outcome.FAILED, error="GatewayError: no answer")
    client.force_login(UserFactory(superuser=True))
    report = reverse("home_scheduled_runs")

    everything, failed = plain(client.get(report)), plain(client.get(report, {"outcome": "FAILED"}))

    assert "Give money back" in everything
    assert "GatewayError: no answer" in everything
    assert "GatewayError: no answer" in failed
    assert "<td> 4 </td>" not in failed
    assert client.get(report, {"export": "csv"}).status_code == 200


def test_the_report_is_for_who_may_see_it(client):
    somebody = UserFactory()
    somebody.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(somebody)
    assert client.get(reverse("home_scheduled_runs")).status_code == 302

    somebody.user_permissions.add(Permission.objects.get(codename="view_scheduledrun"))
    assert client.get(reverse("home_scheduled_runs")).status_code == 200


@pytest.mark.parametrize("number", [1, 3])
def test_the_report_asks_the_same_questions_for_one_run_as_for_three(
    client, number, django_assert_max_num_queries
):
    for each in range(number):
        ran("refund", at=NOON + each * MINUTE)
    client.force_login(UserFactory(superuser=True))

    with django_assert_max_num_queries(14):
        assert client.get(reverse("home_scheduled_runs")).status_code == 200


def test_every_schedule_of_ours_is_run_by_way_of_the_note():
    ours = Schedule.objects.filter(name__startswith="portal:")

    assert set(ours.values_list("func", flat=True)) == {"portal.home.tasks.run_scheduled"}
