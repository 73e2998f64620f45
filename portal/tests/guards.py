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


GUARDS: tuple[Guard, ...] = (
    # --- Money: statuses move once, along their table
    Guard(
        "a status moves only from where it is (16 at once)",
        "commerce/models/statuses.py",
        "if rows.filter(status=from_status).update(status=to, **fields):",
        "if rows.update(status=to, **fields):",
        "commerce/tests/test_races.py"
        "::test_sixteen_settling_one_session_make_one_transition_and_one_fulfilment",
        on_postgres=True,
    ),
    Guard(
        "a status moves only from where it is (an old copy)",
        "commerce/models/statuses.py",
        "if rows.filter(status=from_status).update(status=to, **fields):",
        "if rows.update(status=to, **fields):",
        "commerce/tests/test_statuses.py::test_a_copy_read_earlier_does_not_move_what_has_moved_since",
    ),
    Guard(
        "what is paid never becomes expired",
        "commerce/models/payments.py",
        "Status.PAID: frozenset({Status.PARTIALLY_REFUNDED, Status.REFUNDED}),",
        "Status.PAID: frozenset({Status.PARTIALLY_REFUNDED, Status.REFUNDED, Status.EXPIRED}),",
        "commerce/tests/test_statuses.py::test_nothing_that_was_paid_becomes_unpaid",
    ),
    # --- Money: an event once, signed, and only a hint
    Guard(
        "an event has its effect once per account",
        "commerce/migrations/0001_initial.py",
        "fields=('account', 'event_id'), name='commerce_gatewayevent_once_per_account'",
        "fields=('account', 'event_id', 'id'), name='commerce_gatewayevent_once_per_account'",
        "commerce/tests/test_races.py::test_one_event_delivered_sixteen_times_at_once_acts_once",
        on_postgres=True,
    ),
    Guard(
        "an event is signed by the provider",
        "commerce/gateways/stripe.py",
        "stripe.Webhook.construct_event(body, signature, self._webhook_secret, TOLERANCE)",
        "stripe.Webhook",
        "commerce/tests/test_gateway_contract.py::test_an_event_changed_on_the_way_is_refused",
    ),
    Guard(
        "a signature is not of the future",
        "commerce/gateways/stripe.py",
        "if sent_at > at.timestamp() + TOLERANCE:",
        "if False:",
        "commerce/tests/test_gateway_contract.py::test_a_signature_of_the_future_is_refused",
    ),
    # --- Money: what was paid is what was asked
    Guard(
        "another sum than asked is held",
        "commerce/services/settlement.py",
        "if state.amount != payment.order.total:",
        "if False:",
        "commerce/tests/test_settlement.py"
        "::test_another_sum_than_asked_is_held_for_a_person_and_delivers_nothing",
    ),
    Guard(
        "one open payment per order (16 clicks at once)",
        "commerce/migrations/0001_initial.py",
        "fields=('order',), name='commerce_payment_one_open_per_order'",
        "fields=('order', 'id'), name='commerce_payment_one_open_per_order'",
        "commerce/tests/test_races.py::test_a_click_repeated_sixteen_times_at_once_opens_one_page",
        on_postgres=True,
    ),
    Guard(
        "one captured payment per order",
        "commerce/migrations/0001_initial.py",
        "fields=('order',), name='commerce_payment_one_captured_per_order'",
        "fields=('order', 'id'), name='commerce_payment_one_captured_per_order'",
        "commerce/tests/test_settlement.py::test_a_second_capture_for_one_order_is_held_and_never_silent",
    ),
    # --- Delivery
    Guard(
        "a line is handed over once (16 at once)",
        "commerce/services/delivery.py",
        "rows = OrderLine.objects.filter(pk=line.pk, fulfilled_at__isnull=True)",
        "rows = OrderLine.objects.filter(pk=line.pk)",
        "commerce/tests/test_races.py::test_sixteen_deliverers_of_one_line_hand_it_over_once",
        on_postgres=True,
    ),
    Guard(
        "only what is paid is handed over",
        "commerce/services/delivery.py",
        ".filter(pk=line.order_id, status=Order.Status.PAID).exists()",
        ".filter(pk=line.order_id).exists()",
        "commerce/tests/test_delivery.py::test_an_unpaid_order_is_not_handed_over",
    ),
    # --- People see what is theirs
    Guard(
        "an order is shown to its buyer only",
        "commerce/views.py",
        "found = get_object_or_404(Order.objects.by(request.user), pk=pk)",
        "found = get_object_or_404(Order, pk=pk)",
        "commerce/tests/test_pages.py::test_anybody_elses_order_is_not_there",
    ),
    Guard(
        "the return page tells a stranger nothing of the buyer",
        "commerce/views.py",
        "if request.user != buyer:",
        "if False:",
        "commerce/tests/test_pages.py::test_in_another_browser_the_outcome_is_told_and_nothing_of_the_buyer",
    ),
    Guard(
        "one open place per member and course (16 clicks at once)",
        "courses/migrations/0001_initial.py",
        "fields=('member', 'course'), name='courses_enrolment_one_open_per_course'",
        "fields=('member', 'course', 'id'), name='courses_enrolment_one_open_per_course'",
        "courses/tests/test_races.py::test_sixteen_clicks_on_buy_hold_one_place_with_one_order",
        on_postgres=True,
    ),
    Guard(
        "a lesson that is not paid for is locked",
        "courses/policies.py",
        "return LessonAccess.LOCKED_PAYMENT",
        "return LessonAccess.OPEN",
        "courses/tests/test_policies.py::test_who_may_open_a_lesson",
    ),
    Guard(
        "the demo is refused where DEBUG is off",
        "portal/demo/management/commands/load_demo.py",
        "if not settings.DEBUG:",
        "if False:",
        "portal/demo/tests/test_demo.py::test_where_debug_is_off_the_demo_is_refused",
    ),
    Guard(
        "search does not read locked lessons",
        "portal/home/services/searching.py",
        "(LessonPage, lessons, open_lessons)",
        "(LessonPage, lessons, lessons)",
        "portal/home/tests/test_search.py::test_the_words_of_a_locked_lesson_find_nothing_for_a_visitor",
    ),
)


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


def passes(guard: Guard, root: Path) -> bool:
    """Whether the guard's test passes while the guard is there; one that does not proves nothing."""
    done = run_tests(root, [guard.test], on_postgres=guard.on_postgres)
    return done.returncode == 0 and re.search(r"\b[1-9]\d* passed", done.stdout) is not None


def all_pass(guards: Sequence[Guard], root: Path) -> bool:
    """Whether the tests of all guards pass, in one run for each database."""
    for on_postgres in (False, True):
        tests = sorted({guard.test for guard in guards if guard.on_postgres is on_postgres})
        if tests:
            done = run_tests(root, tests, on_postgres=on_postgres)
            if done.returncode or re.search(r"\b[1-9]\d* skipped", done.stdout):
                return False
    return True


def without(guard: Guard, root: Path) -> tuple[Verdict, str]:
    """What becomes of the guard's test when the guard is gone, and what pytest said."""
    with removed(guard, root):
        done = run_tests(root, [guard.test], on_postgres=guard.on_postgres)
    if done.returncode == 0:
        return Verdict.UNNOTICED, done.stdout
    if done.returncode == 1 and re.search(r"\b[1-9]\d* failed", done.stdout):
        return Verdict.GUARDED, done.stdout
    return Verdict.BROKEN, done.stdout + done.stderr


def prove(guard: Guard, root: Path, *, is_known_to_pass: bool = False) -> tuple[Verdict, str]:
    """Whether the guard's test passes with the guard and fails without it."""
    if not is_known_to_pass and not passes(guard, root):
        return Verdict.BROKEN, "The test does not pass while the guard is there."
    return without(guard, root)


def main(wanted: Sequence[str]) -> int:
    """Prove all guards, or those whose name contains one of the wanted words; 1 when one is not guarded."""
    chosen = [guard for guard in GUARDS if not wanted or any(word in guard.name for word in wanted)]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="portal-guards-") as folder:
        root = Path(folder) / "tree"
        shutil.copytree(ROOT, root, ignore=LEFT_BEHIND)
        all_known_to_pass = all_pass(chosen, root)
        for guard in chosen:
            verdict, said = prove(guard, root, is_known_to_pass=all_known_to_pass)
            failed += verdict is not Verdict.GUARDED
            print(f"{verdict:<21} {guard.name:<52} {guard.test.rpartition('::')[2]}", flush=True)
            if verdict is not Verdict.GUARDED:
                print("    " + "\n    ".join(said.strip().splitlines()[-15:]))
    print(f"{len(chosen) - failed} of {len(chosen)} guards are noticed when they are gone")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
