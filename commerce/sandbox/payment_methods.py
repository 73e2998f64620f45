"""What a session can be paid with beside a card: a bank debit that settles days later."""

_DEBITS = {"eur": "sepa_debit", "usd": "us_bank_account", "gbp": "bacs_debit"}


def debit_for(currency: str) -> str | None:
    """Stripe's name for the bank debit of a currency, or None where there is none."""
    return _DEBITS.get(currency)
