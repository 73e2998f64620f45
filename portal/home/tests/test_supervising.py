"""The watchdog's decisions, with small programs for clusters; portal/tests/test_watchdog.py has real ones."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import OperationalError

from portal.home.management.commands import run_worker
from portal.home.services import heartbeat
from portal.home.services.supervising import Supervisor

#: Programs that get the number of their lifeline as the last argument. Each notes its start in a file.
PROGRAM = """
import os, signal, socket, sys, time
starts, behaviour, lifeline = sys.argv[1], sys.argv[2], socket.socket(fileno=int(sys.argv[3]))
with open(starts, "a") as file:
    file.write(f"{os.getpid()}\\n")
def sign(byte):
    while True:
        try:
            lifeline.send(byte, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
        lifeline.settimeout(0.02)
        try:
            if lifeline.recv(1) == b"":
                return
        except TimeoutError:
            pass
if behaviour == "free":
    sign(b".")
elif behaviour == "busy":
    sign(b"b")
elif behaviour == "stubborn":
    sign(b".")
    time.sleep(60)
elif behaviour == "mute":
    lifeline.send(b".")
    time.sleep(60)
elif behaviour == "crash":
    lifeline.send(b".")
    sys.exit(3)
elif behaviour == "leave a child":
    lifeline.send(b".")
    if os.fork():
        os._exit(1)
    time.sleep(60)
"""


class Watched:
    """A supervisor of a program, in a thread."""

    def __init__(self, folder: Path, behaviour: str, *, heard=lambda: 0.0):
        self.file = folder / "starts"
        self.file.touch()
        self.supervisor = Supervisor(
            command=[sys.executable, "-S", "-c", PROGRAM, str(self.file), behaviour],
            heard=heard,
            silence=0.6,
            guard_silence=0.8,
            grace=0.6,
        )
        self.thread = threading.Thread(target=self.supervisor.run)
        self.thread.start()

    def starts(self) -> list[int]:
        return [int(pid) for pid in self.file.read_text().splitlines()]

    def wait_for_starts(self, number: int) -> bool:
        deadline = time.monotonic() + 15
        while len(self.starts()) < number and time.monotonic() < deadline:
            time.sleep(0.02)
        return len(self.starts()) >= number

    def stop(self) -> None:
        self.supervisor.stop()
        self.thread.join(timeout=15)
        assert not self.thread.is_alive()


@pytest.fixture
def watch(tmp_path):
    begun = []

    def begin(behaviour, **more):
        begun.append(Watched(tmp_path, behaviour, **more))
        return begun[-1]

    yield begin
    for watched in begun:
        watched.stop()


def is_alive(group: int) -> bool:
    """Whether anybody of a process group is there, and not only its remains."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, of_group = entry.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of_group) == group and state != "Z":
            return True
    return False


def test_what_works_is_left_alone_until_it_is_told_to_stop(watch):
    watched = watch("free")
    assert watched.wait_for_starts(1)

    time.sleep(2)
    watched.stop()

    assert len(watched.starts()) == 1
    assert not is_alive(watched.starts()[0])


def test_what_ends_is_started_anew(watch, caplog):
    watched = watch("crash")

    assert watched.wait_for_starts(3)

    assert "The cluster is started anew: it ended (3)" in caplog.text


def test_whose_guard_gives_no_sign_is_killed_and_started_anew(watch, caplog):
    watched = watch("mute")

    assert watched.wait_for_starts(2)

    assert "its guard has given no sign" in caplog.text
    assert not is_alive(watched.starts()[0])


def test_what_a_guard_leaves_behind_is_killed(watch):
    watched = watch("leave a child")

    assert watched.wait_for_starts(2)

    assert not is_alive(watched.starts()[0])


def test_an_old_heartbeat_while_a_worker_is_free_starts_it_anew(watch, caplog):
    watched = watch("free", heard=lambda: 1000.0)

    assert watched.wait_for_starts(2)

    assert "no heartbeat for" in caplog.text


def test_an_old_heartbeat_while_all_workers_are_busy_says_nothing(watch):
    watched = watch("busy", heard=lambda: 1000.0)
    assert watched.wait_for_starts(1)

    time.sleep(2.5)

    assert len(watched.starts()) == 1


def test_a_heartbeat_that_cannot_be_read_says_nothing(watch):
    watched = watch("free", heard=lambda: None)
    assert watched.wait_for_starts(1)

    time.sleep(2.5)

    assert len(watched.starts()) == 1


def test_starting_anew_in_vain_is_tried_less_and_less_often(watch):
    begun_at = time.monotonic()
    watched = watch("free", heard=lambda: 1000.0)

    assert watched.wait_for_starts(3)

    # 0.6 seconds of silence, then 1.2.
    assert time.monotonic() - begun_at > 1.8


def test_who_does_not_end_when_told_to_is_killed(watch, caplog):
    watched = watch("stubborn")
    assert watched.wait_for_starts(1)

    watched.stop()

    assert "did not end within 0.6 seconds, and is killed" in caplog.text
    assert not is_alive(watched.starts()[0])


# --- The command -------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_command_asks_for_the_heartbeat_in_the_database():
    assert run_worker.seconds_since_the_heartbeat() == float("inf")

    heartbeat.beat(at=run_worker.timezone.now())

    assert 0 <= run_worker.seconds_since_the_heartbeat() < 5


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_no_fault_of_the_worker(monkeypatch, caplog):
    def refuse(**asked):
        raise OperationalError("The server is gone")

    monkeypatch.setattr(heartbeat, "silence", refuse)

    assert run_worker.seconds_since_the_heartbeat() is None
    assert "The server is gone" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_stops_when_it_is_told_to(monkeypatch, tmp_path, number):
    former = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(run_worker, "seconds_since_the_heartbeat", lambda: 0.0)
    file = tmp_path / "starts"
    file.touch()
    monkeypatch.setattr(sys, "executable", "/bin/sh")
    script = tmp_path / "manage.py"
    script.write_text(f'echo $$ >> {file}; printf . >&"$(eval echo \\${{$#}})"; exec sleep 60')
    monkeypatch.setattr(sys, "argv", [str(script)])

    def tell_when_it_runs():
        while not file.read_text():
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    threading.Thread(target=tell_when_it_runs).start()
    try:
        call_command("run_worker", grace=0.2)
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)

    assert not is_alive(int(file.read_text()))
