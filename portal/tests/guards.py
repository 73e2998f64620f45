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
    ".git", ".venv", "var", "media", "__pycache__", "*.mo", ".*_cache", "node_modules", ".env"
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
    # --- Money: what staff do, and what waits for them
    Guard(
        "office: what staff do in the CMS takes its right",
        "commerce/wagtail_hooks/actions.py",
        "if not request.user.has_perm(self.permission):",
        "if not request.user.is_authenticated:",
        "commerce/tests/test_cms.py::test_who_only_looks_is_offered_nothing_and_can_do_nothing",
    ),
    Guard(
        "shop: who has sent their money is not asked to pay again",
        "commerce/views/paying.py",
        "    is_on_its_way = not is_held and underway.is_on_its_way(order)\n",
        "    is_on_its_way = False\n",
        "commerce/tests/test_order_states.py::test_who_has_done_their_part_is_not_asked_to_pay_again",
    ),
    Guard(
        "shop: an order whose money is held is offered for paying nowhere",
        "commerce/views/paying.py",
        "    is_held = order.payments.held().exists()\n",
        "    is_held = False\n",
        "commerce/tests/test_order_states.py::test_an_order_whose_money_is_held_is_offered_for_paying_nowhere",
    ),
    Guard(
        "shop: pictures are made for who knows their key, in the sizes there are",
        "commerce/views/pictures.py",
        "if not is_key_of(found.picture, key) or shape not in SHAPES or width not in SHAPES[shape].widths:",
        "if not found.picture or shape not in SHAPES or width not in SHAPES[shape].widths:",
        "commerce/tests/test_pictures.py"
        "::test_only_the_sizes_that_pages_show_are_made_and_only_for_who_knows_the_key",
    ),
    Guard(
        "office: no cell of a spreadsheet is a formula",
        "commerce/wagtail_hooks/lists.py",
        'return f"\'{written}" if written.startswith(FORMULA) and len(written) > 1 else written',
        "return written",
        "commerce/tests/test_cms_exports.py::test_no_cell_of_a_csv_is_a_formula",
    ),
    Guard(
        "office: findings are repaired by those who may",
        "commerce/wagtail_hooks/reports.py",
        "if not request.user.has_perm(self.permission):",
        "if not request.user.is_authenticated:",
        "commerce/tests/test_cms.py::test_findings_are_repaired_by_post_and_by_those_who_may",
    ),
    Guard(
        "office: what its seller refused is not tried again",
        "commerce/models/orders.py",
        "order__status=Order.Status.PAID, fulfilled_at__isnull=True, refused_at__isnull=True",
        "order__status=Order.Status.PAID, fulfilled_at__isnull=True",
        "commerce/tests/test_delivery.py"
        "::test_what_its_seller_refuses_waits_for_a_person_and_is_not_tried_again",
    ),
    Guard(
        "office: a refund by itself that is refused is held",
        "commerce/services/refunding.py",
        "if refund.origin == Refund.Origin.AUTOMATIC:",
        "if refund.origin == Refund.Origin.PROVIDER:",
        "commerce/tests/test_letters.py::test_money_that_could_not_go_back_by_itself_is_held",
    ),
    Guard(
        "office: what a person resolved stays resolved",
        "commerce/services/reconciling.py",
        "if difference.key() not in resolved",
        "if difference.key()",
        "commerce/tests/test_reconciling.py::test_a_charge_of_another_program_is_not_ours_and_stays_so",
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
        "commerce/gateways/__init__.py",
        "    except ValueError:\n        return None",
        "    except ValueError:\n        raise",
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
        "elif not told.is_ours:",
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
        '**optional,\n                },\n                {"idempotency_key": request.key},',
        "**optional,\n                },\n                {},",
        "commerce/tests/test_gateway_contract.py::test_an_answer_lost_on_the_way_back_makes_no_second_session",
    ),
    # --- Money: what was paid is what was asked
    Guard(
        "another sum than asked is held",
        "commerce/services/settlement.py",
        "if told.amount != payment.order.total:",
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
        "commerce/migrations/0002_shop.py",
        "fields=('order',), name='commerce_payment_one_captured_per_order'",
        "fields=('order', 'id'), name='commerce_payment_one_captured_per_order'",
        "commerce/tests/test_settlement.py::test_a_second_capture_for_one_order_is_given_back_and_never_silent",
    ),
    Guard(
        "test money is held",
        "commerce/services/settlement.py",
        "if told.livemode != gateway_for(payment.account).livemode:",
        "if False:",
        "commerce/tests/test_settlement.py::test_test_money_for_a_real_order_is_held",
    ),
    Guard(
        "money in another session is held",
        "commerce/services/settlement.py",
        "if known and not told.is_ours:",
        "if False:",
        "commerce/tests/test_settlement.py::test_money_in_another_session_than_ours_is_held",
    ),
    Guard(
        "late money goes back when the buyer has the goods already",
        "commerce/services/settlement.py",
        "            refusal = _refusal(order)\n",
        '            refusal = ""\n',
        "commerce/tests/test_settlement.py"
        "::test_money_for_an_order_given_up_is_given_back_when_the_buyer_has_the_goods_already",
    ),
    Guard(
        "an order being given up is looked at again",
        "commerce/services/settlement.py",
        "order = Order.objects.select_for_update().get(pk=payment.order_id)",
        "order = Order.objects.get(pk=payment.order_id)",
        "commerce/tests/test_races.py::test_money_for_an_order_that_is_being_given_up_is_given_back_when_the_goods_are_gone",
        on_postgres=True,
    ),
    Guard(
        "money that is held is not paid again",
        "commerce/services/checkout.py",
        "if order.payments.held().exists():",
        "if False:",
        "commerce/tests/test_settlement.py::test_an_order_is_not_paid_again_while_late_money_for_it_is_held",
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
        "            state = settlement.close(payment)\n            payment",
        "            state = settlement.ask(payment)\n            payment",
        "commerce/tests/test_checkout.py::test_giving_up_closes_the_page_before_the_order",
    ),
    Guard(
        "a page that comes too late is closed",
        "commerce/services/checkout.py",
        "if payment.status != Payment.Status.PENDING:\n        # Given up while the provider made the page.",
        "if False:\n        # Given up while the provider made the page.",
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
        "        _ask_anew_next_time(payment=payment, at=at)\n        raise\n    payment.keep_session",
        "        raise\n    payment.keep_session",
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
    # --- Accounts and tokens
    Guard(
        "a profile is changed by its owner only",
        "accounts/api/views.py",
        "if self.find(pk) != request.user:",
        "if False:",
        "accounts/tests/test_api_users.py::test_nobody_changes_or_deletes_another",
    ),
    Guard(
        "another's profile tells the public facts only",
        "accounts/api/views.py",
        "return Response(PublicProfileSerializer(person, context=self.get_serializer_context()).data)",
        "return Response(self.get_serializer(person).data)",
        "accounts/tests/test_api_users.py::test_another_profile_tells_the_public_facts_to_everybody",
    ),
    Guard(
        "a refresh token buys one pair (16 at once)",
        "accounts/services/tokens.py",
        "        if _use_up(old):\n",
        "        if (_use_up(old), True):\n",
        "accounts/tests/test_token_misuse.py::test_of_sixteen_who_use_a_refresh_token_at_once_one_wins",
        on_postgres=True,
    ),
    Guard(
        "another password ends the tokens",
        "accounts/services/tokens.py",
        "if token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):",
        "if False:",
        "accounts/tests/test_token_misuse.py::test_tokens_die_at_once_with_what_they_stood_for",
    ),
    Guard(
        "signing out everywhere ends access tokens",
        "accounts/services/tokens.py",
        " or token.get(GENERATION, 0) != user.token_generation:",
        ":",
        "accounts/tests/test_token_families.py"
        "::test_signing_out_everywhere_ends_access_tokens_at_once_and_leaves_those_that_come_after",
    ),
    Guard(
        "a refresh token that is used again ends its family",
        "accounts/services/tokens.py",
        "    if _was_used_long_before(old, at=at):\n",
        "    if False:\n",
        "accounts/tests/test_token_families.py"
        "::test_a_refresh_token_used_again_later_ends_all_that_came_of_its_sign_in",
    ),
    Guard(
        "who renews twice at nearly the same time is no thief",
        "accounts/services/tokens.py",
        "blacklisted_at__lt=at - GRACE",
        "blacklisted_at__lt=at",
        "accounts/tests/test_token_families.py::test_one_used_twice_at_nearly_the_same_time_ends_nothing",
    ),
    Guard(
        "a renewed token deletes no account",
        "accounts/api/views.py",
        "elif not tokens.is_fresh(request.auth, at=now, within=settings.API_FRESH_SIGN_IN):",
        "elif False:",
        "accounts/tests/test_api_users.py::test_a_token_of_an_older_sign_in_is_told_to_send_the_password",
    ),
    Guard(
        "links in letters lead to the portal, whatever host was asked",
        "accounts/adapter.py",
        "            **{name: at_home(context[name]) for name in BUTTONS if name in context},\n",
        "",
        "accounts/tests/test_security_letters.py::test_links_lead_to_the_portal_whatever_host_was_asked",
    ),
    Guard(
        "the link that opens a blocked account leads to the portal",
        "accounts/views/account.py",
        "link_for=lambda token: at_home(reverse(",
        "link_for=lambda token: request.build_absolute_uri(reverse(",
        "accounts/tests/test_security_letters.py::test_links_lead_to_the_portal_whatever_host_was_asked",
    ),
    Guard(
        "addresses change only once the password was shown",
        "portal/settings/base.py",
        "ACCOUNT_REAUTHENTICATION_REQUIRED = True",
        "ACCOUNT_REAUTHENTICATION_REQUIRED = False",
        "accounts/tests/test_security_letters.py::test_addresses_change_only_once_the_password_was_shown",
    ),
    Guard(
        "the CMS takes no picture as it was uploaded",
        "accounts/urls.py",
        "require_admin_access(views.CmsAccountView.as_view())",
        "require_admin_access(views.AccountView.as_view())",
        "accounts/tests/test_admin.py::test_the_cms_takes_no_picture_name_address_or_password",
    ),
    Guard(
        "sign-up does not tell by its time who has an account",
        "accounts/adapter.py",
        '            make_password(request.POST["password1"])\n',
        "            pass\n",
        "accounts/tests/test_sign_in.py"
        "::test_where_addresses_are_verified_signing_up_does_not_tell_who_has_an_account",
    ),
    Guard(
        "no token for an address that is not confirmed",
        "accounts/api/sign_in.py",
        "if is_verification_mandatory() and not has_verified_email(user, email):",
        "if False:",
        "accounts/tests/test_tokens.py"
        "::test_where_addresses_are_verified_an_unconfirmed_one_gets_no_token_but_the_letter",
    ),
    Guard(
        "no token past a second factor",
        "accounts/api/sign_in.py",
        "    require_second_factor(user, code)\n    return user\n",
        "    return user\n",
        "accounts/tests/test_tokens.py::test_an_account_with_a_second_factor_asks_for_its_code",
    ),
    Guard(
        "an address that staff replaced resets no password",
        "accounts/services/credentials.py",
        "    gone.delete()\n",
        "",
        "accounts/tests/test_changed_by_staff.py::test_the_former_address_opens_nothing_any_more",
    ),
    Guard(
        "staff give nobody an address that another has confirmed",
        "accounts/services/credentials.py",
        "    return others.exists() or confirmed.exists()\n",
        "    return others.exists()\n",
        "accounts/tests/test_changed_by_staff.py::test_an_address_that_another_has_confirmed_is_refused",
    ),
    Guard(
        "what was signed in before a blocking does not come back",
        "accounts/services/inactivity.py",
        "        return False\n    credentials.sign_out(user=user)\n",
        "        return False\n",
        "accounts/tests/test_changed_by_staff.py"
        "::test_what_was_signed_in_before_an_account_was_blocked_does_not_come_back",
    ),
    # --- People see what is theirs
    Guard(
        "an order is shown, paid and cancelled by its buyer only",
        "commerce/views/customers.py",
        "return Order.objects.none() if customer is None else Order.objects.of(customer)",
        "return Order.objects.all()",
        "commerce/tests/test_order_pages.py::test_other_people_s_orders_are_not_there",
    ),
    Guard(
        "the return page tells a stranger nothing of the buyer",
        "commerce/views/paying.py",
        "if not is_bought_by(request, found):",
        "if False:",
        "commerce/tests/test_pages.py::test_in_another_browser_the_outcome_is_told_and_nothing_of_the_buyer",
    ),
    Guard(
        "an order is a visitor's by the key of their session",
        "commerce/models/orders.py",
        "return self.filter(buyer__isnull=True, guest_key=customer.guest_key)",
        "return self.filter(buyer__isnull=True)",
        "commerce/tests/test_order_pages.py::test_a_visitor_with_another_key_is_asked_to_sign_in",
    ),
    Guard(
        "the secret of an intent is the provider's own",
        "commerce/services/returning.py",
        "if not isinstance(state, IntentState) or not constant_time_compare(state.client_secret, secret):",
        "if not isinstance(state, IntentState):",
        "commerce/tests/test_order_pages.py::test_a_secret_that_is_not_the_provider_s_opens_nothing",
    ),
    Guard(
        "visitors order only so fast",
        "commerce/views/customers.py",
        'if ratelimit.consume(request, app="allauth.account", action="order_as_guest", limit_get=True):',
        "if True:",
        "commerce/tests/test_shop_pages.py::test_visitors_cannot_empty_the_shelves_by_ordering_fast",
    ),
    Guard(
        "another site cannot have its visitors order here",
        "commerce/views/shop.py",
        'if request.headers.get("Sec-Fetch-Site") == "cross-site" and not by_form:',
        "if False:",
        "commerce/tests/test_shop_pages.py::test_another_site_cannot_have_its_visitors_order_here",
    ),
    Guard(
        "a visitor's cart and orders come along when they sign in",
        "commerce/apps.py",
        'user_logged_in.connect(bring_cart_along, dispatch_uid="commerce.bring_cart_along")',
        "",
        "commerce/tests/test_shop_pages.py"
        "::test_what_a_visitor_put_in_and_ordered_is_the_member_s_after_signing_in",
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
        "courses/tests/test_enrolling.py::test_late_money_is_given_back_while_another_order_for_the_same_is_paid_and_not_delivered",
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
    # --- The library's pages
    Guard(
        "a loan is renewed and returned by its member only",
        "library/views/loans.py",
        'return get_object_or_404(Borrowing.objects.by(request.user).select_related("book", "copy"), id=pk)',
        'return get_object_or_404(Borrowing.objects.select_related("book", "copy"), id=pk)',
        "library/tests/test_pages.py::test_loans_of_others_are_not_known",
    ),
    Guard(
        "a hold is cancelled by its member only",
        "library/views/books.py",
        'get_object_or_404(Hold.objects.by(request.user).select_related("book"), id=pk)',
        'get_object_or_404(Hold.objects.select_related("book"), id=pk)',
        "library/tests/test_pages.py::test_a_hold_is_cancelled_by_who_placed_it_and_by_nobody_else",
    ),
    Guard(
        "nothing is lent at a price that was not shown",
        "library/views/books.py",
        'if offered.is_possible and request.POST.get("price") != _as_shown(offered):',
        "if False:",
        "library/tests/test_pages.py::test_nothing_is_lent_at_a_price_that_was_not_shown",
    ),
    Guard(
        "no copy is made available past those who wait",
        "library/services/cataloguing.py",
        "        if available and waiting:\n",
        "        if False:\n",
        "library/tests/test_cataloguing.py"
        "::TestSettingTheInventory::test_none_becomes_available_while_somebody_waits",
    ),
    Guard(
        "a book that was lent is not deleted",
        "library/services/cataloguing.py",
        "if Borrowing.objects.of(book).exists():",
        "if False:",
        "library/tests/test_cataloguing.py::TestDeletingABook::test_a_book_that_was_lent_stays",
    ),
    Guard(
        "titles of books bring no addresses into lessons",
        "courses/validators.py",
        'return outside_addresses(f"{value.title} {value.author}")',
        "return []",
        "portal/tests/test_books_everywhere.py"
        "::test_addresses_outside_the_portal_do_not_come_in_by_the_title_of_a_book",
    ),
    # --- People and their accounts
    Guard(
        "staff enter the CMS with a second factor only",
        "accounts/middleware.py",
        "and not second_factor.is_set_up(request.user)",
        "and False",
        "accounts/tests/test_two_factor.py"
        "::test_staff_without_a_second_factor_are_sent_to_set_it_up_by_every_door",
    ),
    Guard(
        "who has a way into the CMS counts as staff",
        "accounts/services/second_factor.py",
        'user.is_staff or user.has_perm("wagtailadmin.access_admin")',
        "user.is_staff",
        "accounts/tests/test_two_factor.py::test_an_editor_without_the_staff_mark_is_asked_as_well",
    ),
    Guard(
        "an avatar is drawn anew, and not passed on",
        "accounts/services/avatars.py",
        'return ContentFile(written.getvalue(), name="avatar.webp")',
        'upload.seek(0)\n    return ContentFile(upload.read(), name="avatar.webp")',
        "accounts/tests/test_avatars.py::test_place_camera_comments_and_colour_profile_are_not_carried_over",
    ),
    Guard(
        "a picture is not unpacked before its size is known",
        "accounts/services/avatars.py",
        "if picture.width * picture.height > MAX_PIXELS:",
        "if False:",
        "accounts/tests/test_avatars.py"
        "::test_a_picture_that_unpacks_into_too_much_is_refused_before_it_is_unpacked",
    ),
    Guard(
        "a profile is edited by oneself only",
        "accounts/views/account.py",
        "user = User.objects.get(pk=request.user.pk)\n    form = ProfileForm(",
        'user = User.objects.get(pk=request.POST.get("pk", request.user.pk))\n    form = ProfileForm(',
        "accounts/tests/test_profiles.py::test_nothing_else_is_changed_and_nobody_else",
    ),
    Guard(
        "search does not read locked lessons",
        "portal/home/services/searching.py",
        "(LessonPage, lessons, open_lessons)",
        "(LessonPage, lessons, lessons)",
        "portal/home/tests/test_search.py::test_the_words_of_a_locked_lesson_find_nothing_for_a_visitor",
    ),
    # --- People
    Guard(
        "a superuser is never blocked for inactivity",
        "accounts/services/inactivity.py",
        "return User.objects.filter(is_active=True, is_superuser=False)",
        "return User.objects.filter(is_active=True)",
        "accounts/tests/test_inactivity.py::test_a_superuser_is_neither_warned_nor_blocked",
    ),
    Guard(
        "nobody is blocked within a week of the warning",
        "accounts/services/inactivity.py",
        "        .filter(inactivity_warned_at__lt=policies.week_is_over_for(on=on, zone=zone))\n",
        "",
        "accounts/tests/test_inactivity.py"
        "::test_who_is_overdue_at_the_first_run_is_warned_first_and_blocked_a_week_later",
    ),
    Guard(
        "only whom inactivity blocked is sent a link",
        "accounts/services/inactivity.py",
        "    if user is None or user.blocked_for_inactivity_at is None:\n",
        "    if user is None:\n",
        "accounts/tests/test_inactivity.py"
        "::test_a_person_who_was_then_blocked_by_a_person_is_sent_no_other_link",
    ),
    Guard(
        "a link opens an account once",
        "accounts/services/inactivity.py",
        "rows = User.objects.filter(pk=pk, is_active=False, blocked_for_inactivity_at=blocked_at)",
        "rows = User.objects.filter(pk=pk)",
        "accounts/tests/test_inactivity.py::test_a_link_works_once",
    ),
    Guard(
        "a link opens an account for 24 hours",
        "accounts/services/inactivity.py",
        "    if at >= valid_until:\n",
        "    if False:\n",
        "accounts/tests/test_inactivity.py::test_a_link_lives_24_hours",
    ),
    Guard(
        "a message is written once per occasion",
        "accounts/migrations/0003_keep_messages.py",
        "fields=('recipient', 'kind', 'subject_of', 'dedupe'), name='accounts_message_once'",
        "fields=('recipient', 'kind', 'subject_of', 'dedupe', 'id'), name='accounts_message_once'",
        "accounts/tests/test_messages.py::test_what_was_told_on_an_occasion_is_not_told_again",
    ),
    Guard(
        "a message is sent by one sender (16 at once)",
        "accounts/services/notifying.py",
        "    rows = Message.objects.due(at=at).filter(pk=message.pk)\n",
        "    rows = Message.objects.filter(pk=message.pk)\n",
        "accounts/tests/test_messages.py::test_sixteen_senders_at_once_send_one_letter",
        on_postgres=True,
    ),
    Guard(
        "what is being sent is not sent again beside it",
        "accounts/services/notifying.py",
        "Q(is_at_rest, status=Message.Status.PENDING), pk=message.pk\n",
        "Q(status=Message.Status.PENDING), pk=message.pk\n",
        "accounts/tests/test_messages.py::test_what_is_being_sent_is_not_sent_beside_it",
    ),
    Guard(
        "no unsubscription brings mail back to where it bounces",
        "accounts/services/stopping.py",
        "            rows = rows.filter(reason=Reason.UNSUBSCRIBED)\n",
        "            rows = rows.all()\n",
        "accounts/tests/test_letters_out.py::test_to_unsubscribe_at_the_provider_brings_no_receipts_back[BOUNCED]",
    ),
    Guard(
        "the staff chat is told once per occasion",
        "accounts/migrations/0006_write_to_the_staff_chat.py",
        "fields=('kind', 'subject_of', 'dedupe')",
        "fields=('kind', 'subject_of', 'dedupe', 'id')",
        "accounts/tests/test_telegram.py::test_the_staff_chat_is_told_once_on_an_occasion",
    ),
    Guard(
        "the token of Telegram is in no error",
        "accounts/services/telegram.py",
        '.replace(self.token, "…")',
        "",
        "accounts/tests/test_telegram.py::test_the_token_stands_in_no_log_and_on_no_row[400]",
    ),
    Guard(
        "a channel is used once for a message",
        "accounts/services/delivering.py",
        "        if channel in through or frequency == Frequency.OFF:\n",
        "        if frequency == Frequency.OFF:\n",
        "accounts/tests/test_channels.py::test_a_failure_of_telegram_mails_nobody_twice",
    ),
    Guard(
        "receipts cannot be switched off",
        "accounts/services/choosing.py",
        "    if kind.is_essential and channel == Channel.EMAIL:\n",
        "    if False:\n",
        "accounts/tests/test_channels.py::test_receipts_cannot_be_switched_off_nor_left_to_a_digest",
    ),
    Guard(
        "a code links a chat once",
        "accounts/services/linking.py",
        "        if owner is None or not codes.delete()[0]:\n",
        "        if owner is None:\n",
        "accounts/tests/test_linking.py::test_a_code_works_once_and_for_a_quarter_of_an_hour",
    ),
    Guard(
        "nobody reads another's messages",
        "accounts/services/inbox.py",
        "    unread = Message.objects.to(user).unread()\n",
        "    unread = Message.objects.unread()\n",
        "accounts/tests/test_inbox.py::test_nobody_opens_or_reads_anothers",
    ),
    Guard(
        "a digest is written once for a day",
        "accounts/services/digesting.py",
        "        if (key[0], _occasion(key[1], days[key[0]])) not in written\n",
        "        if True\n",
        "accounts/tests/test_digests.py::test_a_day_has_one_digest_also_when_its_hour_is_moved",
    ),
    Guard(
        "a digest tells of nothing twice (16 at once)",
        "accounts/services/digesting.py",
        "    locked = User.objects.select_for_update(no_key=True).filter(pk__in=people)",
        "    locked = User.objects.filter(pk__in=people)",
        "accounts/tests/test_digests.py::test_sixteen_runs_at_once_write_each_digest_once",
        on_postgres=True,
    ),
    Guard(
        "an empty digest is not sent",
        "accounts/services/digesting.py",
        "    return bool(told(digest=message, at=at))\n",
        "    return True\n",
        "accounts/tests/test_digests.py::test_it_does_not_go_out_when_everything_in_it_is_gone",
    ),
    Guard(
        "a message to many goes on where it was",
        "accounts/services/notifying.py",
        "    row = Broadcast.objects.unfinished().select_for_update().filter(pk=broadcast_id).first()\n",
        "    row = Broadcast.objects.unfinished().filter(pk=broadcast_id).first()\n",
        "accounts/tests/test_broadcasts.py::test_sixteen_who_spread_at_once_write_to_each_once",
        on_postgres=True,
    ),
    Guard(
        "followers are left in peace for four hours",
        "courses/services/telling.py",
        "published_at__gt=change.published_at - QUIET",
        "published_at__gt=change.published_at",
        "courses/tests/test_telling.py::test_what_falls_into_the_four_hours_stands_in_the_digest",
    ),
    Guard(
        "two publications at once disturb once",
        "courses/services/telling.py",
        "    list(Page.objects.select_for_update(no_key=True)",
        "    list(Page.objects",
        "courses/tests/test_telling.py::test_two_publications_at_once_disturb_followers_once",
        on_postgres=True,
    ),
    Guard(
        "a link that unsubscribes cannot be made up",
        "accounts/services/unsubscribing.py",
        "        said = signing.Signer(salt=SALT).unsign_object(token)\n",
        '        said = signing.JSONSerializer().loads(signing.b64_decode(token.split(":")[0].encode()))\n',
        "accounts/tests/test_letters_out.py::test_a_link_made_for_another_purpose_is_none",
    ),
    Guard(
        "no mail goes to an address that bounces",
        "accounts/services/delivering.py",
        "    if because := stopping.why(email=message.recipient.email, kind=kind):\n",
        "    if because := None:\n",
        "accounts/tests/test_letters_out.py::test_mail_that_comes_back_stops_further_mail",
    ),
    Guard(
        "who only looks sends nothing again",
        "accounts/wagtail_hooks/messages.py",
        "    if not request.user.has_perm(may_change(row)):\n",
        "    if False:\n",
        "accounts/tests/test_messages_in_cms.py::test_who_only_looks_can_do_nothing",
    ),
    Guard(
        "what was paid is reminded of no more",
        "commerce/notifications.py",
        'Order.objects.awaiting_payment().filter(pk=message.context["order"], payable_until=until)',
        'Order.objects.filter(pk=message.context["order"])',
        "commerce/tests/test_reminding.py::test_what_was_paid_meanwhile_is_reminded_of_no_more",
    ),
    Guard(
        "a message whose reason is gone is not sent",
        "accounts/services/notifying.py",
        "        if not still_wanted(claimed, at=at):\n",
        "        if False:\n",
        "accounts/tests/test_messages.py::test_a_message_whose_reason_is_gone_is_dropped",
    ),
    Guard(
        "Moderators delete no course",
        "courses/models/rights.py",
        'return self.user.is_superuser or "add" in self.permissions',
        "return True",
        "portal/home/tests/test_roles.py"
        "::test_each_role_may_what_the_table_says[Delete another's course-Moderators]",
    ),
    Guard(
        "Editors edit no course",
        "courses/models/rights.py",
        'return [each for each in permissions if each.page.cached_content_type.app_label == "courses"]',
        "return list(permissions)",
        "portal/home/tests/test_roles.py"
        "::test_each_role_may_what_the_table_says[Edit another's course-Editors]",
    ),
    Guard(
        "a role may what the table says and nothing else",
        "portal/home/services/roles.py",
        "    rows.filter(pk__in=[pk for key, pk in there.items() if key not in wanted]).delete()\n",
        "",
        "portal/home/tests/test_roles.py"
        "::test_rights_added_by_hand_are_taken_away_and_those_taken_are_given_back",
    ),
    Guard(
        "the last administrator cannot leave",
        "accounts/services/privacy.py",
        "        _refuse_the_last_administrator(user)\n",
        "",
        "portal/tests/test_privacy.py::test_the_last_administrator_cannot_leave",
    ),
    Guard(
        "authors see their own courses only",
        "courses/apps.py",
        "register_permission_policy(Page, OwnCoursesPolicy(Page))",
        "pass",
        "courses/tests/test_explorer.py::test_an_author_sees_own_courses_and_no_others",
    ),
    Guard(
        "the folder of another's course is shut",
        "courses/wagtail_hooks.py",
        '@hooks.register("construct_explorer_page_queryset")\n',
        "",
        "courses/tests/test_explorer.py::test_the_folder_of_anothers_course_is_shut",
    ),
    Guard(
        "choosers offer what the explorer shows",
        "courses/wagtail_hooks.py",
        '@hooks.register("construct_page_chooser_queryset")\n',
        "",
        "courses/tests/test_explorer.py::test_an_author_sees_own_courses_and_no_others",
    ),
    Guard(
        "authors add to their own courses only",
        "courses/models/rights.py",
        "return is_catalogue or any(self.page.path.startswith(path) for path in own_course_paths(self.user))",
        "return True",
        "courses/tests/test_explorer.py::test_an_author_copies_no_lesson_into_the_course_of_another",
    ),
    Guard(
        "nobody is asked whether to move what they may not move",
        "courses/wagtail_hooks.py",
        "    if not page.permissions_for_user(request.user).can_move_to(destination):\n",
        "    if False:\n",
        "courses/tests/test_cms_doors.py"
        "::test_moderators_go_in_by_these_doors_and_make_delete_and_move_nothing",
    ),
    Guard(
        "no bulk action names what one does not see",
        "courses/wagtail_hooks.py",
        "[entry for entry in passed_over if _page_of(entry).pk in known]",
        "passed_over",
        "courses/tests/test_cms_doors.py::test_no_list_or_report_names_the_course_of_another[Authors]",
    ),
    Guard(
        "a note about a change keeps the rule for links",
        "courses/models/lessons.py",
        '"introduction", "body", "change_note")',
        '"introduction", "body")',
        "courses/tests/test_links_in_cms.py"
        "::test_a_forbidden_link_in_the_note_about_a_change_is_refused[lesson]",
    ),
    Guard(
        "the name of a topic keeps the rule for links",
        "courses/models/topics.py",
        '        validate_materials(self, ["name"])\n',
        "",
        "courses/tests/test_links_in_cms.py::test_a_forbidden_link_in_the_name_of_a_topic_is_refused",
    ),
    Guard(
        "what opens together with its course is no news",
        "courses/services/announcing.py",
        "    return opening == act\n",
        "    return False\n",
        "courses/tests/test_changes.py::test_what_opens_together_with_its_course_is_no_news",
    ),
    Guard(
        "a moderation that is called off is no approval",
        "courses/services/moderating.py",
        "    if is_cancelled and not _is_published(workflow_state):\n        return False\n",
        "",
        "courses/tests/test_moderation.py::test_a_moderation_that_is_called_off_is_no_approval",
    ),
    # --- Studying, following, and payments by hand
    Guard(
        "a lesson out of turn is locked",
        "courses/policies.py",
        "if facts.is_enrolled and not facts.is_out_of_turn:",
        "if facts.is_enrolled:",
        "courses/tests/test_sequence.py::test_page_api_search_and_documents_open_and_shut_together",
    ),
    Guard(
        "a lesson out of turn is locked, said in SQL",
        "courses/models/lessons.py",
        "is_in_turn = Exists(place.filter(Q(course__is_sequential=False) | ~Exists(undone_before)))",
        "is_in_turn = Exists(place)",
        "courses/tests/test_sequence.py::test_every_way_of_asking_gives_one_answer_whatever_was_done",
    ),
    Guard(
        "of two last lessons marked at once one completes the course",
        "courses/services/studying.py",
        '.order_by("pk").select_for_update())',
        '.order_by("pk"))',
        "courses/tests/test_races.py::test_sixteen_last_lessons_marked_at_once_complete_the_course",
        on_postgres=True,
    ),
    Guard(
        "who only looks at a lesson leaves no trace",
        "courses/views/lesson.py",
        " or not standing.studies(entry.lesson):",
        ":",
        "courses/tests/test_studying.py::test_who_only_looks_leaves_no_trace",
    ),
    Guard(
        "one subscription per member and course",
        "courses/migrations/0002_subscriptions_changes_and_order.py",
        "fields=('member', 'course'), name='courses_coursesubscription_once'",
        "fields=('member', 'course', 'id'), name='courses_coursesubscription_once'",
        "courses/tests/test_races.py::test_sixteen_who_subscribe_at_once_are_one_subscription",
        on_postgres=True,
    ),
    Guard(
        "one place to go on per member and course",
        "courses/migrations/0002_subscriptions_changes_and_order.py",
        "fields=('member', 'course'), name='courses_studyposition_once_per_course'",
        "fields=('member', 'course', 'id'), name='courses_studyposition_once_per_course'",
        "courses/tests/test_races.py::test_sixteen_pages_opened_at_once_leave_one_place",
        on_postgres=True,
    ),
    Guard(
        "a draft is followed by nobody, by the API",
        "courses/api/subscriptions.py",
        "get_object_or_404(CoursePage.objects.live(), id=pk)",
        "get_object_or_404(CoursePage.objects.all(), id=pk)",
        "courses/tests/test_subscribing.py::test_nobody_follows_a_draft_not_even_their_own",
    ),
    Guard(
        "a draft is followed by nobody",
        "courses/services/subscribing.py",
        "    if not course.live:\n        raise NotOpenToFollowers(course)\n",
        "",
        "courses/tests/test_subscribing.py::test_the_service_refuses_drafts_too",
    ),
    Guard(
        "stopping takes away one's own subscription only",
        "courses/services/subscribing.py",
        "CourseSubscription.objects.by(member).to(course).delete()",
        "CourseSubscription.objects.filter(course=course).delete()",
        "courses/tests/test_subscribing.py::test_stopping_leaves_what_others_follow",
    ),
    Guard(
        "a course that is not published is not entered by the API",
        "courses/api/enrolments.py",
        "get_object_or_404(CoursePage.objects.live(), id=",
        "get_object_or_404(CoursePage.objects.all(), id=",
        "courses/tests/test_api_enrolments.py::test_a_course_that_is_not_published_is_not_there",
    ),
    Guard(
        "everybody lists their own places",
        "courses/api/enrolments.py",
        "Enrolment.objects.by(request.user).filter(",
        "Enrolment.objects.filter(",
        "courses/tests/test_api_enrolments.py"
        "::test_everybody_lists_their_own_places_newest_first_with_status_and_progress",
    ),
    Guard(
        "money by hand is taken once (16 clerks)",
        "commerce/services/receiving.py",
        "        Payment.objects.select_for_update().get(pk=payment.pk)\n"
        "        order = Order.objects.select_for_update().get(pk=payment.order_id)\n",
        "        order = Order.objects.get(pk=payment.order_id)\n",
        "commerce/tests/test_receiving_races.py::test_sixteen_clerks_take_the_money_once",
        on_postgres=True,
    ),
    Guard(
        "money by hand and giving up wait for each other",
        "commerce/services/receiving.py",
        "order = Order.objects.select_for_update().get(pk=payment.order_id)",
        "order = Order.objects.get(pk=payment.order_id)",
        "commerce/tests/test_receiving_races.py"
        "::test_cash_that_is_taken_while_its_order_is_given_up_is_one_or_the_other",
        on_postgres=True,
    ),
    Guard(
        "money by hand pays no order that was given up",
        "commerce/services/receiving.py",
        "        if order.status != Order.Status.AWAITING_PAYMENT:\n            raise NotWaiting(order)\n"
        "        if order.payments",
        "        if order.payments",
        "commerce/tests/test_receiving.py::test_an_order_that_was_given_up_takes_no_cash",
    ),
    Guard(
        "money by hand is not taken while a payment page is open",
        "commerce/services/receiving.py",
        "        if order.payments.pending().exclude(pk=payment.pk).exists():\n"
        "            raise PaidElsewhere(order)\n",
        "",
        "commerce/tests/test_receiving.py::test_cash_is_not_taken_while_a_payment_page_is_open",
    ),
    Guard(
        "a card is not settled by hand",
        "commerce/services/receiving.py",
        "    if payment.method not in BY_HAND:\n        raise NotByHand\n",
        "",
        "commerce/tests/test_receiving.py::test_a_card_is_not_settled_by_hand",
    ),
    Guard(
        "a list of payments is recorded whole or not at all",
        "courses/services/recording.py",
        "    with transaction.atomic(durable=True):\n        known",
        "    if True:\n        known",
        "courses/tests/test_load_payments.py::test_a_row_that_does_not_fit_is_named_and_nothing_is_recorded",
    ),
    Guard(
        "a row of a list is recorded once",
        "courses/services/recording.py",
        "            if row.mark not in known:\n",
        "            if True:\n",
        "courses/tests/test_load_payments.py::test_a_second_run_records_nothing_more",
    ),
    Guard(
        "a recorded payment is what the thing costs",
        "courses/services/recording.py",
        "    if line.order.total != row.amount:\n",
        "    if False:\n",
        "courses/tests/test_load_payments.py::test_a_row_that_does_not_fit_is_named_and_nothing_is_recorded",
    ),
    Guard(
        "Wagtail's own sign-in is closed",
        "portal/urls.py",
        'path("_util/login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),',
        "",
        "portal/tests/test_permission_matrix.py::test_everybody_gets_what_the_table_says[_util/login]",
    ),
    # --- Links: YouTube, the portal, nothing else
    Guard(
        "a link's host is YouTube's as a whole",
        "portal/content/links.py",
        "if address.host not in VIDEO_HOSTS:",
        "if not address.host.endswith(tuple(VIDEO_HOSTS)):",
        "portal/content/tests/test_links.py::test_a_hostile_address_is_no_video",
    ),
    Guard(
        "a link's host is written so that urllib reads it as browsers do",
        "portal/content/links.py",
        "if not address.host_as_written.isascii():",
        "if False:",
        "portal/content/tests/test_links.py::test_a_hostile_address_is_no_video",
    ),
    Guard(
        "materials do not link to what is redirected outside",
        "courses/validators.py",
        "redirected = redirected_outside(links_into_portal(type(page), materials))",
        "redirected = {}",
        "courses/tests/test_links_in_cms.py::test_a_link_to_a_page_that_is_redirected_outside_is_refused",
    ),
    Guard(
        "rich text from elsewhere runs no script",
        "portal/content/richtext.py",
        'return {"href": href} if href and check_url(href) else {}',
        'return {"href": href} if href else {}',
        "portal/content/tests/test_richtext.py::test_what_could_run_or_hide_is_dropped_and_the_words_stay",
    ),
    # --- The sandbox: what a browser may do with a publishable key
    Guard(
        "a browser proves itself by the client secret",
        "commerce/sandbox/api.py",
        "publishable.require_secret(intent, secret)",
        "intent.body.copy()",
        "commerce/sandbox/tests/test_publishable_keys.py::test_a_wrong_client_secret_confirms_nothing",
    ),
    Guard(
        "a browser confirms and retrieves, and no more",
        "commerce/sandbox/publishable.py",
        "if found.name not in OPEN_TO_BROWSERS:",
        "if not found.name:",
        "commerce/sandbox/tests/test_publishable_keys.py::test_anything_else_needs_the_secret_key",
    ),
    Guard(
        "a browser is not shown what is the shop's own",
        "commerce/sandbox/publishable.py",
        "for name, value in intent.items() if name in _SHOWN}",
        "for name, value in intent.items()}",
        "commerce/sandbox/tests/test_publishable_keys.py::test_a_browser_sees_nothing_of_the_shop_s_own",
    ),
    Guard(
        "the bank's question answers to its own address only",
        "commerce/sandbox/stripe_js/pages.py",
        "return (account, intent) if is_right else None",
        "return account, intent",
        "commerce/sandbox/tests/test_stripe_js.py::test_the_bank_s_page_cannot_be_guessed",
    ),
    # --- Writing courses by the API
    Guard(
        "authors see their own courses only in the API",
        "courses/services/authoring.py",
        "return courses.filter(_edited_by(user) | Q(owner=user.pk))",
        "return courses",
        "courses/tests/test_authoring_courses.py"
        "::test_the_published_course_of_another_is_behind_the_catalogues_door_only",
    ),
    Guard(
        "authors see the lessons of their own courses only in the API",
        "courses/services/authoring.py",
        "return lessons.filter(_edited_by(user) | Q(owner=user.pk) | in_own_course)",
        "return lessons",
        "courses/tests/test_authoring_lessons.py::test_who_may_read_a_lesson",
    ),
    Guard(
        "authors delete no course in which others wrote",
        "courses/services/authoring.py",
        "return not page.get_descendants().exclude(owner=user.pk).exists()",
        "return True",
        "courses/tests/test_authoring_courses.py"
        "::test_a_course_that_others_have_written_in_is_not_deleted_by_its_owner",
    ),
    Guard(
        "authors who only moderate create nothing by the API",
        "courses/services/authoring.py",
        'return "change" in rights and "add" not in rights',
        "return False",
        "courses/tests/test_authoring_courses.py::test_who_may_create_a_course",
    ),
    Guard(
        "authors open no document by naming it",
        "courses/services/authoring.py",
        "if found is None or not _may_choose(by, found):",
        "if found is None:",
        "courses/tests/test_authoring_courses.py::test_naming_a_document_of_another_does_not_open_it",
    ),
    Guard(
        "authors overwrite nothing that they have not read",
        "courses/api/authoring/views.py",
        "return entity_tag(page, self.get_serializer(page).data) in tags",
        "return True",
        "courses/tests/test_authoring_courses.py::test_what_has_changed_since_it_was_read_is_not_overwritten",
    ),
    Guard(
        "authors overwrite nothing that they have not read (16 at once)",
        "courses/services/authoring.py",
        "return Page.objects.select_for_update().get(pk=page_id).specific",
        "return Page.objects.get(pk=page_id).specific",
        "courses/tests/test_authoring_races.py::test_of_sixteen_who_read_the_same_one_changes_it",
        on_postgres=True,
    ),
    Guard(
        "authors take one place each (16 at once)",
        "courses/services/authoring.py",
        "parent = Page.objects.select_for_update().get(pk=parent.pk).specific",
        "parent = Page.objects.get(pk=parent.pk).specific",
        "courses/tests/test_authoring_races.py"
        "::test_sixteen_lessons_of_one_title_get_sixteen_places_and_addresses",
        on_postgres=True,
    ),
    # --- Moderation and what changed
    Guard(
        "what was decided is not decided again",
        "courses/models/moderation.py",
        "        task_state.refresh_from_db()\n",
        "",
        "courses/tests/test_moderation.py::test_what_was_decided_meanwhile_is_not_decided_again",
    ),
    Guard(
        "of many moderators at once one decides",
        "courses/models/moderation.py",
        "        TaskState.objects.select_for_update().get(pk=task_state.pk)\n",
        "",
        "courses/tests/test_moderation.py::test_of_many_approving_at_once_one_does",
        on_postgres=True,
    ),
    Guard(
        "no address of the CMS leads to what one does not see",
        "portal/home/views.py",
        "if (name in ABOUT_ALL_PAGES and not sees_every_course(user)) or hidden_among(pages, user):",
        "if False:",
        "courses/tests/test_cms_doors.py::test_no_list_or_report_names_the_course_of_another[Authors]",
    ),
    Guard(
        "copying is for those who may add",
        "courses/models/rights.py",
        'return super().can_copy() and (self.user.is_superuser or "add" in self.permissions)',
        "return super().can_copy()",
        "courses/tests/test_cms_doors.py"
        "::test_moderators_go_in_by_these_doors_and_make_delete_and_move_nothing",
    ),
    Guard(
        "a publication is told once",
        "courses/migrations/0003_moderate_and_tell_once.py",
        "fields=('page', 'published_at'), name='courses_coursechange_once_per_publication'",
        "fields=('page', 'published_at', 'id'), name='courses_coursechange_once_per_publication'",
        "courses/tests/test_changes.py::test_the_database_knows_a_publication_by_its_moment",
    ),
    Guard(
        "a note is said once",
        "courses/services/announcing.py",
        "    _take_off(page, revision)\n    return changes",
        "    return changes",
        "courses/tests/test_changes.py::test_a_note_and_a_tick_belong_to_one_publication",
    ),
    # --- The sandbox: whom it obeys
    Guard(
        "what a refused page hides in its body is no request",
        "commerce/sandbox/server.py",
        "        self.close_connection = True\n        self._send(Response(status, words",
        "        self._send(Response(status, words",
        "commerce/sandbox/tests/test_hostile.py::test_what_a_refused_page_hides_in_its_body_is_no_request",
    ),
    Guard(
        "the control API does not obey pages of other sites",
        "commerce/sandbox/control.py",
        "if is_sent_from_elsewhere(request):",
        "if False:",
        "commerce/sandbox/tests/test_people.py::test_a_form_or_call_of_another_sites_page_does_nothing",
    ),
    Guard(
        "forms of the sandbox come from its own page",
        "commerce/sandbox/people/pages.py",
        "if is_sent_from_elsewhere(request) or not hmac.compare_digest(sent, self._token.encode()):",
        "if is_sent_from_elsewhere(request):",
        "commerce/sandbox/tests/test_people.py::test_a_form_without_the_token_of_its_page_does_nothing",
    ),
    Guard(
        "an idempotency key is held by one request at a time",
        "commerce/sandbox/idempotency.py",
        "if (account, key) in self._in_use:",
        "if False:",
        "commerce/sandbox/tests/test_manners.py::test_a_key_in_use_is_a_conflict",
    ),
    # --- The shop's API
    Guard(
        "the list of payments is one's own",
        "commerce/api/doors.py",
        "return payments if permissions.sees_all_payments(user) else payments.by(user)",
        "return payments",
        "commerce/tests/test_api_payments.py::test_one_sees_ones_own_and_staff_and_shopkeepers_see_all",
    ),
    Guard(
        "the list of orders is one's own",
        "commerce/api/doors.py",
        "return orders if permissions.sees_all_orders(user) else orders.by(user)",
        "return orders",
        "commerce/tests/test_api_orders.py::test_one_sees_ones_own_orders_and_staff_and_shopkeepers_see_all",
    ),
    Guard(
        "money is settled and given back by staff",
        "commerce/api/doors.py",
        "return permissions.may_handle_money(request.user)",
        "return True",
        "commerce/tests/test_api_payments.py::test_money_is_handled_by_staff_only",
    ),
    Guard(
        "who has a session's name is told nothing of its buyer",
        "commerce/api/payments.py",
        'return {"status": shown["status"], "session_id": shown["session_id"]}',
        "return shown",
        "commerce/tests/test_api_payments.py"
        "::test_whoever_comes_back_is_told_how_it_stands_and_nothing_of_the_buyer",
    ),
    Guard(
        "news of the page before does not close the renewed one",
        "commerce/models/payments.py",
        "attempt=int(named) if named.isdecimal() else 0",
        "",
        "commerce/tests/test_renewing.py::test_late_news_of_the_old_page_does_not_close_the_new_one",
    ),
    # --- The shop: stock, discounts, carts and refunds, by many at once
    Guard(
        "no more is sold than there is (crowds)",
        "commerce/services/stocking.py",
        'stock__gte=quantity).update(stock=F("stock") - quantity):',
        "stock__isnull=False).update(stock=item.stock - quantity):",
        "commerce/tests/test_shop_races.py::test_a_crowd_of_four_times_the_stock_buys_exactly_the_stock",
        on_postgres=True,
    ),
    Guard(
        "things are locked in one order by everybody",
        "commerce/fulfilment.py",
        "    return sorted(lines, key=lambda line: (line.kind, len(line.reference), line.reference))",
        "    return list(lines)",
        "commerce/tests/test_shop_races.py::test_a_crowd_of_four_times_the_stock_buys_exactly_the_stock",
        on_postgres=True,
    ),
    Guard(
        "what is put back is put back once (16 at once)",
        "commerce/services/stocking.py",
        "StockHold.objects.filter(pk=hold.pk, returned_at__isnull=True)",
        "StockHold.objects.filter(pk=hold.pk)",
        "commerce/tests/test_shop_races.py::test_what_is_held_for_a_line_and_released_sixteen_times_at_once_is_put_back_once",
        on_postgres=True,
    ),
    Guard(
        "a discount is had by no more than its limit (16 at once)",
        "commerce/services/discounting.py",
        "not Discount.objects.valid(at=at)\n        .filter(pk=attached.discount_id)",
        "not Discount.objects.filter(pk=attached.discount_id)",
        "commerce/tests/test_shop_races.py::test_a_discount_for_three_orders_is_had_by_three_of_sixteen_at_once",
        on_postgres=True,
    ),
    Guard(
        "no more is given back than came (16 at once)",
        "commerce/services/refunding.py",
        "    payment = Payment.objects.select_for_update().get(pk=payment.pk)\n"
        "    left = Money.from_minor(payment.captured_minor - payment.refunded_minor, payment.currency)\n"
        "    if not payment.captured_minor:\n"
        "        raise NothingTaken(payment)\n"
        "    wanted = left if amount is None else amount\n"
        "    if wanted.currency != left.currency or wanted > left or not left:\n"
        "        raise TooMuch(left)\n"
        "    if wanted.minor <= 0:\n"
        "        raise NoAmount\n"
        "    # By what the row says now, so that no two refunds take the same money, locked or not.\n"
        "    taken = Payment.objects.filter(\n"
        '        pk=payment.pk, captured_minor__gte=F("refunded_minor") + wanted.minor\n',
        "    payment = Payment.objects.get(pk=payment.pk)\n"
        "    left = Money.from_minor(payment.captured_minor - payment.refunded_minor, payment.currency)\n"
        "    if not payment.captured_minor:\n"
        "        raise NothingTaken(payment)\n"
        "    wanted = left if amount is None else amount\n"
        "    if wanted.currency != left.currency or wanted > left or not left:\n"
        "        raise TooMuch(left)\n"
        "    if wanted.minor <= 0:\n"
        "        raise NoAmount\n"
        "    # By what the row says now, so that no two refunds take the same money, locked or not.\n"
        "    taken = Payment.objects.filter(\n"
        "        pk=payment.pk\n",
        "commerce/tests/test_shop_races.py::test_of_sixteen_refunds_at_once_no_more_is_given_back_than_came",
        on_postgres=True,
    ),
    Guard(
        "one cart per member (16 at once)",
        "commerce/migrations/0002_shop.py",
        "fields=('buyer',), name='commerce_order_one_cart_per_buyer'",
        "fields=('buyer', 'id'), name='commerce_order_one_cart_per_buyer'",
        "commerce/tests/test_shop_races.py::test_sixteen_of_an_item_put_into_a_cart_at_once_are_sixteen",
        on_postgres=True,
    ),
    Guard(
        "one cart per visitor (16 at once)",
        "commerce/migrations/0002_shop.py",
        "fields=('guest_key',), name='commerce_order_one_cart_per_guest'",
        "fields=('guest_key', 'id'), name='commerce_order_one_cart_per_guest'",
        "commerce/tests/test_shop_races.py::test_sixteen_of_an_item_put_into_a_cart_at_once_are_sixteen",
        on_postgres=True,
    ),
    Guard(
        "a discount that came by itself gives way when used up (16 at once)",
        "commerce/services/ordering.py",
        "            if discount is not None or (attached is not None and attached.discount.code):\n"
        "                raise\n",
        "            raise\n",
        "commerce/tests/test_shop_races.py"
        "::test_a_discount_that_comes_by_itself_and_is_used_up_at_once_refuses_nobody",
        on_postgres=True,
    ),
    Guard(
        "an order waits as long as its way of paying takes",
        "commerce/services/receiving.py",
        "            _wait_for(order, method=method)\n",
        "",
        "commerce/tests/test_receiving.py::test_an_order_waits_as_long_as_its_way_of_paying_takes",
    ),
    Guard(
        "a visitor's receipt is claimed before it is sent",
        "commerce/services/receipts.py",
        '    if not rows.exclude(email="").update(receipt_due_at=at):\n',
        '    if not Order.objects.filter(pk=order.pk).exclude(email="").update(receipt_due_at=at):\n',
        "commerce/tests/test_letters.py::test_a_receipt_asked_for_twice_goes_out_once",
    ),
    # --- The shop's state machine finds what is planted, within what it looks through in every run
    *(
        Guard(
            f"machine: {name}",
            file,
            text,
            instead,
            "commerce/tests/test_shop_machine.py"
            "::test_whatever_happens_in_whatever_order_the_portal_says_what_is_true",
        )
        for name, file, text, instead in (
            (
                "the last piece is not sold twice",
                "commerce/services/stocking.py",
                "if is_ours and item.stock is not None:",
                "if is_ours and item.stock:",
            ),
            (
                "late money is not kept",
                "commerce/services/settlement.py",
                "    refunding.begin_soon(payment=payment, at=at, reason=reason)\n",
                "    logger.warning(reason)\n",
            ),
            (
                "a refund is taken off what is left",
                "commerce/services/refunding.py",
                ').update(refunded_minor=F("refunded_minor") + wanted.minor)',
                ').update(refunded_minor=F("refunded_minor"))',
            ),
            (
                "a refund whose answer was lost is not made twice",
                "commerce/services/refunding.py",
                'key=f"refund-{refund.uuid}",',
                'key=f"refund-{refund.uuid}-{at}",',
            ),
            (
                "an order that is given up gives its pieces back",
                "commerce/services/ordering.py",
                "            fulfilment.seller_for(line.kind).release(line, at=at)\n",
                "            pass\n",
            ),
            (
                "an order that is given up gives its discount back",
                "commerce/services/ordering.py",
                "        discounting.give_back(orders=given_up)\n",
                "",
            ),
            (
                "a discount is had by no more than its limit",
                "commerce/services/discounting.py",
                "not Discount.objects.valid(at=at)\n        .filter(pk=attached.discount_id)",
                "not Discount.objects.filter(pk=attached.discount_id)",
            ),
            (
                "an event does not move a paid order back",
                "commerce/services/settlement.py",
                "    if told.is_paid:\n        _take(",
                "    if told.is_paid and payment.is_captured:\n"
                "        Order.objects.filter(pk=payment.order_id, status='PAID').update(\n"
                "            status='AWAITING_PAYMENT', paid_at=None)\n"
                "    elif told.is_paid:\n        _take(",
            ),
        )
    ),
    Guard(
        "codes are not guessed fast on the cart's page",
        "commerce/views/cart.py",
        "    if form.is_valid() and not may_try_code(request):",
        "    if False:",
        "commerce/tests/test_shop_pages.py::test_codes_are_not_guessed_fast",
    ),
    Guard(
        "codes are not guessed fast by the API",
        "commerce/api/orders.py",
        "class OrderDiscountView(CostlyMixin, APIView):",
        "class OrderDiscountView(APIView):",
        "commerce/tests/test_api_orders.py::test_codes_are_not_guessed_fast",
    ),
    Guard(
        "money of somebody who has left goes back",
        "commerce/services/settlement.py",
        "    if order.is_of_nobody:",
        "    if False:",
        "commerce/tests/test_settlement.py::test_money_of_somebody_who_has_left_is_given_back",
    ),
    Guard(
        "too much is refused before the provider is asked",
        "commerce/services/checkout.py",
        "    if order.total > maximum_charge(order.currency):",
        "    if False:",
        "commerce/tests/test_checkout.py::test_too_much_is_refused_before_the_provider_is_asked",
    ),
    Guard(
        "an order that gets more time during the sweep stays",
        "commerce/services/checkout.py",
        "    if only_late and not late.exists():\n        return False\n    if not close",
        "    if not close",
        "commerce/tests/test_checkout.py::test_an_order_that_gets_more_time_during_the_sweep_is_not_given_up",
    ),
    Guard(
        "an empty amount is not all of it",
        "commerce/api/serializers.py",
        "    amount = AmountField(",
        "    amount = serializers.DecimalField(",
        "commerce/tests/test_api_payments.py::test_an_amount_that_is_none_gives_nothing_back",
    ),
    Guard(
        "what is void at the provider is made with another key",
        "commerce/services/mirroring.py",
        "    return [former] if former else []",
        "    return []",
        "commerce/tests/test_mirroring.py::test_a_coupon_that_was_deleted_in_the_dashboard_is_made_anew",
    ),
    Guard(
        "what does not fit into a member's cart is kept",
        "commerce/services/cart.py",
        "        _keep(customer=customer, item=item, quantity=line.quantity, at=at)\n",
        "",
        "commerce/tests/test_cart.py"
        "::test_what_is_of_another_currency_is_kept_and_comes_when_the_cart_is_ordered",
    ),
    Guard(
        "payments are locked before orders, in renewing too",
        "commerce/services/renewing.py",
        "            Payment.objects.select_for_update().get(pk=payment.pk)\n",
        "",
        "commerce/tests/test_shop_races.py::test_late_money_and_a_renewal_at_once_wait_for_each_other_in_one_order",
        on_postgres=True,
    ),
    Guard(
        "who leaves keeps nobody waiting",
        "accounts/services/privacy.py",
        "user = User.objects.select_for_update(no_key=True).get(pk=user.pk)",
        "user = User.objects.select_for_update().get(pk=user.pk)",
        "commerce/tests/test_shop_races.py::test_whatever_is_done_at_once_nobody_waits_crosswise",
        on_postgres=True,
    ),
    Guard(
        "late news of a payment does not undo its refund",
        "commerce/services/settlement.py",
        "to=Payment.Status.PAID,\n                from_=Payment.UNCAPTURED,",
        "to=Payment.Status.PAID,",
        "commerce/tests/test_refunds_out_of_turn.py::test_late_news_of_a_payment_does_not_undo_its_refund",
    ),
    Guard(
        "a page that asks for another amount is closed",
        "commerce/services/checkout.py",
        "    if state.amount != order.total:",
        "    if False:",
        "commerce/tests/test_checkout.py::test_a_page_that_asks_for_another_amount_is_closed_before_anybody_sees_it",
    ),
    Guard(
        "the rest of late money goes back",
        "commerce/services/refunding.py",
        "    if void_by_itself is not None and payment",
        "    if False and payment",
        "commerce/tests/test_refunds_out_of_turn.py::test_part_given_back_at_the_provider_does_not_keep_the_rest_of_late_money",
    ),
    # --- Background work: schedules go on, and are seen to
    Guard(
        "worker: who is killed as it waits for a task ends the cluster",
        "portal/home/services/guarding.py",
        "elif worker.exitcode < 0 and _seconds_left(worker) == -1:",
        "elif False:",
        "portal/home/tests/test_guarding.py::test_a_worker_killed_as_it_waits_ends_the_cluster",
    ),
    Guard(
        "worker: no answer ends the cluster",
        "portal/home/services/guarding.py",
        "elif now - self._waiting_since > self.patience:",
        "elif False:",
        "portal/home/tests/test_guarding.py::test_no_answer_though_a_worker_is_free_ends_the_cluster",
    ),
    Guard(
        "worker: busy is not dead",
        "portal/home/services/guarding.py",
        "        if self._is_busy():\n            self._waiting_since = now",
        "        if False:\n            self._waiting_since = now",
        "portal/home/tests/test_guarding.py::test_no_answer_while_all_are_busy_says_nothing",
    ),
    Guard(
        "watchdog: nobody of a cluster is left behind",
        "portal/home/services/supervising.py",
        "            os.killpg(self.process.pid, signal.SIGKILL)",
        "            self.process.kill()",
        "portal/home/tests/test_supervising.py::test_what_a_guard_leaves_behind_is_killed",
    ),
    Guard(
        "watchdog: an old heartbeat says nothing while all are busy",
        "portal/home/services/supervising.py",
        "silent_for > self._patience and has_been_free:",
        "silent_for > self._patience:",
        "portal/home/tests/test_supervising.py"
        "::test_an_old_heartbeat_while_all_workers_are_busy_says_nothing",
    ),
    Guard(
        "watchdog: a guard without a sign is killed",
        "portal/home/services/supervising.py",
        "if now - signed_at > (self.guard_silence if cluster.is_up else STARTED_WITHIN):",
        "if False:",
        "portal/home/tests/test_supervising.py::test_whose_guard_gives_no_sign_is_killed_and_started_anew",
    ),
    Guard(
        "schedules: a malformed row of others stops nothing",
        "portal/home/services/scheduling.py",
        "            Schedule.objects.filter(pk=schedule.pk).update(repeats=0)\n",
        "            pass\n",
        "portal/home/tests/test_scheduling.py::test_a_malformed_row_of_somebody_else_stops_nothing",
    ),
    Guard(
        "schedules: what did not run when it was due is late",
        "portal/home/services/overseeing.py",
        "if owed is not None and (last is None or last.started_at < owed):",
        "if owed is not None and last is None:",
        "portal/home/tests/test_scheduled_runs.py::test_what_did_not_run_when_it_was_due_is_late",
    ),
    Guard(
        "schedules: a run has an end, or none, as its outcome says",
        "portal/home/migrations/0004_note_runs_of_schedules.py",
        "('finished_at__isnull', True), ('outcome__in', ['RUNNING', 'CUT_OFF'])",
        "('outcome__in', ['RUNNING', 'CUT_OFF'])",
        "portal/home/tests/test_scheduled_runs.py::test_the_database_refuses_an_end_without_an_outcome",
    ),
    Guard(
        "schedules: the history is for who may see it",
        "portal/home/wagtail_hooks.py",
        '    permission_required = "view"\n',
        "    permission_required = None\n",
        "portal/home/tests/test_scheduled_runs.py::test_the_report_is_for_who_may_see_it",
    ),
    Guard(
        "schedules: the words of errors are for who may see the history",
        "templates/home/cms/schedules.html",
        "{% if shows_errors and each.last.error %}",
        "{% if each.last.error %}",
        "portal/home/tests/test_scheduled_runs.py"
        "::test_who_publishes_is_told_that_it_failed_and_not_the_words_of_the_error",
    ),
    Guard(
        "clean-up: what is on the site stays under a newer draft",
        "portal/home/services/tidying.py",
        'for name in ("latest_revision", "live_revision"):',
        'for name in ("latest_revision",):',
        "portal/home/tests/test_tidying.py::test_what_is_on_the_site_stays_under_a_newer_draft",
    ),
    Guard(
        "clean-up: what was on the site last stays to be compared with",
        "portal/home/services/tidying.py",
        '    kept |= Q(pk__in=newest.values("revision"))\n',
        "",
        "portal/home/tests/test_tidying.py"
        "::test_what_was_on_the_site_last_stays_for_the_next_publication_to_be_compared_with",
    ),
    # --- The library: one winner each, and nobody crosswise
    Guard(
        "library: the last copy is lent behind the lock of its book",
        "library/services/cards.py",
        "return Book.objects.select_for_update(no_key=True).get(pk=book_id)",
        "return Book.objects.get(pk=book_id)",
        "library/tests/test_races.py::test_the_last_copy_borrowed_by_sixteen_at_once_is_lent_to_one",
        on_postgres=True,
    ),
    Guard(
        "library: the queue is looked at behind the lock of its book",
        "library/services/cards.py",
        "return Book.objects.select_for_update(no_key=True).get(pk=book_id)",
        "return Book.objects.get(pk=book_id)",
        "library/tests/test_races.py"
        "::test_a_hold_against_a_return_leaves_no_copy_on_the_shelf_while_somebody_waits",
        on_postgres=True,
    ),
    Guard(
        "library: a hold expires behind the lock of its book",
        "library/services/cards.py",
        "return Book.objects.select_for_update(no_key=True).get(pk=book_id)",
        "return Book.objects.get(pk=book_id)",
        "library/tests/test_races.py::test_borrowing_against_the_expiry_of_holds_lends_the_copy_once",
        on_postgres=True,
    ),
    Guard(
        "library: loans of a member are counted behind the lock of the card",
        "library/services/cards.py",
        "locked = LibraryCard.objects.select_for_update(no_key=True).filter(pk=card.pk).first()",
        "locked = LibraryCard.objects.filter(pk=card.pk).first()",
        "library/tests/test_races.py"
        "::test_sixteen_books_borrowed_at_once_by_one_member_are_as_many_as_the_rules_allow",
        on_postgres=True,
    ),
    Guard(
        "library: holds of a member are counted behind the lock of the card",
        "library/services/cards.py",
        "locked = LibraryCard.objects.select_for_update(no_key=True).filter(pk=card.pk).first()",
        "locked = LibraryCard.objects.filter(pk=card.pk).first()",
        "library/tests/test_races.py"
        "::test_holds_of_sixteen_books_placed_at_once_by_one_member_are_as_many_as_the_rules_allow",
        on_postgres=True,
    ),
    Guard(
        "library: a member has one hold of a book",
        "library/services/holding.py",
        'if (held := mine.of(book).select_related("book").first()) is not None:',
        "if (held := mine.none().first()) is not None:",
        "library/tests/test_races.py::test_a_hold_placed_sixteen_times_at_once_by_one_member_is_one_hold",
        on_postgres=True,
    ),
    Guard(
        "library: holds of one moment have places of their own",
        "library/services/holding.py",
        "Q(placed_at=hold.placed_at, pk__lt=hold.pk)",
        "Q(pk__in=[])",
        "library/tests/test_races.py::test_sixteen_who_place_a_hold_at_once_stand_at_sixteen_places",
        on_postgres=True,
    ),
    Guard(
        "library: a loan is looked at again behind the lock (return)",
        "library/services/lending.py",
        "    lock_book(borrowing.book_id)\n    borrowing.refresh_from_db()",
        "    lock_book(borrowing.book_id)",
        "library/tests/test_races.py::test_a_loan_returned_sixteen_times_at_once_is_back_once_and_fined_once",
        on_postgres=True,
    ),
    Guard(
        "library: a loan is renewed so often and no more",
        "library/services/lending.py",
        "if borrowing.renewals.count() >= rules.max_renewals:",
        "if borrowing.renewals.count() > rules.max_renewals:",
        "library/tests/test_races.py"
        "::test_a_loan_renewed_sixteen_times_at_once_is_renewed_as_often_as_the_rules_allow",
        on_postgres=True,
    ),
    Guard(
        "library: a book is handed out behind the lock of the card",
        "library/services/lending.py",
        "        lock_card_of(borrowing.member_id)\n        waiting",
        "        waiting",
        "library/tests/test_races.py"
        "::test_a_loan_handed_out_against_the_expiry_of_its_payment_goes_on_or_is_given_up_and_never_both",
        on_postgres=True,
    ),
    Guard(
        "library: late money opens the loan again, or goes back",
        "library/sales.py",
        '_take_up(charge, at=at, cause=f"order {line.order.number} taken up again")',
        "pass",
        "library/tests/test_races.py"
        "::test_a_payment_against_the_expiry_of_its_loan_pays_for_a_loan_or_goes_back",
        on_postgres=True,
    ),
    Guard(
        "library: what was handed out goes on without its money",
        "library/services/lending.py",
        "return borrowing.status == Borrowing.Status.OPEN and borrowing.handed_out_at is None",
        "return borrowing.status == Borrowing.Status.OPEN",
        "library/tests/test_charging.py"
        "::test_a_loan_handed_out_whose_payment_expires_goes_on_and_its_fee_stays_owed",
    ),
    Guard(
        "library: what waits for somebody is not for others",
        "library/services/lending.py",
        "if copy.status == Copy.Status.AVAILABLE or copy.pk == set_aside:",
        "if copy.status in (Copy.Status.AVAILABLE, Copy.Status.ON_HOLD_SHELF):",
        "library/tests/test_lending.py::test_a_copy_set_aside_is_lent_to_who_it_is_for_and_nobody_else",
    ),
    Guard(
        "library: whatever happens, a copy that is back goes to the next",
        "library/services/holding.py",
        "    if copy is not None:\n        pass_on(",
        "    if copy is None:\n        pass_on(",
        "library/tests/test_library_machine.py"
        "::test_whatever_happens_in_whatever_order_the_library_says_what_is_true",
    ),
    Guard(
        "library: a fine goes by the rule of the day the loan was made",
        "library/services/lending.py",
        "due, rule = borrowing.expected_return_date, borrowing.fine_rule",
        "due, rule = borrowing.expected_return_date, LendingRules.current().fine_rule",
        "library/tests/test_lending.py::test_a_fine_goes_by_the_rule_of_the_day_the_loan_was_made",
    ),
    Guard(
        "library: nobody leaves with a book or a debt",
        "library/personal_data.py",
        "            _refuse_who_owes(user, at=at)\n",
        "",
        "library/tests/test_personal_data.py::test_nobody_leaves_with_a_debt",
    ),
    Guard(
        "library: the database lends a copy once",
        "library/migrations/0001_lend_books.py",
        "fields=('copy',), name='library_borrowing_copy_lent_once'",
        "fields=('copy', 'id'), name='library_borrowing_copy_lent_once'",
        "library/tests/test_integrity.py::test_the_database_lends_a_copy_once",
    ),
    Guard(
        "library: the database lends a member a book once",
        "library/migrations/0001_lend_books.py",
        "fields=('member', 'book'), name='library_borrowing_one_open_loan_of_a_book_per_member'",
        "fields=('member', 'book', 'id'), name='library_borrowing_one_open_loan_of_a_book_per_member'",
        "library/tests/test_integrity.py::test_the_database_lends_a_member_a_book_once",
    ),
    Guard(
        "library: the database sets a copy aside once",
        "library/migrations/0001_lend_books.py",
        "fields=('copy',), name='library_hold_copy_set_aside_once'",
        "fields=('copy', 'id'), name='library_hold_copy_set_aside_once'",
        "library/tests/test_integrity.py::test_the_database_sets_a_copy_aside_once",
    ),
    # --- Books from files: each batch once, nothing before a yes, nothing from outside
    Guard(
        "two workers do each batch of an import once",
        "library/services/importing.py",
        "if there.status != status or there.position != expected:",
        "if there.status != status:",
        "library/tests/test_importing.py::TestRuns::test_two_workers_do_each_batch_once",
    ),
    Guard(
        "a file that cannot be read to its end is not imported",
        "library/services/importing.py",
        "return _end(run, Status.UNREADABLE, at=at, error=str(unreadable))",
        "pass",
        "library/tests/test_importing.py::TestBrokenFiles"
        "::test_a_file_that_cannot_be_read_to_its_end_is_not_imported_at_all",
    ),
    Guard(
        "an imported barcode is on one copy",
        "library/services/importing.py",
        "if copy.barcode in owners and copy.barcode not in after.copies:",
        "if not copy.barcode and copy.barcode not in after.copies:",
        "library/tests/test_importing.py::TestOutcomes::test_a_refused_record_says_why_and_keeps_nobody_else",
    ),
    Guard(
        "imported copies serve those who wait first",
        "library/services/cataloguing.py",
        "if copy.book_id in awaited and copy.status == Copy.Status.AVAILABLE:",
        "if copy.book_id in awaited and copy.status == Copy.Status.MISSING:",
        "library/tests/test_importing.py::TestOutcomes::test_new_copies_go_to_those_who_wait",
    ),
    Guard(
        "XML of strangers declares no entities",
        "library/services/marc.py",
        "DefusedExpatParser(forbid_dtd=True)",
        "DefusedExpatParser(forbid_dtd=False, forbid_entities=False, forbid_external=False)",
        "library/tests/test_importing.py::TestBrokenFiles"
        "::test_a_file_that_cannot_be_read_to_its_end_is_not_imported_at_all",
    ),
    Guard(
        "no exported cell is a formula",
        "library/services/spreadsheets.py",
        """return f"'{cell}" if _FORMULA.match(cell) else cell""",
        "return cell",
        "library/tests/test_importing.py::TestSpreadsheets"
        "::test_no_cell_is_a_formula_and_what_looks_like_one_comes_back",
    ),
    Guard(
        "only who writes the catalogue imports",
        "library/wagtail_hooks/exchange.py",
        "if not request.user.has_perms(self.permissions):",
        "if not request.user.is_active:",
        "library/tests/test_exchange_cms.py::test_who_reads_the_catalogue_exports_and_does_not_import",
    ),
    # --- The library's doors: the API and the desk
    Guard(
        "the API of books changes nothing that has changed since (If-Match)",
        "library/services/editing.py",
        "        if not is_current():\n            raise ChangedMeanwhile\n        for name",
        "        for name",
        "library/tests/test_api_books.py::test_a_stale_inventory_brings_no_lent_copy_back",
    ),
    Guard(
        "the API of books is written by staff only",
        "library/api/doors.py",
        'return permissions.may_write_books(request.user, action=ACTIONS.get(request.method, "change"))',
        "return request.user.is_authenticated",
        "library/tests/test_api_books.py::test_librarians_write_books_and_others_do_not",
    ),
    Guard(
        "the API of borrowings shows one one's own",
        "library/api/borrowings.py",
        "return borrowings if permissions.sees_all_loans(user) else borrowings.by(user)",
        "return borrowings",
        "library/tests/test_api_borrowings.py::test_one_sees_ones_own_and_staff_and_librarians_see_all",
    ),
    Guard(
        "the API of borrowings lets nobody change another's",
        "library/api/borrowings.py",
        "    if borrowing.member_id != request.user.pk and not permissions.may_lend(request.user):\n"
        "        raise PermissionDenied\n",
        "",
        "library/tests/test_api_borrowings.py::test_nobody_changes_anothers_loan",
    ),
    Guard(
        "the API of holds lets nobody cancel another's",
        "library/api/holds.py",
        "        if hold.member_id != request.user.pk and not permissions.may_change_holds(request.user):\n"
        "            raise PermissionDenied\n",
        "",
        "library/tests/test_api_holds.py::test_nobody_cancels_anothers_hold_but_staff",
    ),
    Guard(
        "the desk of the library is for librarians",
        "library/wagtail_hooks/desk.py",
        "        if not request.user.has_perm(WORK_AT_DESK):\n            raise PermissionDenied\n",
        "",
        "library/tests/test_cms.py::test_the_library_is_for_librarians",
    ),
    Guard(
        "the desk of the library takes nothing back that it has lent just now",
        "library/wagtail_hooks/desk.py",
        "elif self.at - borrowing.handed_out_at < SECOND_READING:",
        "elif False:",
        "library/tests/test_cms.py::test_a_scanner_that_reads_twice_does_not_take_back_what_it_has_lent",
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
    # That it fails is enough; the least example of it is not looked for.
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TESTS_SHRINK": "no"}
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
