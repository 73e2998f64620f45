"""What can be paid with: cards by Stripe's test names, and a bank debit that settles days later."""

from dataclasses import dataclass

_DEBITS = {"eur": "sepa_debit", "usd": "us_bank_account", "gbp": "bacs_debit"}

TEST_CARDS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_authenticationRequired": "4000002500003155",
    "pm_card_threeDSecureRequiredChargeDeclined": "4000008400001629",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
}
"""Payment methods that a server may name without having made them: using one makes a new one like it."""


@dataclass(frozen=True)
class BankAccount:
    """A made-up account. The debit of one `is_returned` is promised and does not arrive."""

    kind: str
    number: str
    is_returned: bool = False


_ARRIVING = {
    "sepa_debit": BankAccount("sepa_debit", "DE89370400440532013000"),
    "us_bank_account": BankAccount("us_bank_account", "000123456789"),
    "bacs_debit": BankAccount("bacs_debit", "00012345"),
}
BANK_ACCOUNTS = {
    account.number: account
    for account in (
        *_ARRIVING.values(),
        BankAccount("sepa_debit", "DE62370400440532013001", is_returned=True),
        BankAccount("us_bank_account", "000111111116", is_returned=True),
        BankAccount("bacs_debit", "22222227", is_returned=True),
    )
}
"""Stripe's own test accounts, by number; no other is taken."""


def debit_for(currency: str) -> str | None:
    """Stripe's name for the bank debit of a currency, or None where there is none."""
    return _DEBITS.get(currency)


def types_for(currency: str) -> list[str]:
    """What an amount in that currency can be paid with."""
    debit = debit_for(currency)
    return ["card"] + ([debit] if debit else [])


def usual_account(kind: str) -> BankAccount:
    """The account whose debits arrive."""
    return _ARRIVING[kind]
