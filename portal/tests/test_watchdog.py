"""Kill, freeze and stop the worker's processes: schedules go on, and nobody is left behind.

`make kills` does each to each, on both databases; within the suite each is done once.
"""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from portal.home.services import heartbeat
from portal.tests.working import worker as make_worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
IS_LONG = os.environ.get("KILLS") == "long"
long_only = pytest.mark.skipif(not IS_LONG, reason="takes long: make kills")
#: From a standing start: two Pythons with Django, a look at the schedules, a task.
STARTS_WITHIN = 60.0
#: A kill is seen within a second; the rest is the start of a new cluster.
GOES_ON_WITHIN = 30.0
CHORE = "portal.tests.chores.chore"
ROLES = ("worker", "guard", "monitor", "pusher")
IN_THE_SUITE = {"sqlite": ("worker", "guard"), "postgres": ("monitor", "pusher")}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def worker(request, transactional_db, tmp_path):
    with make_worker(tmp_path) as made:
        made.database = request.param
        yield made


@pytest.fixture
def notes(tmp_path):
    """The file that chores write to, and how to read it."""
    file = tmp_path / "notes"
    file.touch()
    return file


def lines(notes: Path) -> list[str]:
    return notes.read_text().splitlines()


def test_whoever_is_killed_schedules_go_on_and_nobody_is_left_behind(worker, notes):
    worker.start()
    worker.wait_for_a_beat(seconds=STARTS_WITHIN)

    for role in ROLES * 3 if IS_LONG else IN_THE_SUITE[worker.database]:
        former, killed_at = worker.whole(), timezone.now()
        os.kill(worker.living(role)[-1], signal.SIGKILL)
        worker.wait_for_a_restart(after=killed_at, seconds=GOES_ON_WITHIN)
        worker.wait_for_a_beat(seconds=GOES_ON_WITHIN)
        took = (timezone.now() - killed_at).total_seconds()
        print(f"\n{worker.database}: {took:.1f} s after the {role} was killed, schedules go on")
        watchdog = worker.process.pid
        assert set(worker.whole()) & set(former) == {watchdog}, worker.log

    # A task that runs when the worker is told to stop comes to its end first.
    worker.enqueue(CHORE, str(notes), 1, 2.0)
    worker.wait_for(lambda: lines(notes), seconds=GOES_ON_WITHIN, what="the chore")
    assert worker.stop() == 0
    stopped_at = timezone.now()
    assert lines(notes) == ["began 1", "done 1"]
    assert worker.whole() == []

    # And two minutes later everybody can see that it has stopped.
    heartbeat.beat(at=worker.beat_at())
    assert heartbeat.pulse(at=stopped_at).is_alive
    assert not heartbeat.pulse(at=stopped_at + timedelta(minutes=2, seconds=1)).is_alive


def test_without_the_watchdog_nobody_of_the_cluster_stays(worker):
    if worker.database == "postgres" and not IS_LONG:
        pytest.skip("once in the suite is enough: make kills")
    worker.start()
    worker.wait_for_a_beat(seconds=STARTS_WITHIN)
    worker.note_groups()

    worker.process.kill()

    worker.wait_for(lambda: not worker.whole(), seconds=GOES_ON_WITHIN, what="the end of the cluster")


@long_only
def test_health_shows_within_two_minutes_that_the_worker_has_stopped(worker, client):
    if worker.database == "sqlite":
        pytest.skip("the worker has a database of its own there")
    worker.start()
    worker.wait_for_a_beat(seconds=STARTS_WITHIN)
    assert client.get("/health/ready").json()["checks"]["worker"] == "ok"

    assert worker.stop() == 0

    worker.wait_for(
        lambda: client.get("/health/ready").status_code == 503, seconds=122, what="the answer 503"
    )
    assert "The worker has been silent for" in client.get("/health/ready").json()["checks"]["worker"]


@long_only
@pytest.mark.parametrize("role", ["worker", "monitor"])
def test_who_is_frozen_gives_no_answer_and_is_replaced(worker, role):
    worker.start()
    worker.wait_for_a_beat(seconds=STARTS_WITHIN)

    for pid in worker.living(role):
        os.kill(pid, signal.SIGSTOP)

    worker.wait_for(lambda: "no worker answers" in worker.log, seconds=GOES_ON_WITHIN, what="giving up")
    worker.wait_for_a_beat(seconds=GOES_ON_WITHIN)


@long_only
def test_a_guard_that_is_frozen_gives_no_sign_and_is_replaced(worker):
    worker.start()
    worker.wait_for_a_beat(seconds=STARTS_WITHIN)

    os.kill(worker.living("guard")[0], signal.SIGSTOP)

    worker.wait_for(lambda: "has given no sign" in worker.log, seconds=GOES_ON_WITHIN, what="the restart")
    worker.wait_for_a_beat(seconds=GOES_ON_WITHIN)


@long_only
def test_a_pusher_that_is_frozen_lets_the_heartbeat_grow_old(worker):
    worker.start()
    worker.wait_for_a_beat(seconds=STARTS_WITHIN)

    os.kill(worker.living("pusher")[0], signal.SIGSTOP)

    worker.wait_for(lambda: "no heartbeat for" in worker.log, seconds=GOES_ON_WITHIN, what="the restart")
    worker.wait_for_a_beat(seconds=GOES_ON_WITHIN)


@long_only
def test_workers_that_are_all_busy_are_left_alone(worker, notes):
    worker.start()
    worker.wait_for_a_beat(seconds=STARTS_WITHIN)
    former = worker.whole()

    for number in (1, 2):
        worker.enqueue(CHORE, str(notes), number, 25.0)

    worker.wait_for(lambda: len(lines(notes)) == 4, seconds=60, what="the end of both chores")
    assert worker.whole() == former
    assert "started anew" not in worker.log


@long_only
def test_a_task_that_does_not_end_when_the_worker_is_told_to_is_killed_and_stays_queued(worker, notes):
    worker.start()
    worker.wait_for_a_beat(seconds=STARTS_WITHIN)
    worker.enqueue(CHORE, str(notes), 1, 60.0)
    worker.wait_for(lambda: lines(notes), seconds=GOES_ON_WITHIN, what="the chore")

    assert worker.stop() == 0

    assert lines(notes) == ["began 1"]
    assert worker.whole() == []
    assert worker.claimed() == 1


@long_only
def test_django_q_s_own_guard_never_recovers_from_the_same_kill(worker):
    worker.start("qcluster")
    worker.wait_for_a_beat(seconds=STARTS_WITHIN + 40)

    # One of the idle workers holds the lock of the queue.
    for pid in worker.living("worker"):
        os.kill(pid, signal.SIGKILL)

    with pytest.raises(AssertionError, match="the next beat did not come true"):
        worker.wait_for_a_beat(seconds=100)
