"""The rules of this repository that no linter enforces; and that each check sees what breaks its rule."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import models
from django.test.utils import isolate_apps

from portal.tests import repository
from portal.tests.plugin import leave_out
from portal.tests.repository import PACKAGES, ROOT

CATALOGUE = ROOT / "portal" / "locale" / "ru" / "LC_MESSAGES" / "django.po"
needs_git = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="this copy of the tree is not a git checkout"
)


@pytest.fixture
def tree(tmp_path):
    """An empty tree to plant violations in."""
    for package in PACKAGES:
        (tmp_path / package).mkdir()
    (tmp_path / "portal" / "settings").mkdir()

    def plant(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return tmp_path

    return plant


# --- The tree ----------------------------------------------------------------------------------------------
@needs_git
def test_the_top_level_holds_what_belongs_there_and_nothing_else():
    assert repository.unknown_at_the_top(repository.tracked_files(ROOT)) == []


def test_a_stranger_at_the_top_level_is_seen():
    assert repository.unknown_at_the_top(["courses/models.py", "scripts/load.py"]) == [
        "scripts does not belong to the top level"
    ]


@needs_git
def test_no_module_is_a_drawer():
    assert repository.drawers(repository.tracked_files(ROOT)) == []


@pytest.mark.parametrize("name", ["courses/utils.py", "portal/common/dates.py", "library/selectors.py"])
def test_a_drawer_is_seen(name):
    assert [problem.split(":")[0] for problem in repository.drawers([name, "library/models.py"])] == [name]


def test_only_the_settings_read_the_environment():
    assert repository.environment_reads(ROOT) == []


def test_a_reader_of_the_environment_is_seen(tree):
    root = tree("courses/views.py", "import os\n\nDEBUG = os.environ['DEBUG']\n")

    assert repository.environment_reads(root) == [
        "courses/views.py:3 reads the environment; read it in portal.settings"
    ]


# --- Background work ---------------------------------------------------------------------------------------
def test_every_task_that_is_enqueued_or_scheduled_exists():
    assert repository.missing_tasks(ROOT) == []


def test_the_schedules_are_among_the_tasks_looked_at(settings):
    named = {task for task, place in repository.named_tasks(ROOT)}

    assert {schedule["func"] for schedule in settings.SCHEDULES.values()} <= named


def test_a_task_that_does_not_exist_is_seen(tree):
    tree("commerce/tasks.py", "def deliver(line_id):\n    pass\n")
    root = tree(
        "commerce/services/settlement.py",
        'async_task("commerce.tasks.deliver", 1)\nasync_task("commerce.tasks.send", 1)\n',
    )

    assert repository.missing_tasks(root) == [
        "commerce/services/settlement.py:2 names commerce.tasks.send, which does not exist"
    ]


# --- Models ------------------------------------------------------------------------------------------------
def test_foreign_keys_point_downwards():
    assert repository.upward_relations(apps.get_models(include_auto_created=True)) == []


@isolate_apps("accounts", "commerce", "courses")
def test_a_foreign_key_that_points_upwards_is_seen():
    class Course(models.Model):
        class Meta:
            app_label = "courses"

    class Sale(models.Model):
        course = models.ForeignKey("courses.Course", on_delete=models.CASCADE)

        class Meta:
            app_label = "commerce"

    assert repository.upward_relations([Course, Sale]) == [
        "commerce.Sale.course points to courses, which does not stand below it"
    ]


@isolate_apps("courses", "library")
def test_a_foreign_key_to_a_neighbour_is_seen():
    class Book(models.Model):
        class Meta:
            app_label = "library"

    class Reading(models.Model):
        books = models.ManyToManyField("library.Book")

        class Meta:
            app_label = "courses"

    assert repository.upward_relations([Reading]) == [
        "courses.Reading.books points to library, which does not stand below it"
    ]


def test_every_model_of_the_house_has_a_floor():
    ours = {config.label for config in apps.get_app_configs() if config.name.split(".")[0] in PACKAGES}

    assert ours == set(repository.FLOORS)


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
def test_a_missing_migration_is_seen(monkeypatch):
    monkeypatch.setitem(apps.get_model("accounts", "User")._meta.original_attrs, "verbose_name", "news")

    with pytest.raises((SystemExit, CommandError)):
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)


# --- Environment variables ---------------------------------------------------------------------------------
def test_the_sample_and_the_settings_name_the_same_variables(settings):
    assert repository.undescribed_variables(ROOT, settings.CURRENCIES) == []


def test_a_variable_without_description_is_seen(tree):
    tree(".env.sample", "# What the portal is called\nPORTAL_NAME=Portal\n")
    root = tree("portal/settings/base.py", 'NAME = env.str("PORTAL_NAME")\nKEY = required("SECRET_KEY")\n')

    assert repository.undescribed_variables(root, ["USD"]) == [
        "SECRET_KEY is read by the settings and missing from .env.sample"
    ]


def test_a_computed_variable_is_wanted_for_each_currency(tree):
    tree(".env.sample", "STRIPE_USD_SECRET_KEY=\n")
    root = tree(
        "portal/settings/base.py", 'KEYS = [env.str(f"STRIPE_{currency}_SECRET_KEY") for currency in C]\n'
    )

    assert repository.undescribed_variables(root, ["USD", "EUR"]) == [
        "no variable like STRIPE_EUR_SECRET_KEY is in .env.sample"
    ]


def test_a_described_variable_that_nothing_reads_is_seen(tree):
    tree(".env.sample", "# OLD_NAME=Portal\n")
    root = tree("portal/settings/base.py", "")

    assert repository.undescribed_variables(root, []) == [
        "OLD_NAME stands in .env.sample and nothing reads it"
    ]


# --- Documents ---------------------------------------------------------------------------------------------
def test_the_commands_of_the_documents_exist():
    assert repository.unknown_commands(ROOT) == []


def test_a_command_that_does_not_exist_is_seen(tree):
    tree("Makefile", "run: ## Start\n\ttrue\n")
    root = tree("README.md", "Use `make run`, then `make coffee`. To make things clear, that is all.\n")

    assert repository.unknown_commands(root, ["README.md"]) == [
        "README.md names `make coffee`, which does not exist"
    ]


def test_the_links_of_the_documents_lead_somewhere():
    documents = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))]

    assert repository.broken_links(ROOT, ["README.md", "CHANGELOG.md", *documents]) == []


def test_a_link_to_nowhere_is_seen(tree):
    root = tree("README.md", "[here](README.md#top), [there](https://example.com), [nowhere](docs/lost.md)\n")

    assert repository.broken_links(root, ["README.md"]) == [
        "README.md links to docs/lost.md, which does not exist"
    ]


# --- Translations ------------------------------------------------------------------------------------------
def test_everything_is_translated():
    assert repository.untranslated(repository.read_catalogue(CATALOGUE)) == []


def test_what_is_not_translated_is_seen():
    catalogue = Catalog(locale="ru")
    catalogue.add("Buy", "Купить")
    catalogue.add("Sell", "")
    catalogue.add("Lend", "Дать", flags=["fuzzy"])
    catalogue.add("Hello, %(name)s", "Здравствуйте, %(nmae)s")
    catalogue.add(("%(n)d lesson", "%(n)d lessons"), ("%(n)d урок", "%(n)d урока"))

    assert repository.untranslated(catalogue) == [
        "not translated: 'Sell'",
        "fuzzy: 'Lend'",
        "other placeholders: 'Hello, %(name)s'",
        "needs 3 plural forms: ('%(n)d lesson', '%(n)d lessons')",
    ]


@pytest.mark.slow
def test_the_catalogue_holds_the_texts_of_the_code(tmp_path):
    if shutil.which("xgettext") is None:
        leave_out("needs gettext (xgettext): apt-get install gettext")
    copy_tree(tmp_path)

    subprocess.run(
        [
            sys.executable,
            "manage.py",
            "makemessages",
            "-l",
            "ru",
            "--ignore",
            "*/tests/*",
            "--verbosity",
            "0",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    collected = repository.message_ids(repository.read_catalogue(tmp_path / CATALOGUE.relative_to(ROOT)))
    kept = repository.message_ids(repository.read_catalogue(CATALOGUE))
    assert collected - kept == set(), "run `make messages` and translate"
    assert kept - collected == set(), "run `make messages`: these are no longer used"


# --- Import contracts and bans -----------------------------------------------------------------------------
def copy_tree(to):
    """The packages and what the tools read, without anything generated."""
    for name in (*PACKAGES, "templates"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    for name in ("pyproject.toml", "manage.py"):
        shutil.copy(ROOT / name, to / name)


def lint_imports(root):
    executable = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [executable, "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200", "PYTHONPATH": str(root)},
    )


@pytest.mark.slow
def test_the_import_contracts_hold():
    checked = lint_imports(ROOT)

    assert checked.returncode == 0, checked.stdout


PLANTED = {
    "accounts/models.py": "import courses.models",
    "accounts/tasks.py": "import accounts.admin",
    "commerce/money.py": "from django.utils import timezone",
    "commerce/sandbox/__init__.py": "import commerce.money",
    "commerce/services/ordering.py": "import stripe",
    "commerce/models/__init__.py": "import commerce.services",
    "courses/models/__init__.py": "import library",
    "courses/policies.py": "from courses.models import CoursePage",
    "courses/selectors.py": "",
    "portal/content/links.py": "import portal.content.models",
    "portal/home/models.py": "import portal.home.tasks",
    "portal/home/views.py": "from portal.settings import base",
    "portal/api/views.py": "import portal.urls",
    "portal/gadgets.py": "",
}
BROKEN = {
    "accounts.models -> courses.models",
    "accounts.tasks -> accounts.admin",
    "commerce.money -> django",
    "commerce.sandbox -> commerce.money",
    "commerce.services.ordering -> stripe",
    "commerce.models -> commerce.services",
    "courses.models -> library",
    "courses.policies -> courses.models",
    "courses.selectors",
    "portal.content.links -> portal.content.models",
    "portal.home.models -> portal.home.tasks",
    "portal.home.views -> portal.settings.base",
    "portal.api.views -> portal.urls",
    "portal.gadgets",
}


@pytest.mark.slow
def test_imports_against_the_contracts_are_seen(tmp_path):
    copy_tree(tmp_path)
    for name, line in PLANTED.items():
        with (tmp_path / name).open("a") as module:
            module.write(f"\n{line}\n")

    checked = lint_imports(tmp_path)

    said = " ".join(checked.stdout.split())
    assert checked.returncode == 1
    assert {violation for violation in BROKEN if violation not in said} == set(), checked.stdout
    kept = [line for line in checked.stdout.splitlines() if line.endswith("KEPT")]
    assert kept == [], "each contract has a violation planted against it"


@pytest.mark.parametrize(
    ("name", "line", "is_allowed"),
    [
        ("courses/services/enrolling.py", "at = timezone.now()", False),
        ("courses/models/pages.py", "on = timezone.localdate()", False),
        ("commerce/policies.py", "at = datetime.datetime.now(tz=None)", False),
        ("courses/views.py", "at = timezone.now()", True),
        ("commerce/tasks.py", "at = timezone.now()", True),
        ("courses/views.py", "from ..models import CoursePage", False),
        ("courses/models/pages.py", "key = os.environ['KEY']", False),
        ("courses/models/pages.py", "key = os.getenv('KEY')", False),
        ("portal/settings/base.py", "key = os.environ['KEY']", True),
    ],
)
def test_the_clock_the_environment_and_relative_imports_are_banned_where_they_should_be(
    name, line, is_allowed
):
    checked = subprocess.run(
        [Path(sys.executable).with_name("ruff"), "check", "--select", "TID", "--stdin-filename", name, "-"],
        input=f"import datetime\nimport os\nfrom django.utils import timezone\n{line}\n",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.returncode == 0) is is_allowed, checked.stdout
