"""Schedules are what the settings say, and an installation disturbs nothing that has not changed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.contrib.admin import site
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from django.utils.module_loading import import_string
from django_q.models import Schedule

from accounts.tests.factories import UserFactory
from portal.home.services.scheduling import Installed, install_schedules

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
    assert (schedule.name, schedule.func) == ("portal:nightly", "accounts.tasks.flush_expired_tokens")
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

    assert Schedule.objects.values_list("args", "repeats").get() == (None, -1)


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
