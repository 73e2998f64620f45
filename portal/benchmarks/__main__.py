"""What the main pages cost: queries, bytes and time, on the demo's content in a database of its own.

Run it on the same machine before and after a change; numbers of different machines do not compare. Times are
medians of whole requests through Django's test client: middleware, view and template, without a network.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import django

ROUNDS = 30
WARM_UP = 5


@dataclass(frozen=True)
class Measured:
    name: str
    queries: int
    size: int
    milliseconds: float


def measure(name: str, ask: Callable[[], object], *, rounds: int = ROUNDS) -> Measured:
    """The median of rounds requests, after a few that fill the caches."""
    from django.db import connection, reset_queries
    from django.test.utils import CaptureQueriesContext

    for _ in range(WARM_UP):
        response = ask()
    reset_queries()  # the log is bounded: full of the demo's queries, it would count none of ours
    with CaptureQueriesContext(connection) as queries:
        response = ask()
    count = len(queries)  # now: the next request empties the log
    if response.status_code != 200:
        sys.exit(f"{name} answered {response.status_code}")
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - start) * 1000)
    return Measured(name, count, len(response.content), statistics.median(taken))


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.test"
    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client
    from django.test.utils import get_runner, override_settings

    from accounts.models import User
    from courses.models import CoursePage, LessonPage

    runner = get_runner(settings)(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        # The demo refuses to be loaded where DEBUG is off; this database is thrown away.
        with override_settings(DEBUG=True):
            call_command("load_demo", verbosity=0)
        visitor, learner = Client(), Client()
        learner.force_login(User.objects.get(email="learner@example.com"))
        course = CoursePage.objects.live().order_by("path").first()
        preview = LessonPage.objects.live().filter(is_preview=True).order_by("path").first()
        pages = [
            ("nothing: /health/live", visitor, "/health/live"),
            ("home", visitor, "/"),
            ("catalogue, visitor", visitor, "/courses/"),
            ("catalogue, learner", learner, "/courses/"),
            ("course, visitor", visitor, course.url),
            ("course, learner", learner, course.url),
            ("lesson, free preview", visitor, preview.url),
            ("my learning", learner, "/my/"),
        ]
        print(f"{'page':<24}{'queries':>9}{'bytes':>10}{'median ms':>12}")
        for name, client, url in pages:
            it = measure(name, lambda client=client, url=url: client.get(url))
            print(f"{it.name:<24}{it.queries:>9}{it.size:>10}{it.milliseconds:>12.1f}", flush=True)
    finally:
        runner.teardown_databases(databases)


if __name__ == "__main__":
    main()
