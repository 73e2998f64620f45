"""The pytest plugin of this project: fixtures and markers that the tests of every app share.

pyproject.toml loads it for every run (`-p portal.tests.plugin`), so that the apps need not import it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.test import TransactionTestCase

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
