"""What a machine may lack: left out with a reason, and a failure where everything is required."""

import pytest
from django.conf import settings
from django.core.cache import cache
from django_q.conf import Conf
from django_q.tasks import async_task

from portal.tests import plugin


def test_what_a_machine_lacks_is_left_out_with_the_reason(monkeypatch):
    monkeypatch.delenv("PORTAL_REQUIRE_ALL", raising=False)

    with pytest.raises(pytest.skip.Exception, match="needs Chromium"):
        plugin.leave_out("needs Chromium")


def test_where_everything_is_required_what_is_left_out_fails(monkeypatch):
    monkeypatch.setenv("PORTAL_REQUIRE_ALL", "1")

    with pytest.raises(pytest.fail.Exception, match="needs Chromium"):
        plugin.leave_out("needs Chromium")


def test_the_first_browser_on_the_path_is_taken(tmp_path, monkeypatch):
    for name in ("chromium-browser", "google-chrome"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert plugin.find_browser(("chromium", "chromium-browser", "google-chrome")) == str(
        tmp_path / "chromium-browser"
    )
    assert plugin.find_browser(("chromium",)) is None


def remember() -> None:
    cache.set("task", f"run in {settings.SETTINGS_MODULE}")


@pytest.mark.django_db
def test_a_task_runs_inline_where_a_test_asks_for_it(run_queue_inline):
    assert Conf.SYNC is True

    async_task("portal.tests.test_plugin.remember")

    assert cache.get("task") == "run in portal.settings.test"
