"""Health: the process is up; everything it needs works."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from portal.home import tasks
from portal.home.models import Heartbeat, ScheduledWork
from portal.home.services import heartbeat

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_a_live_process_needs_no_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_portal_whose_worker_beats_is_ready(client, settings):
    tasks.beat()
    ScheduledWork.objects.update(since=timezone.now())

    answer = client.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": dict.fromkeys(["database", "migrations", "cache", "storage", "broker", "worker"], "ok"),
        "schedules": dict.fromkeys(sorted(settings.SCHEDULES), "waiting"),
    }


def test_a_database_that_does_not_answer_is_noticed_and_not_described(client, monkeypatch):
    def refuse(*asked, **named):
        raise OperationalError('connection to server at "db.internal" (10.0.0.5), port 5432 failed: FATAL')

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.temporary_connection", refuse)

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "Unavailable: The database does not answer"


def test_without_a_worker_the_portal_is_not_ready(client):
    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["checks"]["worker"].endswith(
        "No worker has been heard yet: is manage.py run_worker running?"
    )
    assert answer.json()["checks"]["database"] == "ok"


def test_a_worker_that_fell_silent_is_noticed(client):
    heartbeat.beat(at=timezone.now() - timedelta(minutes=4))

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert "silent for 24" in answer.json()["checks"]["worker"]


def test_a_cache_that_does_not_answer_is_noticed(client, settings):
    tasks.beat()
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "nowhere"}
    }

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["checks"]["cache"] != "ok"


def test_a_beat_that_comes_late_does_not_turn_the_clock_back():
    heartbeat.beat(at=NOON)
    heartbeat.beat(at=NOON - timedelta(minutes=1))

    assert Heartbeat.objects.get().beat_at == NOON
    assert heartbeat.silence(at=NOON + timedelta(minutes=2)) == timedelta(minutes=2)


def test_a_process_never_heard_is_not_silent_but_unknown():
    assert heartbeat.silence(at=NOON) is None
