"""The pytest plugin of this project: fixtures and markers that the tests of every app share.

pyproject.toml loads it for every run (`-p portal.tests.plugin`), so that the apps need not import it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.test import TransactionTestCase

from portal.tests.running import wait_until

# Reads lists of addresses, one list in a line, and answers how `new URL()` reads each; null: it refuses.
# An address may be a pair: a link and the page on which it stands.
URL_READER = """
require('readline').createInterface({input: process.stdin}).on('line', line => {
  console.log(JSON.stringify(JSON.parse(line).map(address => {
    let url;
    try { url = new URL(...[].concat(address)) } catch { return null }
    return {
      protocol: url.protocol, username: url.username, password: url.password, hostname: url.hostname,
      port: url.port, pathname: url.pathname, query: [...url.searchParams],
    };
  })));
});
"""
BROWSERS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")


# --- What every test run begins with -----------------------------------------------------------------------
def pytest_configure() -> None:
    keep_migrated_rows(TransactionTestCase)
    # How quick a machine is says nothing about the code; the first examples on a fresh one are slow to make.
    hypothesis.settings.register_profile(
        "portal", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("portal")


def keep_migrated_rows(test_case: type[TransactionTestCase]) -> None:
    """Make transactional tests leave the database as `migrate` left it, instead of empty.

    Django flushes every table after such a test, and with it what migrations put there: Wagtail's root page,
    site, locale and workflow, the home page, the groups and their permissions. Here the first transactional
    test of a process remembers all rows, and every one puts them back when it ends.
    """
    kept: dict[str, Any] = {}
    plain_setup = test_case.__dict__["_fixture_setup"].__func__

    @wraps(plain_setup)
    def remember(cls: type[TransactionTestCase]) -> None:
        from portal.tests.rows import MigratedRows  # needs the models, which are loaded after plugins

        for alias in cls._databases_names(include_mirrors=False):
            if alias not in kept:
                kept[alias] = MigratedRows.remember(alias)
        plain_setup(cls)

    def put_back(self: TransactionTestCase) -> None:
        for alias in self._databases_names(include_mirrors=False):
            kept[alias].put_back()

    test_case._fixture_setup = classmethod(remember)
    test_case._fixture_teardown = put_back


# --- What a machine may lack -------------------------------------------------------------------------------
def is_everything_required() -> bool:
    """Whether a test left out for what this machine lacks is a failure: so on CI."""
    return os.environ.get("PORTAL_REQUIRE_ALL") == "1"


def leave_out(reason: str) -> None:
    """Skip the running test with its reason, or fail it where nothing may be left out."""
    if is_everything_required():
        pytest.fail(f"{reason} (PORTAL_REQUIRE_ALL=1 makes this a failure)", pytrace=False)
    pytest.skip(reason)


def missing_postgres(engine: str, environ: Any = os.environ) -> str:
    """Why a test for PostgreSQL cannot run on this database engine; empty when it can."""
    if engine == "django.db.backends.postgresql":
        return ""
    return environ.get("TEST_DATABASE_MISSING") or (
        "needs PostgreSQL: run `make test`, or `python -m portal.tests.postgres -- pytest -m postgres`"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("postgres"):
        from django.conf import settings

        if reason := missing_postgres(settings.DATABASES["default"]["ENGINE"]):
            leave_out(reason)


def find_browser(candidates: tuple[str, ...] = BROWSERS) -> str | None:
    """The path of a Chromium on this machine."""
    return next((found for name in candidates if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright. Ask for `page`, or open contexts of your own."""
    executable = find_browser()
    if executable is None:
        leave_out(f"needs Chromium (looked for {', '.join(BROWSERS)}): apt-get install chromium")
    from playwright.sync_api import sync_playwright

    # Playwright runs an event loop in this thread; Django would take its queries for asynchronous ones.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    home = tempfile.mkdtemp(prefix="portal-browser-")
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=executable,
                args=[
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    "--no-first-run",
                ],
                env={**os.environ, "HOME": home},
            )
            yield chromium
            chromium.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh browser tab with an empty cookie jar."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def read_urls_as_browsers_do() -> Iterator[Callable[[list[Any]], list[dict[str, Any] | None]]]:
    """How `new URL()` reads addresses, by the parts' names in JavaScript; None for what it refuses.

    An address is a string, or a pair of a link and the page on which it stands.

    One Node process answers for the whole session.
    """
    executable = shutil.which("node") or shutil.which("nodejs")
    if executable is None:
        leave_out("needs Node: apt-get install nodejs")
    command = [executable, "--eval", URL_READER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:

        def read(addresses: list[Any]) -> list[dict[str, Any] | None]:
            node.stdin.write(json.dumps(addresses) + "\n")
            node.stdin.flush()
            return json.loads(node.stdout.readline())

        yield read
        node.stdin.close()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Redis that TEST_REDIS_URL names, or one started for this run, behind a socket of its own."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
        return
    executable = shutil.which("redis-server")
    if executable is None:
        leave_out("needs Redis: apt-get install redis-server, or TEST_REDIS_URL")
    folder = tmp_path_factory.mktemp("redis")
    at = folder / "socket"
    server = subprocess.Popen(
        [
            executable,
            *("--port", "0", "--unixsocket", str(at), "--dir", str(folder)),
            *("--save", "", "--appendonly", "no", "--logfile", str(folder / "log")),
        ],
        stdin=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: server.poll() is not None or at.exists(), what="the start of Redis")
        assert server.poll() is None, (folder / "log").read_text()
        yield f"unix://{at}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def run_queue_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run enqueued tasks at once, in this process."""
    from django_q.conf import Conf

    # override_settings(Q_CLUSTER=…) has no effect: django-q reads its settings when it is imported.
    monkeypatch.setattr(Conf, "SYNC", True)


@pytest.fixture
def media_folder(settings: Any, tmp_path: Path) -> Path:
    """Files on disk for the tests that need real ones; in memory otherwise."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT
