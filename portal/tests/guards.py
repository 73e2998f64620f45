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
    Guard(
        "others' events are none of ours",
        "commerce/services/settlement.py",
        "if not event.session_id or not _is_uuid(mark):",
        "if not event.session_id or not mark:",
        "commerce/tests/test_settlement.py::test_an_event_with_a_mark_of_somebody_else_is_ignored",
    ),
    Guard(
        "an event only names a session",
        "commerce/services/settlement.py",
        "state = gateway_for(account).session(event.session_id)",
        'state = gateway_for(account).session(event.session_id); object.__setattr__(state, "is_paid", True)',
        "commerce/tests/test_settlement.py::test_an_event_that_says_paid_is_not_believed",
    ),
    Guard(
        "another session's news closes nothing",
        "commerce/services/settlement.py",
        "elif state.id != payment.session_id:",
        "elif False:",
        "commerce/tests/test_settlement.py::test_what_another_session_says_does_not_close_the_payment",
    ),
    Guard(
        "an event that found no answer comes again",
        "commerce/webhooks.py",
        "status=503",
        "status=200",
        "commerce/tests/test_webhooks.py::test_an_event_whose_session_cannot_be_asked_about_must_come_again",
    ),
    Guard(
        "only money that has come is paid",
        "commerce/gateways/stripe.py",
        'session.payment_status in ("paid", "no_payment_required")',
        'session.status == "complete"',
        "commerce/tests/test_gateway_contract.py::test_a_slow_method_is_neither_paid_nor_failed_until_its_money_comes_or_does_not",
    ),
    Guard(
        "a retry is the same request",
        "commerce/gateways/stripe.py",
        '{"idempotency_key": request.key},',
        "{},",
        "commerce/tests/test_gateway_contract.py::test_an_answer_lost_on_the_way_back_makes_no_second_session",
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
    Guard(
        "test money is held",
        "commerce/services/settlement.py",
        "if state.livemode != gateway_for(payment.account).livemode:",
        "if False:",
        "commerce/tests/test_settlement.py::test_test_money_for_a_real_order_is_held",
    ),
    Guard(
        "money in another session is held",
        "commerce/services/settlement.py",
        "if state.id != payment.session_id and payment.session_id:",
        "if False:",
        "commerce/tests/test_settlement.py::test_money_in_another_session_than_ours_is_held",
    ),
    Guard(
        "late money is held when the goods are gone",
        "commerce/services/settlement.py",
        'refusal = _refusal(order) if order.status == Order.Status.CANCELLED else ""',
        'refusal = ""',
        "commerce/tests/test_settlement.py::test_money_for_an_order_given_up_is_held_when_the_goods_are_gone",
    ),
    Guard(
        "an order being given up is looked at again",
        "commerce/services/settlement.py",
        "order = Order.objects.select_for_update().get(pk=payment.order_id)",
        "order = Order.objects.get(pk=payment.order_id)",
        "commerce/tests/test_races.py::test_money_for_an_order_that_is_being_given_up_is_held_when_the_goods_are_gone",
        on_postgres=True,
    ),
    Guard(
        "money that is held is not paid again",
        "commerce/services/checkout.py",
        "if order.payments.held().exists():",
        "if False:",
        "commerce/tests/test_settlement.py::test_another_sum_than_asked_is_held_for_a_person_and_delivers_nothing",
    ),
    Guard(
        "slow money is not asked for again",
        "commerce/services/checkout.py",
        "        raise PaymentUnderWay(order)",
        "        return None",
        "commerce/tests/test_checkout.py::test_slow_money_on_its_way_is_not_asked_for_again_after_the_orders_time",
    ),
    Guard(
        "a page is closed before its order",
        "commerce/services/checkout.py",
        "            state = gateway_for(payment.account).expire_session(payment.session_id)",
        "            state = gateway_for(payment.account).session(payment.session_id)",
        "commerce/tests/test_checkout.py::test_giving_up_closes_the_page_before_the_order",
    ),
    Guard(
        "a page that comes too late is closed",
        "commerce/services/checkout.py",
        "if payment.status != Payment.Status.PENDING:",
        "if False:",
        "commerce/tests/test_checkout.py::test_a_page_made_for_an_order_given_up_meanwhile_is_closed_again",
    ),
    Guard(
        "no page for what is given up (at once)",
        "commerce/services/checkout.py",
        "if not Order.objects.select_for_update().get(pk=order.pk).may_be_paid(at=at):",
        "if False:",
        "commerce/tests/test_races.py::test_giving_up_and_going_to_pay_at_once_leaves_no_page_of_a_cancelled_order",
        on_postgres=True,
    ),
    Guard(
        "pages left open are closed by the sweep",
        "commerce/services/checkout.py",
        "chain(late, left_open)",
        "late",
        "commerce/tests/test_checkout.py::test_the_sweep_closes_a_page_that_a_cancelled_order_left_open",
    ),
    Guard(
        "a refused request is asked anew",
        "commerce/services/checkout.py",
        "        _ask_anew_next_time(payment=payment, at=at)\n        raise",
        "        raise",
        "commerce/tests/test_checkout.py::test_a_refused_request_is_not_repeated_but_asked_anew",
    ),
    Guard(
        "too little is refused before the provider is asked",
        "commerce/services/checkout.py",
        "if order.total < minimum_charge(order.currency):",
        "if False:",
        "commerce/tests/test_checkout.py::test_too_little_is_refused_before_the_provider_is_asked",
    ),
    Guard(
        "a session belongs to one payment",
        "commerce/migrations/0001_initial.py",
        "fields=('account', 'session_id'), name='commerce_payment_session_once_per_account'",
        "fields=('account', 'session_id', 'id'), name='commerce_payment_session_once_per_account'",
        "commerce/tests/test_checkout.py::test_the_database_allows_a_session_once_per_account",
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
        "an order is paid by its buyer only",
        "commerce/views.py",
        "return to_payment_page(request, get_object_or_404(Order.objects.by(request.user), pk=pk))",
        "return to_payment_page(request, get_object_or_404(Order, pk=pk))",
        "commerce/tests/test_pages.py::test_anybody_elses_order_is_not_there",
    ),
    Guard(
        "the form may send the browser to the provider",
        "portal/settings/base.py",
        "            STRIPE_CHECKOUT_ORIGIN,\n",
        "",
        "commerce/tests/test_pages.py::test_the_form_may_send_the_browser_to_the_provider_and_needs_its_token",
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
        "one open place per member and lesson",
        "courses/migrations/0001_initial.py",
        "fields=('member', 'lesson'), name='courses_enrolment_one_open_per_lesson'",
        "fields=('member', 'lesson', 'id'), name='courses_enrolment_one_open_per_lesson'",
        "courses/tests/test_enrolling.py::test_a_member_has_one_open_enrolment_in_a_thing",
    ),
    Guard(
        "a place paid and not opened is not sold again",
        "courses/services/enrolling.py",
        "(Order.Status.AWAITING_PAYMENT, Order.Status.PAID)",
        "(Order.Status.AWAITING_PAYMENT,)",
        "courses/tests/test_enrolling.py::test_a_place_paid_for_and_not_opened_yet_is_not_sold_again",
    ),
    Guard(
        "money for what is paid already is held",
        "courses/sales.py",
        ".paid_or_active()",
        ".active()",
        "courses/tests/test_enrolling.py::test_late_money_is_held_while_another_order_for_the_same_is_paid_and_not_delivered",
    ),
    Guard(
        "a hidden lesson is not sold",
        "courses/services/enrolling.py",
        "if not LessonPage.objects.shown().filter(pk=lesson.pk).exists():",
        "if False:",
        "courses/tests/test_enrolling.py::test_a_lesson_that_is_hidden_or_open_anyway_is_not_sold",
    ),
    Guard(
        "a refunded place is not opened again",
        "courses/models/enrolments.py",
        "Status.REVOKED: frozenset(),",
        "Status.REVOKED: frozenset({Status.ACTIVE}),",
        "courses/tests/test_enrolling.py::test_a_refunded_place_is_not_opened_by_its_old_order",
    ),
    Guard(
        "a paid course is not entered for nothing",
        "courses/services/enrolling.py",
        "    if not course.is_free:\n        raise PaymentRequired(course)",
        "    if False:\n        raise PaymentRequired(course)",
        "courses/tests/test_enrolling.py::test_a_paid_course_is_not_entered_for_nothing",
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
