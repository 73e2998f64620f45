"""What dies with a worker, by broker: with real processes, killed in the middle of many tasks.

`make kills` does it several times, on both databases. The figures stand in docs/operations.md.
"""

import os
import signal

import pytest
import redis
from django_q.conf import Conf
from django_q.signing import SignedPackage

from portal.tests.working import LONG_AGO, Worker
from portal.tests.working import worker as make_worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
IS_LONG = os.environ.get("KILLS") == "long"
CHORE = "portal.tests.chores.chore"
CHORES = range(16)
WITHIN = 60.0
#: Two at work, two before them in the cluster's own queue, and one in the hand of who fetches them.
IN_HAND = 2 + 2 + 1
TIMES = range(5 if IS_LONG else 1)
LIST = "django_q:portal:q"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def is_left_out(request):
    if request.param == "postgres" and not IS_LONG:
        pytest.skip("the database makes no difference here: make kills")


@pytest.fixture
def notes(tmp_path):
    file = tmp_path / "notes"
    file.touch()
    return file


def said(notes, word):
    """The numbers of chores that began, or that were done, as often as they were."""
    return [int(line.split()[1]) for line in notes.read_text().splitlines() if line.startswith(word)]


def kill_in_the_middle(worker: Worker, notes) -> None:
    """End every process at once, as a power failure does, when some chores are done and some are not."""
    worker.wait_for(lambda: len(said(notes, "done")) >= 3, seconds=WITHIN, what="the first chores")
    for pid in worker.whole():
        os.kill(pid, signal.SIGKILL)
    worker.process.wait()


@pytest.mark.parametrize("time", TIMES)
def test_with_the_database_as_the_broker_nothing_is_lost(
    is_left_out, transactional_db, tmp_path, notes, time
):
    with make_worker(tmp_path, is_beating=False, options=("--look-every", "60")) as worker:
        for number in CHORES:
            worker.enqueue(CHORE, str(notes), number, 0.2)
        worker.start()
        kill_in_the_middle(worker, notes)
        done = set(said(notes, "done"))
        in_hand = worker.claimed()

        # Twenty minutes later what was fetched and not acknowledged is given out again.
        worker.rows("UPDATE django_q_ormq SET lock = ?", LONG_AGO)
        worker.start()
        worker.wait_for(
            lambda: not worker.rows("SELECT id FROM django_q_ormq"), seconds=WITHIN, what="the end"
        )

        assert sorted(set(said(notes, "done"))) == list(CHORES)
        assert 1 <= in_hand <= IN_HAND + 2  # and two whose ends were not noted
        twice = len(said(notes, "began")) - len(CHORES)
        print(f"\norm: none of {len(CHORES)} lost, {in_hand} in hand, {twice} begun twice")
        assert 0 <= twice <= in_hand
        assert len(done) < len(CHORES)


@pytest.mark.parametrize("time", TIMES)
def test_with_redis_as_the_broker_what_was_in_hand_is_lost_and_nothing_else(
    is_left_out, transactional_db, tmp_path, notes, redis_url, time
):
    queue = redis.from_url(redis_url)
    queue.delete(LIST)
    variables = {"Q_BROKER": "redis", "Q_REDIS_URL": redis_url}
    with make_worker(
        tmp_path, is_beating=False, options=("--look-every", "60"), variables=variables
    ) as worker:
        for number in CHORES:
            queue.rpush(LIST, worker.packed(CHORE, str(notes), number, 0.2))
        worker.start()
        kill_in_the_middle(worker, notes)
        waiting = {number_of(payload) for payload in queue.lrange(LIST, 0, -1)}
        in_hand = set(CHORES) - waiting - set(said(notes, "done"))

        worker.start()
        rest = len(waiting)
        before = len(said(notes, "done"))
        worker.wait_for(
            lambda: len(said(notes, "done")) == before + rest, seconds=WITHIN, what="the rest of the chores"
        )
        assert worker.stop() == 0

        print(f"\nredis: {len(in_hand)} of {len(CHORES)} lost")
        assert 1 <= len(in_hand) <= IN_HAND
        assert set(CHORES) - set(said(notes, "done")) == in_hand
        assert queue.llen(LIST) == 0


def number_of(payload: bytes) -> int:
    """Which chore a packed task is."""
    assert Conf.PREFIX == "portal"
    return int(SignedPackage.loads(payload.decode())["args"][1])
