"""A day of the provider's ledger beside ours, through the real library over HTTP."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
import stripe
from django.core.management import CommandError, call_command

from accounts.tests.factories import UserFactory
from commerce import tasks
from commerce.models import Finding, Payment, Reconciliation, Refund
from commerce.money import Money
from commerce.services import checkout, reconciling, refunding, settlement
from commerce.tests.factories import URLS, place_order, voucher
from commerce.tests.paying import submit_card

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counter")]
Repair = Finding.Repair


def now() -> datetime:
    return datetime.now(UTC)


def today() -> date:
    return now().date()


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


@pytest.fixture
def client(sandbox) -> stripe.StripeClient:
    """Somebody else's program, or the dashboard: the same account, and no marks of ours."""
    return stripe.StripeClient("sk_test_usd", base_addresses={"api": sandbox.url})


@pytest.fixture
def lost(sandbox) -> Payment:
    """Paid at the provider, and the portal has heard nothing."""
    payment = checkout.open_session(order=place_order(voucher("a"), at=now()), urls=URLS, at=now())
    submit_card(payment.session_url, card="4242424242424242")
    return payment


@pytest.fixture
def paid(lost) -> Payment:
    return settlement.settle(payment=lost, at=now(), cause="test")


def reconcile(account: str = "usd", day: date | None = None, at: datetime | None = None) -> Reconciliation:
    return reconciling.reconcile(account=account, day=day or today(), at=at or now())


def differences() -> list[tuple[str, str]]:
    return list(Finding.objects.unresolved().values_list("kind", "detail"))


def repair(how: Finding.Repair, *, by=None, note: str = "") -> Finding:
    finding = Finding.objects.unresolved().get()
    return reconciling.repair(finding=finding, how=how, by=by, at=now(), note=note)


# --- What agrees -------------------------------------------------------------------------------------------
def test_charges_and_refunds_that_both_have_agree(paid):
    refunding.give_back(payment=paid, amount=usd("9.00"), at=now(), by=None)

    compared = reconcile()

    assert (compared.matched, compared.unresolved) == (2, 0)


def test_an_account_that_took_nothing_agrees(paid):
    assert reconcile("eur").matched == 0
    assert not Finding.objects.exists()


def test_a_payment_we_heard_of_the_day_after_agrees_on_both_days(paid):
    Payment.objects.update(paid_at=now() + timedelta(days=1))

    assert [reconcile(day=today() + timedelta(days=days)).unresolved for days in (0, 1)] == [0, 0]


# --- Missing here ------------------------------------------------------------------------------------------
def test_money_nobody_told_us_of_is_found_and_pays_its_order(lost):
    compared = reconcile()
    assert (compared.matched, compared.missing_here, compared.unresolved) == (0, 1, 1)
    assert differences() == [("MISSING_HERE", "NOT_RECORDED")]

    ada = UserFactory()
    finding = repair(Repair.ASK, by=ada)

    lost.refresh_from_db()
    assert (lost.status, lost.order.status) == ("PAID", "PAID")
    assert (finding.resolution, finding.resolved_by) == ("ASK", ada)
    again = reconcile()
    assert (again.matched, again.unresolved) == (1, 0)


def test_a_refund_of_the_dashboard_nobody_told_us_of_is_found_and_learnt(paid, client):
    client.v1.refunds.create({"payment_intent": paid.intent_id, "amount": 900})

    reconcile()
    assert differences() == [("MISSING_HERE", "REFUND_NOT_RECORDED")]
    repair(Repair.LEARN)

    paid.refresh_from_db()
    assert (paid.status, paid.refunded_minor) == ("PARTIALLY_REFUNDED", 900)
    assert reconcile().unresolved == 0


def test_a_refund_of_money_we_never_heard_of_is_learnt_with_the_money(lost, client):
    session = client.v1.checkout.sessions.retrieve(lost.session_id)
    client.v1.refunds.create({"payment_intent": session.payment_intent})
    reconcile()
    assert differences() == [("MISSING_HERE", "NOT_RECORDED"), ("MISSING_HERE", "REFUND_NOT_RECORDED")]

    finding = Finding.objects.get(detail="REFUND_NOT_RECORDED")
    reconciling.repair(finding=finding, how=Repair.LEARN, by=None, at=now())

    lost.refresh_from_db()
    assert (lost.status, lost.order.status) == ("REFUNDED", "REFUNDED")


def test_a_charge_of_another_program_is_not_ours_and_stays_so(client):
    client.v1.payment_intents.create(
        {
            "amount": 1900,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    reconcile()
    assert differences() == [("MISSING_HERE", "FOREIGN")]

    repair(Repair.FOREIGN)

    assert (reconcile().unresolved, Finding.objects.count()) == (0, 1)


def test_a_charge_that_names_a_payment_of_another_database_is_for_a_person(lost):
    Payment.objects.update(uuid="8d9b2d1e-9f53-4a8e-9a55-0d7a5b7f1a11")

    reconcile()

    assert differences() == [("MISSING_HERE", "UNKNOWN")]
    assert reconciling.repairs_of(Finding.objects.get()) == [Repair.NOTE]


# --- Missing there -----------------------------------------------------------------------------------------
def test_money_that_only_we_have_is_found_and_stays_until_somebody_says_why(paid):
    Payment.objects.update(intent_id="pi_of_nobody", session_id="cs_other")
    Payment.objects.update(uuid="8d9b2d1e-9f53-4a8e-9a55-0d7a5b7f1a11")
    reconcile()
    assert differences() == [("MISSING_HERE", "UNKNOWN"), ("MISSING_THERE", "NOT_CHARGED")]

    missing = Finding.objects.get(kind="MISSING_THERE")
    with pytest.raises(reconciling.RepairRefused):
        reconciling.repair(finding=missing, how=Repair.ASK, by=None, at=now())
    with pytest.raises(reconciling.NoNote):
        reconciling.repair(finding=missing, how=Repair.NOTE, by=None, at=now(), note=" ")
    done = reconciling.repair(
        finding=missing, how=Repair.NOTE, by=None, at=now(), note="Keys of the test account"
    )

    assert done.resolution_words == "Keys of the test account"


def test_a_refund_whose_answer_was_lost_is_found_and_sent_again(paid, sandbox):
    sandbox.faults.add(kind="503", path="/v1/refunds", verb="POST", times=3)
    refunding.give_back(payment=paid, at=now(), by=None)
    assert reconcile().unresolved == 0

    reconcile(at=now() + timedelta(hours=2))
    assert differences() == [("MISSING_THERE", "REFUND_NOT_SENT")]
    repair(Repair.SEND)

    paid.refresh_from_db()
    assert paid.status == "REFUNDED"
    assert reconcile(at=now() + timedelta(hours=2)).unresolved == 0


def test_a_refund_that_only_we_have_is_found(paid):
    refunding.give_back(payment=paid, amount=usd("9.00"), at=now(), by=None)
    Refund.objects.update(provider_id="re_of_nobody")

    reconcile()

    # The provider's own is one we do not know, though it has our mark.
    assert differences() == [("MISSING_HERE", "REFUND_NOT_RECORDED"), ("MISSING_THERE", "REFUND_NOT_THERE")]


# --- Different ---------------------------------------------------------------------------------------------
def test_another_amount_is_found_and_held_for_a_person(paid):
    Payment.objects.update(captured_minor=5000)

    compared = reconcile()
    assert (compared.different, differences()) == (1, [("DIFFERENT", "OTHER_AMOUNT")])
    repair(Repair.HOLD)

    paid.refresh_from_db()
    assert paid.held_because == "The payment service says 49.00 USD, and the portal says 50.00 USD."


def test_a_refund_that_succeeded_for_one_only_is_found_and_learnt(paid):
    refund = refunding.give_back(payment=paid, amount=usd("9.00"), at=now(), by=None)
    Refund.objects.update(status="PENDING", settled_at=None)

    reconcile()
    assert differences() == [("DIFFERENT", "REFUND_OTHER_STATUS")]
    repair(Repair.LEARN)

    refund.refresh_from_db()
    assert refund.status == "SUCCEEDED"


# --- Again, at once, and with the line dead ----------------------------------------------------------------
def test_a_second_run_of_a_day_replaces_what_is_unresolved(lost):
    for _run in range(2):
        reconcile()

    assert (Reconciliation.objects.count(), Finding.objects.count()) == (1, 1)


def test_what_was_resolved_is_resolved_once(lost):
    reconcile()
    finding = Finding.objects.get()
    repair(Repair.ASK)

    with pytest.raises(reconciling.ResolvedAlready):
        reconciling.repair(finding=finding, how=Repair.ASK, by=None, at=now())


def test_a_finding_is_mended_in_its_own_way_only(lost):
    reconcile()

    with pytest.raises(reconciling.NotSoRepaired):
        repair(Repair.FOREIGN)


def test_a_repair_without_an_answer_changes_nothing(lost, sandbox):
    reconcile()
    sandbox.faults.add(kind="503", path="/v1/checkout/sessions*", times=3)

    with pytest.raises(reconciling.NoAnswer):
        repair(Repair.ASK)

    assert differences() == [("MISSING_HERE", "NOT_RECORDED")]


# --- The command and the nightly task ----------------------------------------------------------------------
def test_the_command_prints_what_is_unresolved_and_ends_with_one(lost):
    said = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("reconcile", day=today(), account="usd", stdout=said)

    first, second = said.getvalue().splitlines()
    assert ended.value.code == 1
    assert first == (f"usd {today()}: 0 matched, 1 missing here, 0 missing there, 0 different, 1 unresolved")
    assert f"order {lost.order.number}  here -, there 49.00 USD" in second


def test_the_command_takes_yesterday_of_every_account(paid):
    said = StringIO()

    call_command("reconcile", stdout=said)

    yesterday = today() - timedelta(days=1)
    assert [line.split(":")[0] for line in said.getvalue().splitlines()] == [
        f"usd {yesterday}",
        f"eur {yesterday}",
    ]


def test_the_command_says_which_accounts_there_are():
    with pytest.raises(CommandError, match="there are: usd, eur"):
        call_command("reconcile", account="gbp")


def test_the_nightly_task_logs_what_is_unresolved_and_goes_on_after_a_dead_account(paid, settings, caplog):
    yesterday = now() - timedelta(days=1)
    Payment.objects.update(paid_at=yesterday, intent_id="pi_of_nobody")
    settings.STRIPE_ACCOUNTS = {
        "eur": {**settings.STRIPE_ACCOUNTS["eur"], "secret_key": ""},
        "usd": settings.STRIPE_ACCOUNTS["usd"],
    }

    with pytest.raises(tasks.NotCompared) as failure:
        tasks.reconcile_yesterday()

    assert str(failure.value) == "eur could not be asked; 1 unresolved elsewhere"
    said = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert said == [
        f"Account eur could not be reconciled for {yesterday.date()}",
        f"Account usd of {yesterday.date()}: 1 unresolved (CMS: Reports, Reconciliation)",
    ]


def test_the_nightly_task_says_how_much_is_unresolved(paid):
    Payment.objects.update(paid_at=now() - timedelta(days=1), intent_id="pi_of_nobody")

    assert tasks.reconcile_yesterday() == "1 unresolved"
