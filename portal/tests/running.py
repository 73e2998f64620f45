"""The portal as `make run` starts it: web, worker and payment sandbox, each a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent.parent
START_WITHIN = 60.0
STOP_WITHIN = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RunningPortal:
    """Three processes over one SQLite file in a folder of their own."""

    folder: Path
    port: int = field(default_factory=free_port)
    sandbox_port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "portal.settings.development",
            "DATABASE_URL": f"sqlite:///{self.folder / 'portal.sqlite3'}",
            "MEDIA_DIR": str(self.folder / "media"),
            "SANDBOX_STATE": str(self.folder / "sandbox.json"),
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "PORTAL_BASE_URL": self.url,
            "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        }

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str, *arguments: str) -> None:
        """Start a management command as a process that goes on."""
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def stop(self, name: str) -> None:
        """Ask a process to stop, and see to it that nothing it started is left."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(timeout=STOP_WITHIN)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def wait_for(self, name: str, url: str) -> None:
        """Wait until a process answers at url; fails with its log when it does not."""

        def is_up() -> bool:
            assert self.processes[name].poll() is None, f"{name} stopped:\n{self.log(name)}"
            return answers(url)

        wait_until(is_up, seconds=START_WITHIN, what=f"the start of {name}")

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def row(self, sql: str, *values: object) -> tuple[Any, ...]:
        """The one row that a query finds in the portal's database."""
        rows = self.rows(sql, *values)
        assert len(rows) == 1, f"{len(rows)} rows for {sql} {values}"
        return rows[0]

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.folder / "portal.sqlite3", timeout=20) as database:
            return database.execute(sql, values).fetchall()

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Ask the sandbox to behave in some way, or what it has seen."""
        answer = requests.request(method, f"{self.sandbox_url}/_sandbox/{path}", json=body, timeout=20)
        answer.raise_for_status()
        return answer.json()


def wait_until(is_so: Callable[[], Any], *, seconds: float = 20.0, what: str = "it") -> Any:
    """What is_so gives as soon as it gives something; fails after seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := is_so():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true within {seconds:.0f} s")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@contextmanager
def running_portal(folder: Path) -> Iterator[RunningPortal]:
    """The portal with demo content, up and answering; stopped and gone afterwards."""
    portal = RunningPortal(folder=folder)
    portal.manage("migrate", "--verbosity", "0")
    portal.manage("createcachetable", "--verbosity", "0")
    portal.manage("load_demo")
    try:
        portal.start("sandbox", "stripe_sandbox")
        portal.start("web", "runserver", "--noreload", f"127.0.0.1:{portal.port}")
        portal.start("worker", "run_worker")
        portal.wait_for("web", f"{portal.url}/health/live")
        portal.wait_for("sandbox", f"{portal.sandbox_url}/")
        yield portal
    finally:
        for name in list(portal.processes):
            portal.stop(name)
