"""Take each guard of the invariants out of a copy of the code, and see that its test fails (`make guards`).

A test that passes without the guard proves nothing about it. Each row names a guard: the exact text that
stands once in a file, what to put in its place, and the one test that must notice. A guard that the database
holds is weakened in the migration that made it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", "var", "media", "__pycache__", "*.mo", ".*_cache", "node_modules", "docs", ".env"
)


class Verdict(StrEnum):
    GUARDED = "guarded"
    UNNOTICED = "NOBODY NOTICED"
    BROKEN = "THE TEST DID NOT RUN"


@dataclass(frozen=True)
class Guard:
    """A line that holds an invariant, what is left when it is gone, and who must notice."""

    name: str
    file: str
    text: str
    instead: str
    test: str
    on_postgres: bool = False


GUARDS: tuple[Guard, ...] = ()


class GuardNotFound(LookupError):
    """The text of a guard does not stand exactly once in its file: the table has to be brought up to date."""


@contextmanager
def removed(guard: Guard, root: Path) -> Iterator[None]:
    """Take a guard out of the tree below root for a while. Raises GuardNotFound."""
    path = root / guard.file
    text = path.read_text()
    if text.count(guard.text) != 1:
        raise GuardNotFound(f"{guard.name}: found {text.count(guard.text)} times in {guard.file}")
    path.write_text(text.replace(guard.text, guard.instead))
    try:
        yield
    finally:
        path.write_text(text)


def run_tests(root: Path, tests: Sequence[str], *, on_postgres: bool) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if not on_postgres:
        environ.pop("TEST_DATABASE_URL", None)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def prove(guard: Guard, root: Path) -> tuple[Verdict, str]:
    """What happens to the guard's test when the guard is gone, and what pytest said."""
    before = run_tests(root, [guard.test], on_postgres=guard.on_postgres)
    if before.returncode or not re.search(r"\b[1-9]\d* passed", before.stdout):
        return Verdict.BROKEN, before.stdout + before.stderr
    with removed(guard, root):
        after = run_tests(root, [guard.test], on_postgres=guard.on_postgres)
    if after.returncode == 0:
        return Verdict.UNNOTICED, after.stdout
    if after.returncode == 1 and re.search(r"\b[1-9]\d* failed", after.stdout):
        return Verdict.GUARDED, after.stdout
    return Verdict.BROKEN, after.stdout + after.stderr


def main(wanted: Sequence[str]) -> int:
    """Prove all guards, or those whose name contains one of the wanted words; 1 when one is not guarded."""
    chosen = [guard for guard in GUARDS if not wanted or any(word in guard.name for word in wanted)]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="portal-guards-") as folder:
        root = Path(folder) / "tree"
        shutil.copytree(ROOT, root, ignore=LEFT_BEHIND)
        for guard in chosen:
            verdict, said = prove(guard, root)
            failed += verdict is not Verdict.GUARDED
            print(f"{verdict:<20} {guard.name:<58} {guard.test.rpartition('::')[2]}", flush=True)
            if verdict is not Verdict.GUARDED:
                print("    " + "\n    ".join(said.strip().splitlines()[-15:]))
    print(f"{len(chosen) - failed} of {len(chosen)} guards are noticed when they are gone")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
