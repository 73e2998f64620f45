"""What a linter cannot see about this tree. Each check returns sentences about what is wrong."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from django.db.models import Model

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("accounts", "commerce", "courses", "library", "portal")

TOP_LEVEL = {
    "portal", "courses", "library", "commerce", "accounts", "templates", "static", "media", "requirements",
    "manage.py", "docker", ".env.sample", ".gitignore", "README.md",
    "Makefile", "pyproject.toml", "CHANGELOG.md", "docs", ".ci",
}  # fmt: skip
DRAWERS = re.compile(r"(utils?|helpers?|common|misc|shared|lib|selectors)(\.py)?")
FLOORS = {
    "accounts": 0,
    "commerce": 1,
    "content": 1,
    "courses": 2,
    "library": 2,
    "home": 3,
    "api": 3,
    "demo": 4,
}
TASK = re.compile(r"(?:accounts|commerce|courses|library|portal\.\w+)\.tasks\.\w+")
# Variables that something else than the settings reads, and the file that reads them.
READ_ELSEWHERE = {
    "DJANGO_SETTINGS_MODULE": "manage.py",
    "PORT": "Makefile",
    "POSTGRES_PASSWORD": "docker/compose.yaml",
    "TEST_REDIS_URL": "portal/tests/plugin.py",
    "WEB_CONCURRENCY": "docker/entrypoint.sh",
}
MAY_READ_ENVIRONMENT = ("portal/settings/", "portal/benchmarks/", "portal/asgi.py", "portal/wsgi.py")


def python_files(root: Path, *, tests: bool = True) -> Iterator[Path]:
    """The project's own modules, without migrations."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).parts
            if "migrations" not in parts and (tests or "tests" not in parts):
                yield path


# --- The tree ----------------------------------------------------------------------------------------------
def tracked_files(root: Path) -> list[str]:
    """What git keeps or would keep, relative to root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name]


def unknown_at_the_top(files: Iterable[str]) -> list[str]:
    """Everything at the top level has its place in docs/architecture.md; nothing else is put there."""
    names = {name.split("/", 1)[0] for name in files}
    return [f"{name} does not belong to the top level" for name in sorted(names - TOP_LEVEL)]


def drawers(files: Iterable[str]) -> list[str]:
    """Modules and folders named for nothing they do."""
    return [
        f"{name}: put what is in it into the lowest app whose words describe it"
        for name in files
        if name.endswith(".py") and any(DRAWERS.fullmatch(part) for part in name.split("/"))
    ]


def environment_reads(root: Path) -> list[str]:
    """`os.environ` and `os.getenv` outside the settings."""
    found = []
    for path in python_files(root):
        name = path.relative_to(root).as_posix()
        if name.startswith(MAY_READ_ENVIRONMENT) or "/tests/" in name:
            continue
        found += [
            f"{name}:{node.lineno} reads the environment; read it in portal.settings"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute)
            and node.attr in ("environ", "getenv")
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        ]
    return found


# --- Background work ---------------------------------------------------------------------------------------
def named_tasks(root: Path) -> Iterator[tuple[str, str]]:
    """Every string that names a task, with the place where it stands: enqueued, or in settings.SCHEDULES."""
    for path in python_files(root, tests=False):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and TASK.fullmatch(node.value):
                yield node.value, f"{path.relative_to(root)}:{node.lineno}"


def missing_tasks(root: Path) -> list[str]:
    """Tasks that are enqueued or scheduled by a name which no module defines."""
    found = []
    for task, place in named_tasks(root):
        module, _, function = task.rpartition(".")
        path = root.joinpath(*module.split(".")).with_suffix(".py")
        defined = path.exists() and any(
            isinstance(node, ast.FunctionDef) and node.name == function
            for node in ast.parse(path.read_text()).body
        )
        if not defined:
            found.append(f"{place} names {task}, which does not exist")
    return found


# --- Models ------------------------------------------------------------------------------------------------
def upward_relations(models: Iterable[type[Model]]) -> list[str]:
    """Foreign keys (by class or by string) that point to a higher floor, or to a neighbour on their own."""
    found = []
    for model in models:
        own = model._meta.app_label
        for field in model._meta.get_fields():
            if field.auto_created or not field.is_relation or not isinstance(field.related_model, type):
                continue
            other = field.related_model._meta.app_label
            if own in FLOORS and other in FLOORS and own != other and FLOORS[other] >= FLOORS[own]:
                found.append(
                    f"{own}.{model.__name__}.{field.name} points to {other}, which does not stand below it"
                )
    return found


# --- Environment variables ---------------------------------------------------------------------------------
def sample_variables(root: Path) -> set[str]:
    """Variables that .env.sample describes, commented out or not."""
    return set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", (root / ".env.sample").read_text(), re.MULTILINE))


def settings_variables(root: Path) -> tuple[set[str], set[str]]:
    """Variables that portal.settings reads: names, and patterns where a part of the name is computed."""
    names, patterns = set(), set()
    for path in sorted((root / "portal" / "settings").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and node.args and _reads_environment(node.func)):
                continue
            match node.args[0]:
                case ast.Constant(value=str(name)):
                    names.add(name)
                case ast.JoinedStr(values=parts):
                    patterns.add(
                        "".join(
                            re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[A-Z_]+"
                            for part in parts
                        )
                    )
    return names, patterns


def _reads_environment(function: ast.expr) -> bool:
    match function:
        case ast.Name(id="env" | "required" | "choice"):
            return True
        case ast.Attribute(value=ast.Name(id="env")):
            return True
    return False


def undescribed_variables(root: Path, currencies: Iterable[str]) -> list[str]:
    """Variables that the settings read and .env.sample does not describe, or the other way round.

    A computed name (`STRIPE_{currency}_SECRET_KEY`) must be described for each of the currencies.
    """
    sample = sample_variables(root)
    names, patterns = settings_variables(root)
    found = [
        f"{name} is read by the settings and missing from .env.sample" for name in sorted(names - sample)
    ]
    for pattern in sorted(patterns):
        for currency in currencies:
            expected = re.compile(pattern.replace("[A-Z_]+", currency, 1))
            if not any(expected.fullmatch(name) for name in sample):
                found.append(f"no variable like {expected.pattern} is in .env.sample")
    for name in sorted(sample - names):
        if any(re.fullmatch(pattern, name) for pattern in patterns):
            continue
        reader = READ_ELSEWHERE.get(name)
        if reader is None or name not in (root / reader).read_text():
            found.append(f"{name} stands in .env.sample and nothing reads it")
    return found


# --- Documents ---------------------------------------------------------------------------------------------
def make_targets(root: Path) -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))


def unknown_commands(
    root: Path, documents: Iterable[str] = ("README.md", "docs/architecture.md")
) -> list[str]:
    """`make …` commands that a document names and the Makefile lacks."""
    targets = make_targets(root)
    return [
        f"{document} names `make {target}`, which does not exist"
        for document in documents
        for target in re.findall(r"(?:`|^ *|&& )make ([a-z-]+)", (root / document).read_text(), re.MULTILINE)
        if target not in targets
    ]


def broken_links(root: Path, documents: Iterable[str]) -> list[str]:
    """Links in Markdown to files that are not there."""
    return [
        f"{document} links to {target}, which does not exist"
        for document in documents
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", (root / document).read_text())
        if not re.match(r"[a-z]+:", target) and not (root / document).parent.joinpath(target).exists()
    ]


# --- Translations ------------------------------------------------------------------------------------------
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdfr]|\{\w*\}")


def read_catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def untranslated(catalogue: Catalog) -> list[str]:
    """Messages without translation, marked fuzzy, or whose translation names other placeholders."""
    return [
        f"{problem}: {message.id!r}"
        for message in catalogue
        if message.id
        for problem in _problems(message, catalogue)
    ]


def _problems(message: Message, catalogue: Catalog) -> Iterator[str]:
    if message.fuzzy:
        yield "fuzzy"
    ids = [message.id] if isinstance(message.id, str) else list(message.id)
    strings = [message.string] if isinstance(message.string, str) else list(message.string)
    if not all(strings):
        yield "not translated"
        return
    if len(ids) > 1 and len(strings) != catalogue.num_plurals:
        yield f"needs {catalogue.num_plurals} plural forms"
    wanted = set(PLACEHOLDER.findall(ids[-1]))
    if any(not set(PLACEHOLDER.findall(string)) <= wanted for string in strings) or not (
        wanted <= set(PLACEHOLDER.findall(strings[-1]))
    ):
        yield "other placeholders"


def message_ids(catalogue: Catalog) -> set[str]:
    """What identifies the messages of a catalogue."""
    return {
        json.dumps([message.context, message.id if isinstance(message.id, str) else message.id[0]])
        for message in catalogue
        if message.id
    }
