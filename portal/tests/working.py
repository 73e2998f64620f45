"""The worker as `make run` and Docker start it: real processes over a database of the test's."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from django_q.brokers import Broker
from django_q.tasks import async_task

from portal.tests.running import ROOT, wait_until

#: What a beat looks like that comes every second: nobody wants to wait for minutes.
EVERY_SECOND = "* * * * * *"
LONG_AGO = "2026-01-01 00:00:00"
QUICK = ("--look-every", "0.5", "--patience", "4", "--silence", "8", "--guard-silence", "8", "--grace", "8")
ROLES = {
    "worker": re.compile(r"Process-\w+ ready for work at (\d+)"),
    "monitor": re.compile(r"Process-\w+ monitoring at (\d+)"),
    "pusher": re.compile(r"Process-\w+ pushing tasks at (\d+)"),
    "guard": re.compile(r"Cluster (\d+) runs"),
}


@dataclass(kw_only=True)
class Worker:
    """A worker with its watchdog: `run_worker` in a folder of its own, over one database."""

    folder: Path
    database_url: str
    variables: Mapping[str, str] = field(default_factory=dict)
    options: Sequence[str] = QUICK
    database: str = ""
    process: subprocess.Popen[bytes] | None = None
    groups: set[int] = field(default_factory=set)

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "portal.settings.development",
            "DATABASE_URL": self.database_url,
            "MEDIA_DIR": str(self.folder / "media"),
            "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
            # The tests' own: what they sign, the worker reads.
            "SECRET_KEY": settings.SECRET_KEY,
            **self.variables,
        }

    # --- Processes -----------------------------------------------------------------------------------------
    def start(self, *command: str) -> None:
        """Start the worker, or another command in its place."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", *(command or ("run_worker", *self.options))],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.groups.add(self.process.pid)

    def stop(self, *, within: float = 30.0) -> int:
        """Ask the worker to stop, as honcho and Docker do; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=within)

    def end(self) -> None:
        """Leave nothing behind, whatever a test did."""
        self.note_groups()
        for group in self.groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def note_groups(self) -> None:
        self.groups.update(self.pids("guard"))

    def pids(self, role: str) -> list[int]:
        """The processes of the newest cluster that have a role, oldest first, living or not."""
        newest = self.log.rpartition("The cluster is started anew")[2]
        return [int(pid) for pid in ROLES[role].findall(newest)]

    def living(self, role: str) -> list[int]:
        return [pid for pid in self.pids(role) if state_of(pid) not in ("", "Z")]

    def whole(self) -> list[int]:
        """The living processes of every cluster that was started here."""
        self.note_groups()
        return [pid for pid in everybody() if group_of(pid) in self.groups and state_of(pid) != "Z"]

    def wait_for_a_restart(self, *, after: datetime, seconds: float) -> None:
        """Wait until the watchdog has started another cluster since a moment."""
        start = re.compile(r"^(\S+ [\d:]+),\d+ \w+ \S+guarding Cluster \d+ runs", re.MULTILINE)

        def is_there() -> bool:
            starts = [datetime.fromisoformat(f"{moment}+00:00") for moment in start.findall(self.log)]
            return any(moment >= after.replace(microsecond=0) for moment in starts)

        self.wait_for(is_there, seconds=seconds, what="the next cluster")

    @property
    def log_file(self) -> Path:
        return self.folder / "worker.log"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_for(self, is_so: Any, *, seconds: float, what: str) -> Any:
        """As wait_until, and with the worker's log when it does not come true."""
        try:
            return wait_until(is_so, seconds=seconds, what=what)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.log[-6000:]}") from failure

    # --- Rows ----------------------------------------------------------------------------------------------
    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a statement finds or changes in the worker's database; its values stand for `?`."""
        if self.database_url.startswith("sqlite"):
            file = self.database_url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(file, timeout=20)) as database, database:
                return database.execute(sql, values).fetchall()
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("?", "%s"), values)
            return cursor.fetchall() if cursor.description else []

    def beat_at(self) -> datetime | None:
        """When the worker noted its last sign of life."""
        rows = self.rows("SELECT beat_at FROM home_heartbeat WHERE name = 'worker'")
        if not rows:
            return None
        at = rows[0][0]
        return at if isinstance(at, datetime) else datetime.fromisoformat(f"{at}+00:00")

    def beats_after(self, at: datetime) -> bool:
        beat_at = self.beat_at()
        return beat_at is not None and beat_at > at

    def wait_for_a_beat(self, *, seconds: float) -> None:
        """Wait until a schedule has gone all the way once more: looked at, queued, fetched, worked off."""
        at = timezone.now()
        self.wait_for(lambda: self.beats_after(at), seconds=seconds, what="the next beat")

    def packed(self, task: str, *arguments: object) -> str:
        """A task as the portal's processes put it into a queue: signed, and read by this worker alone."""
        broker = Captured()
        async_task(task, *arguments, broker=broker)
        return broker.payload

    def enqueue(self, task: str, *arguments: object) -> None:
        """Put a task into the worker's queue in the database."""
        self.rows(
            "INSERT INTO django_q_ormq (key, payload, lock) VALUES ('portal', ?, ?)",
            self.packed(task, *arguments),
            LONG_AGO,
        )

    def claimed(self) -> int:
        """Tasks that were fetched and not acknowledged: they come again when their time is over."""
        return len(self.rows("SELECT id FROM django_q_ormq WHERE lock > ?", timezone.now().isoformat(" ")))


class Captured(Broker):
    """Keeps what is to be enqueued, signed and packed as every task is."""

    payload = ""

    def enqueue(self, task: str) -> None:
        self.payload = task


# --- The database ------------------------------------------------------------------------------------------
def copy_of_the_test_database(folder: Path) -> str:
    """A file with all that the test database holds, tables and rows of migrations; its URL."""
    file = folder / "portal.sqlite3"
    connection.ensure_connection()
    with closing(sqlite3.connect(file)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{file}"


def url_of_the_test_database() -> str:
    """Where the PostgreSQL is that the test itself works on."""
    at = connection.settings_dict
    host = at["HOST"]
    place = f"/{host}" if host.startswith("/") else f"{host}:{at['PORT'] or 5432}"
    secret = f":{at['PASSWORD']}" if at["PASSWORD"] else ""
    return f"postgres://{at['USER']}{secret}@{place}/{at['NAME']}"


@contextmanager
def worker(folder: Path, *, is_beating: bool = True, **more: Any) -> Iterator[Worker]:
    """A worker that is not started yet, over the database of this test run; gone with its processes after.

    is_beating: its only schedule is a beat every second. Needs `transactional_db`, and rows are committed.
    """
    is_sqlite = connection.vendor == "sqlite"
    url = copy_of_the_test_database(folder) if is_sqlite else url_of_the_test_database()
    made = Worker(folder=folder, database_url=url, **more)
    made.rows("DELETE FROM django_q_schedule")
    if is_sqlite:
        make_cache_table(made)
    else:
        call_command("createcachetable", "portal_cache")
    if is_beating:
        made.rows(
            "INSERT INTO django_q_schedule (name, func, schedule_type, repeats, cron, next_run) "
            "VALUES ('beats', 'portal.home.tasks.beat', 'C', -1, ?, ?)",
            EVERY_SECOND,
            LONG_AGO,
        )
    try:
        yield made
    finally:
        made.end()


def make_cache_table(made: Worker) -> None:
    """As `createcachetable` makes it, without another process."""
    made.rows(
        "CREATE TABLE portal_cache "
        "(cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires datetime NOT NULL)"
    )


# --- Processes ---------------------------------------------------------------------------------------------
def everybody() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def state_of(pid: int) -> str:
    """One letter: R runs, S sleeps, T is stopped, Z is dead and not buried; empty for nobody."""
    fields = _stat(pid)
    return fields[0] if fields else ""


def group_of(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[2]) if fields else -1
