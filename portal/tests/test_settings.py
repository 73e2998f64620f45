"""Settings come from the environment and from .env; production starts with all of them or not at all."""

import os
import shutil
import subprocess
import sys

import pytest

from portal.tests.repository import ROOT

COMPLETE = {
    "SECRET_KEY": "a-long-and-random-value-that-stands-here-for-the-tests-alone",
    "ALLOWED_HOSTS": "portal.example.com",
    "PORTAL_BASE_URL": "https://portal.example.com",
    "DEFAULT_FROM_EMAIL": "portal@example.com",
    "DATABASE_URL": "postgres://portal:secret@db/portal",
    **{
        f"STRIPE_{currency}_{part}": f"{part.lower()}-of-{currency}"
        for currency in ("USD", "EUR")
        for part in ("SECRET_KEY", "PUBLISHABLE_KEY", "WEBHOOK_SECRET")
    },
}


@pytest.fixture
def settings_tree(tmp_path):
    """A copy of the settings, away from the .env of this checkout."""
    shutil.copytree(ROOT / "portal" / "settings", tmp_path / "portal" / "settings")
    (tmp_path / "portal" / "__init__.py").touch()
    return tmp_path


def read(root, module, expression, environment):
    """What an expression says about a settings module under exactly this environment."""
    return subprocess.run(
        [sys.executable, "-c", f"from portal.settings import {module} as settings; print({expression})"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **environment},
    )


def test_production_starts_with_a_complete_environment(settings_tree):
    started = read(settings_tree, "production", "settings.ALLOWED_HOSTS, settings.DEBUG", COMPLETE)

    assert started.stdout.strip() == "['portal.example.com'] False", started.stderr


@pytest.mark.parametrize("name", sorted(COMPLETE))
@pytest.mark.parametrize("left", ["missing", "empty"])
def test_production_refuses_to_start_without_a_required_variable_and_names_it(settings_tree, name, left):
    environment = {**COMPLETE, name: ""}
    if left == "missing":
        del environment[name]

    started = read(settings_tree, "production", "'started'", environment)

    assert started.returncode == 1
    assert f"{name} is not set. Set it in the environment or in" in started.stderr
    assert ".env.sample describes every variable" in started.stderr


def test_a_variable_may_stand_in_the_file_env(settings_tree):
    (settings_tree / ".env").write_text("PORTAL_NAME=Evening school\nCATALOGUE_PAGE_SIZE=24\n")

    started = read(settings_tree, "development", "settings.PORTAL_NAME, settings.CATALOGUE_PAGE_SIZE", {})

    assert started.stdout.strip() == "Evening school 24", started.stderr


def test_the_environment_goes_before_the_file_env(settings_tree):
    (settings_tree / ".env").write_text("PORTAL_NAME=Evening school\n")

    started = read(settings_tree, "development", "settings.PORTAL_NAME", {"PORTAL_NAME": "Morning school"})

    assert started.stdout.strip() == "Morning school", started.stderr


def test_development_starts_with_no_environment_at_all(settings_tree):
    started = read(settings_tree, "development", "settings.DEBUG, sorted(settings.STRIPE_ACCOUNTS)", {})

    assert started.stdout.strip() == "True ['eur', 'usd']", started.stderr


@pytest.mark.parametrize(("module", "demanded"), [("production", "True"), ("development", "False")])
def test_staff_need_a_second_factor_in_production_and_not_on_ones_own_machine(
    settings_tree, module, demanded
):
    environment = COMPLETE if module == "production" else {}

    started = read(settings_tree, module, "settings.REQUIRE_STAFF_TWO_FACTOR", environment)
    turned = read(
        settings_tree,
        module,
        "settings.REQUIRE_STAFF_TWO_FACTOR",
        {**environment, "REQUIRE_STAFF_TWO_FACTOR": "false" if demanded == "True" else "true"},
    )

    assert (started.stdout.strip(), turned.stdout.strip()) == (
        demanded,
        str(demanded == "False"),
    ), started.stderr


def test_the_general_stripe_key_serves_the_default_currency(settings_tree):
    environment = {**COMPLETE, "STRIPE_API_KEY": "sk_live_general"}
    del environment["STRIPE_USD_SECRET_KEY"]

    started = read(settings_tree, "production", "settings.STRIPE_ACCOUNTS['usd']['secret_key']", environment)

    assert started.stdout.strip() == "sk_live_general", started.stderr


def test_tasks_wait_in_the_database_unless_the_environment_says_redis(settings_tree):
    cluster = "{name: settings.Q_CLUSTER.get(name) for name in ('orm', 'redis')}"
    by_default = read(settings_tree, "development", cluster, {})
    redis = read(
        settings_tree, "development", cluster, {"Q_BROKER": "redis", "Q_REDIS_URL": "redis://queue/1"}
    )
    shared = read(
        settings_tree, "development", cluster, {"Q_BROKER": "redis", "REDIS_URL": "redis://cache/0"}
    )

    assert by_default.stdout.strip() == "{'orm': 'default', 'redis': None}"
    assert redis.stdout.strip() == "{'orm': None, 'redis': 'redis://queue/1'}"
    assert shared.stdout.strip() == "{'orm': None, 'redis': 'redis://cache/0'}"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"Q_BROKER": "kafka"}, "Q_BROKER is 'kafka'; it can be orm or redis."),
        ({"Q_BROKER": "redis"}, "Q_REDIS_URL is not set."),
    ],
)
def test_a_broker_that_cannot_be_is_refused_at_the_start(settings_tree, environment, words):
    started = read(settings_tree, "development", "'started'", environment)

    assert started.returncode != 0
    assert words in started.stderr


def test_tasks_are_redone_only_when_their_worker_cannot_be_at_them_any_more(settings):
    cluster = settings.Q_CLUSTER

    assert cluster["retry"] >= 4 * cluster["timeout"]
    assert cluster["queue_limit"] == cluster["workers"]
    assert (cluster["bulk"], cluster["catch_up"]) == (1, False)
