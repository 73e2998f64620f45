"""The runner that finds or starts a PostgreSQL for the tests."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal.tests import postgres
from portal.tests.plugin import missing_postgres
from portal.tests.repository import ROOT

RUN = [sys.executable, "-m", "portal.tests.postgres", "--"]
SAY = "import os; print(os.environ.get('TEST_DATABASE_URL')); print(os.environ.get('TEST_DATABASE_MISSING'))"


def way(name, events):
    @contextlib.contextmanager
    def start():
        events.append(f"{name} started")
        try:
            yield f"postgres://{name}"
        finally:
            events.append(f"{name} stopped")

    return start


@contextlib.contextmanager
def no_way():
    raise postgres.NoPostgres("not on this machine")
    yield


def test_the_database_that_the_environment_names_is_used_as_it_is():
    events = []

    with postgres.variables({"TEST_DATABASE_URL": "postgres://theirs"}, [way("ours", events)]) as added:
        assert added == {}

    assert events == []


def test_the_first_way_that_works_starts_a_server_and_stops_it_afterwards():
    events = []

    with postgres.variables({}, [no_way, way("second", events), way("third", events)]) as added:
        assert added == {"TEST_DATABASE_URL": "postgres://second"}

    assert events == ["second started", "second stopped"]


def test_a_server_is_stopped_when_the_run_fails():
    events = []

    with pytest.raises(ZeroDivisionError), postgres.variables({}, [way("ours", events)]):
        raise ZeroDivisionError

    assert events == ["ours started", "ours stopped"]


def test_where_there_is_no_way_the_reason_is_handed_on():
    with postgres.variables({}, [no_way]) as added:
        assert added == {"TEST_DATABASE_MISSING": "no PostgreSQL to test on: not on this machine"}


def test_missing_binaries_are_a_reason(tmp_path):
    with pytest.raises(postgres.NoPostgres, match="no PostgreSQL binaries"):
        postgres.binaries(str(tmp_path), search_path=str(tmp_path))


def test_the_newest_binaries_are_chosen(tmp_path):
    for version in ("9.6", "15", "16"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        (folder / "initdb").touch()
        (folder / "postgres").touch()

    assert postgres.binaries(str(tmp_path), search_path="") == tmp_path / "16" / "bin"


def test_a_test_for_postgresql_says_why_it_is_left_out():
    assert missing_postgres("django.db.backends.postgresql", {}) == ""
    assert missing_postgres("django.db.backends.sqlite3", {}).startswith("needs PostgreSQL: run `make test`")
    assert (
        missing_postgres("django.db.backends.sqlite3", {"TEST_DATABASE_MISSING": "no server"}) == "no server"
    )


def run(*command, **variables):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TEST_DATABASE")}
    return subprocess.run(
        [*RUN, *command], cwd=ROOT, capture_output=True, text=True, check=False, env={**environ, **variables}
    )


def test_the_exit_code_is_the_commands():
    done = run(sys.executable, "-c", "raise SystemExit(7)", TEST_DATABASE_URL="postgres://theirs")

    assert done.returncode == 7


@pytest.mark.slow
def test_a_server_of_our_own_answers_while_the_command_runs_and_leaves_nothing_behind():
    ask = SAY + (
        "; import environ, psycopg; of = environ.Env.db_url_config(os.environ['TEST_DATABASE_URL'])"
        "; print(psycopg.connect(host=of['HOST'], user=of['USER'], dbname=of['NAME'])"
        ".execute('SELECT 6 * 7').fetchone()[0])"
    )

    done = run(sys.executable, "-c", ask)

    if "no PostgreSQL to test on" in done.stderr:
        pytest.skip(done.stderr.strip())
    url, missing, answer = done.stdout.split()
    assert (missing, answer) == ("None", "42")
    assert not Path(url.partition("@/")[2]).parent.exists()


@pytest.mark.slow
def test_a_server_of_our_own_ends_with_a_run_that_is_killed():
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TEST_DATABASE")}
    wait = SAY + "; import sys, time; sys.stdout.flush(); time.sleep(60)"
    with subprocess.Popen(
        [*RUN, sys.executable, "-c", wait], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environ
    ) as running:
        url = running.stdout.readline().strip()

        running.send_signal(signal.SIGTERM)

        assert running.wait(timeout=30) == 128 + signal.SIGTERM
    if url == "None":
        pytest.skip("no PostgreSQL to test on")
    folder = Path(url.partition("@/")[2]).parent
    deadline = time.monotonic() + 10
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not folder.exists()
