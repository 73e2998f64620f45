"""Write the measured coverage to a page: `python -m portal.tests.coverage_page docs/coverage.md`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

INTRODUCTION = """# Coverage

How much of the code the tests run, lines and branches together, without migrations, settings and the tests
themselves. `make coverage` measures it and writes this page.
"""


def room(file: str) -> str:
    """The part of the portal that a file belongs to: an app, or a part of one with a name of its own."""
    top, second, *rest = Path(file).parts
    return f"{top}/{second}" if rest and (top == "portal" or second == "sandbox") else top


def page(report: Mapping[str, Any]) -> str:
    """The page for coverage's JSON report."""
    covered: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    for file, measured in report["files"].items():
        summary = measured["summary"]
        covered[room(file)] += summary["covered_lines"] + summary["covered_branches"]
        total[room(file)] += summary["num_statements"] + summary["num_branches"]
    rows = [
        f"| {name} | {100 * covered[name] / total[name]:.0f} % |" for name in sorted(total) if total[name]
    ]
    everything = f"| **all** | **{report['totals']['percent_covered']:.1f} %** |"
    return "\n".join([INTRODUCTION, "| part | covered |", "|---|---:|", *rows, everything, ""])


def main(path: str) -> None:
    report = Path("var/coverage.json")
    subprocess.run([sys.executable, "-m", "coverage", "json", "--quiet", "-o", report], check=True)
    text = page(json.loads(report.read_text()))
    Path(path).write_text(text)
    print(text)


if __name__ == "__main__":
    main(sys.argv[1])
