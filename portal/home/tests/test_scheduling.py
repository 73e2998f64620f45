"""Schedules are what the settings say, and an installation disturbs nothing that has not changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from django.conf import settings
from django.contrib.admin import site
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from accounts.tests.factories import UserFactory
from portal.home.models import ScheduledWork
from portal.home.services.overseeing import TITLES
from portal.home.services.scheduling import RUN, Installed, install_schedules, set_malformed_aside

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NIGHTLY = {"func": "accounts.tasks.flush_expired_tokens", "cron": "30 3 * * *"}
BEAT = {"func": "portal.home.tasks.beat", "cron": "* * * * *"}


@pytest.fixture(autouse=True)
def _empty():
    Schedule.objects.all().delete()


def install(definitions, at=NOW, zone=UTC):
    return install_schedules(definitions, at=at, zone=zone)


def test_a_schedule_runs_next_when_its_expression_says():
    install({"nightly": NIGHTLY})

    schedule = Schedule.objects.get()
    assert (schedule.name, schedule.func, schedule.args) == ("portal:nightly", RUN, "('nightly',)")
    assert schedule.next_run == datetime(2026, 3, 3, 3, 30, tzinfo=UTC)


def test_the_expression_is_read_in_the_zone_of_the_site():
    install({"nightly": NIGHTLY}, zone=ZoneInfo("Europe/Madrid"))

    assert Schedule.objects.get().next_run == datetime(2026, 3, 3, 2, 30, tzinfo=UTC)


def test_installing_again_changes_nothing():
    install({"nightly": NIGHTLY, "beat": BEAT})
    before = list(Schedule.objects.order_by("pk").values())

    changed = install({"nightly": NIGHTLY, "beat": BEAT}, at=datetime(2026, 3, 5, 9, 0, tzinfo=UTC))

    assert changed == Installed((), (), ())
    assert list(Schedule.objects.order_by("pk").values()) == before


def test_a_changed_expression_gives_a_new_time():
    install({"nightly": NIGHTLY})

    changed = install({"nightly": {**NIGHTLY, "cron": "0 5 * * *"}})

    assert changed == Installed((), ("nightly",), ())
    assert Schedule.objects.get().next_run == datetime(2026, 3, 3, 5, 0, tzinfo=UTC)


def test_a_row_that_somebody_spoilt_is_mended():
    install({"beat": BEAT})
    Schedule.objects.update(args="(", repeats=0)

    install({"beat": BEAT})

    assert Schedule.objects.values_list("args", "repeats").get() == ("('beat',)", -1)


def test_what_is_no_longer_named_is_removed_and_what_is_not_ours_stays():
    install({"nightly": NIGHTLY, "beat": BEAT})
    Schedule.objects.create(name="somebody else's", func="builtins.print", schedule_type=Schedule.HOURLY)

    changed = install({"beat": BEAT})

    assert changed == Installed((), (), ("nightly",))
    assert sorted(Schedule.objects.values_list("name", flat=True)) == ["portal:beat", "somebody else's"]


def test_a_malformed_expression_installs_nothing():
    with pytest.raises(ImproperlyConfigured, match="'beat'"):
        install({"nightly": NIGHTLY, "beat": {**BEAT, "cron": "every minute"}})

    assert not Schedule.objects.exists()


@pytest.mark.parametrize("name", sorted(settings.SCHEDULES))
def test_what_is_scheduled_exists(name):
    assert callable(import_string(settings.SCHEDULES[name]["func"]))


def test_schedules_cannot_be_changed_in_the_admin():
    request = RequestFactory().get("/admin/")
    request.user = UserFactory(superuser=True)
    schedules = site._registry[Schedule]

    assert not schedules.has_add_permission(request)
    assert not schedules.has_change_permission(request)
    assert not schedules.has_delete_permission(request)
    assert schedules.has_view_permission(request)


# --- Since when --------------------------------------------------------------------------------------------
def test_what_is_installed_is_due_from_then_on():
    install({"nightly": NIGHTLY})
    install({"nightly": NIGHTLY, "beat": BEAT}, at=NOW + timedelta(days=1))

    assert dict(ScheduledWork.objects.values_list("name", "since")) == {
        "nightly": NOW,
        "beat": NOW + timedelta(days=1),
    }


def test_a_changed_expression_is_due_from_the_change_and_a_removed_one_no_more():
    install({"nightly": NIGHTLY, "beat": BEAT})

    install({"nightly": {**NIGHTLY, "cron": "0 5 * * *"}}, at=NOW + timedelta(days=1))

    work = ScheduledWork.objects.get()
    assert (work.name, work.cron, work.since) == ("nightly", "0 5 * * *", NOW + timedelta(days=1))


@pytest.mark.parametrize("name", sorted(settings.SCHEDULES))
def test_every_schedule_has_a_title_for_people(name):
    assert str(TITLES[name]) not in ("", name)


# --- Rows of others ----------------------------------------------------------------------------------------
def of_somebody_else(**fields):
    """As somebody wrote it past django-q's own forms."""
    schedule = Schedule.objects.create(func="builtins.print", schedule_type=Schedule.HOURLY)
    Schedule.objects.filter(pk=schedule.pk).update(**{"name": "theirs", "next_run": NOW, **fields})


MALFORMED = {
    "arguments that do not end": {"args": "("},
    "arguments that are a call": {"args": "open('/etc/passwd')"},
    "named arguments that are a number": {"kwargs": "1"},
    "named arguments that are a list": {"kwargs": "[1]"},
    "options that are a word": {"kwargs": "{'q_options': 'none'}"},
    "a type that there is not": {"schedule_type": "?"},
    "no cron expression": {"schedule_type": Schedule.CRON},
    "a cron expression of words": {"schedule_type": Schedule.CRON, "cron": "every day"},
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_row_of_somebody_else_stops_nothing(what, caplog):
    of_somebody_else(**MALFORMED[what])
    install({"beat": BEAT})
    Schedule.objects.exclude(name="theirs").update(next_run=NOW)
    # It came after the last installation: whoever looks at the schedules finds it first.
    Schedule.objects.filter(name="theirs").update(repeats=-1)

    assert set_malformed_aside() == ("theirs",)
    scheduler()

    assert [task.args() for task in OrmQ.objects.all()] == [("beat",)]
    assert Schedule.objects.get(name="theirs").repeats == 0
    assert "The schedule theirs cannot be read" in caplog.text


def test_django_q_itself_runs_nothing_when_one_row_is_malformed():
    of_somebody_else(args="(")
    install({"beat": BEAT})
    Schedule.objects.update(next_run=NOW, repeats=-1)

    scheduler()

    assert OrmQ.objects.count() == 0


def test_an_installation_sets_malformed_rows_aside():
    of_somebody_else(args="(")

    install({"beat": BEAT})

    assert Schedule.objects.get(name="theirs").repeats == 0


def test_rows_of_others_that_can_be_read_are_left_alone():
    of_somebody_else(args="1, 'two'", kwargs="{'three': 3}")
    of_somebody_else(name="also theirs", args="4", kwargs="five=5, six='6'")
    of_somebody_else(name="once", schedule_type=Schedule.ONCE)

    assert set_malformed_aside() == ()
    assert not Schedule.objects.filter(repeats=0).exists()


# --- One time zone -----------------------------------------------------------------------------------------
ZONES = ("Europe/Madrid", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo")
DAILY = sorted(name for name, each in settings.SCHEDULES.items() if each["cron"].split()[1].isdigit())


def runs(cron, zone, *, since, until):
    """The moments at which django-q runs a schedule: each is reckoned from the one before."""
    at = since
    while (at := croniter(cron, at.astimezone(ZoneInfo(zone))).get_next(datetime).astimezone(UTC)) < until:
        yield at


def test_site_and_schedules_have_one_time_zone():
    assert Conf.TIME_ZONE == settings.TIME_ZONE == timezone.get_default_timezone_name()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("name", DAILY)
def test_what_runs_daily_runs_once_on_every_day_of_a_year_of_clock_changes(name, zone):
    cron = settings.SCHEDULES[name]["cron"]
    year = {"since": datetime(2026, 1, 1, 12, tzinfo=UTC), "until": datetime(2027, 1, 2, tzinfo=UTC)}

    minute, hour = (int(part) for part in cron.split()[:2])
    local = [moment.astimezone(ZoneInfo(zone)) for moment in runs(cron, zone, **year)]
    assert {(moment.hour, moment.minute) for moment in local} == {(hour, minute)}
    days = [moment.date() for moment in local]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert len(days) >= 365


def offset(moment, zone):
    return moment.astimezone(ZoneInfo(zone)).utcoffset()


@pytest.mark.parametrize("zone", ZONES)
def test_what_runs_every_minute_misses_none_when_clocks_change(zone):
    half_hour = timedelta(minutes=30)
    half_hours = [datetime(2026, 1, 1, tzinfo=UTC) + number * half_hour for number in range(365 * 48)]
    changes = [each for each in half_hours if offset(each, zone) != offset(each - half_hour, zone)]

    assert len(changes) == 2
    for change in changes:
        hours = {"since": change - timedelta(hours=1), "until": change + timedelta(hours=1)}
        around = list(runs("* * * * *", zone, **hours))
        assert around == [change - timedelta(minutes=59 - minute) for minute in range(119)]


def test_the_next_night_is_reckoned_in_the_zone_of_the_site_over_a_clock_change():
    # On 29 March 2026 clocks in Madrid went from 2 to 3 at 01:00 UTC.
    madrid = ZoneInfo("Europe/Madrid")
    install({"nightly": NIGHTLY}, at=datetime(2026, 3, 28, 12, 0, tzinfo=UTC), zone=madrid)
    assert Schedule.objects.get().next_run == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

    # On 25 October they went back from 3 to 2, at 01:00 UTC too.
    later = {"nightly": {**NIGHTLY, "cron": "31 3 * * *"}}
    install(later, at=datetime(2026, 10, 24, 12, 0, tzinfo=UTC), zone=madrid)
    assert Schedule.objects.get().next_run == datetime(2026, 10, 25, 2, 31, tzinfo=UTC)
