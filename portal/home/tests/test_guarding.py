"""The guard's decisions, round by round. Real processes are killed in portal/tests/test_watchdog.py."""

import queue
import signal
import socket
from multiprocessing import Value

import pytest

from portal.home.services import guarding
from portal.home.services.guarding import QUESTION, Guard

pytestmark = pytest.mark.django_db
FREE, BUSY, REPLACED = -1.0, 300.0, -2.0


class Process:
    """What the guard asks of a process, without one."""

    def __init__(self, *, timer=FREE, exitcode=None):
        self.pid = 4711
        self.exitcode = exitcode
        self.timer = Value("f", timer)
        self.was_killed = False

    def is_alive(self):
        return self.exitcode is None

    def join(self, timeout):
        pass

    def kill(self):
        self.was_killed = True
        self.exitcode = -signal.SIGKILL


class Tasks:
    """The workers' queue."""

    def __init__(self, room=10):
        self.room = room
        self.put_in = []

    def put(self, task, *, block):
        assert not block
        if len(self.put_in) >= self.room:
            raise queue.Full
        self.put_in.append(task)

    def qsize(self):
        return len(self.put_in)


@pytest.fixture
def clock(monkeypatch):
    """The guard's clock, which goes as tests say."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(guarding.time, "monotonic", lambda: Clock.now)
    return Clock


@pytest.fixture
def guard(clock, monkeypatch):
    """A guard that has started nothing; the processes it starts are Process."""
    former = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    ours, theirs = socket.socketpair()
    made = Guard(lifeline=theirs, patience=30, look_every=10, grace=5)
    for number, handler in former.items():
        signal.signal(number, handler)
    made.other_end = ours
    made.task_queue = Tasks()
    made.pool = [Process(), Process()]
    made.monitor, made.pusher = Process(), Process()
    monkeypatch.setattr(guarding.db.connections, "close_all", lambda: None)
    monkeypatch.setattr(made, "spawn_worker", lambda: made.pool.append(Process()))
    monkeypatch.setattr(made, "spawn_monitor", Process)
    monkeypatch.setattr(made, "spawn_pusher", Process)
    yield made
    guarding.post_execute.disconnect(dispatch_uid="guarding.answer")
    ours.close()
    theirs.close()


def die(process, exitcode):
    process.exitcode = exitcode


# --- Processes ---------------------------------------------------------------------------------------------
def test_a_worker_killed_as_it_waits_ends_the_cluster(guard):
    die(guard.pool[0], -signal.SIGKILL)

    guard._look_after_processes()

    assert guard.gave_up_because == "worker 4711 was killed as it waited for a task"


@pytest.mark.parametrize(("timer", "exitcode"), [(BUSY, -signal.SIGKILL), (REPLACED, 0), (FREE, 1)])
def test_a_worker_that_held_no_lock_is_replaced(guard, timer, exitcode):
    gone = guard.pool[0]
    gone.timer.value = timer
    die(gone, exitcode)

    guard._look_after_processes()

    assert guard.gave_up_because == ""
    assert gone not in guard.pool
    assert len(guard.pool) == 2


def test_a_worker_killed_with_its_own_lock_in_hand_does_not_hold_up_the_guard(guard):
    gone = guard.pool[0]
    gone.timer.get_lock().acquire()
    die(gone, -signal.SIGKILL)

    guard._look_after_processes()

    assert "was killed" in guard.gave_up_because


@pytest.mark.parametrize("role", ["monitor", "pusher"])
def test_a_monitor_or_pusher_that_is_killed_ends_the_cluster(guard, role):
    die(getattr(guard, role), -signal.SIGKILL)

    guard._look_after_processes()

    assert guard.gave_up_because == f"the {role} 4711 was killed"


@pytest.mark.parametrize("role", ["monitor", "pusher"])
def test_a_monitor_or_pusher_that_ends_by_itself_is_replaced(guard, role):
    gone = getattr(guard, role)
    die(gone, 0)

    guard._look_after_processes()

    assert guard.gave_up_because == ""
    assert getattr(guard, role) is not gone
    assert getattr(guard, role).is_alive()


def test_a_task_that_takes_too_long_costs_its_worker_the_place(guard):
    slow = guard.pool[0]
    slow.timer.value = 1.0

    guard._look_after_processes()
    assert (slow.timer.value, slow.was_killed) == (0.5, False)

    guard._look_after_processes()
    assert (slow.was_killed, slow in guard.pool, len(guard.pool)) == (True, False, 2)


def test_the_time_of_a_worker_without_a_task_does_not_run(guard):
    guard._look_after_processes()

    assert [worker.timer.value for worker in guard.pool] == [FREE, FREE]


# --- Answers -----------------------------------------------------------------------------------------------
def let_go_by(guard, clock, seconds):
    for _round in range(int(seconds / guarding.ROUND)):
        clock.now += guarding.ROUND
        guard._look_for_an_answer()


def test_nothing_is_asked_while_answers_are_fresh(guard, clock):
    let_go_by(guard, clock, 29)

    assert guard.task_queue.put_in == []


def test_an_answer_is_asked_for_once_and_ends_the_wait(guard, clock):
    let_go_by(guard, clock, 50)
    (question,) = guard.task_queue.put_in
    assert (question["func"], question["save"]) == (QUESTION, False)

    guard._note_answer("django_q", question)
    let_go_by(guard, clock, 29)

    assert guard.gave_up_because == ""
    assert len(guard.task_queue.put_in) == 1


def test_no_answer_though_a_worker_is_free_ends_the_cluster(guard, clock):
    guard.pool[0].timer.value = BUSY

    let_go_by(guard, clock, 60)
    assert guard.gave_up_because == ""

    let_go_by(guard, clock, 1)
    assert guard.gave_up_because == "no worker answers for 30 seconds, and not all are busy"


def test_no_answer_while_all_are_busy_says_nothing(guard, clock):
    for worker in guard.pool:
        worker.timer.value = BUSY

    let_go_by(guard, clock, 600)
    assert guard.gave_up_because == ""

    guard.pool[0].timer.value = FREE
    let_go_by(guard, clock, 30)
    assert guard.gave_up_because == ""
    let_go_by(guard, clock, 1)
    assert guard.gave_up_because


def test_no_room_for_the_question_is_no_answer_either(guard, clock):
    guard.task_queue.room = 0

    let_go_by(guard, clock, 61)

    assert guard.gave_up_because


def test_a_task_of_somebody_is_no_answer(guard, clock):
    let_go_by(guard, clock, 31)

    guard._note_answer("django_q", {"func": "portal.home.tasks.beat"})
    let_go_by(guard, clock, 31)

    assert guard.gave_up_because


# --- Signs -------------------------------------------------------------------------------------------------
def test_a_sign_says_whether_a_worker_is_free(guard, monkeypatch):
    monkeypatch.setattr(guarding.Stat, "save", lambda self: None)
    guard.pool[0].timer.value = BUSY
    guard._show()
    guard.pool[1].timer.value = BUSY
    guard._show()

    assert guard.other_end.recv(10) == b".b"


def test_signs_that_nobody_reads_hold_up_nothing(guard, monkeypatch):
    monkeypatch.setattr(guarding.Stat, "save", lambda self: None)
    guard.other_end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    for _round in range(5000):
        guard._show()

    guard.other_end.close()
    guard._show()


def test_the_schedules_are_looked_at_now_and_then(guard, clock, monkeypatch):
    looks = []
    monkeypatch.setattr(guarding, "scheduler", lambda broker: looks.append(clock.now))
    monkeypatch.setattr(guarding.db, "close_old_connections", lambda: None)

    for _round in range(41):
        guard._look_at_schedules()
        clock.now += guarding.ROUND

    assert looks == [1000.0, 1010.0, 1020.0]


def test_a_database_that_does_not_answer_does_not_end_the_guard(guard, monkeypatch, caplog):
    def refuse():
        raise guarding.db.OperationalError("The server is gone")

    monkeypatch.setattr(guarding.db, "close_old_connections", refuse)

    guard._look_at_schedules()

    assert "The schedules could not be looked at" in caplog.text
