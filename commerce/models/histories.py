"""Why a status changed, in the reader's language. Rows keep the plain English of whoever made the change."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from django.db import models
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class Cause(models.TextChoices):
    """What commerce itself writes as a cause. Apps that sell mark theirs with `gettext_noop`."""

    PLACED = "placed", _("the buyer ordered")
    TAKEN_UP_AGAIN = "taken up again", _("the buyer took the order up again")
    NOTHING_TO_PAY = "nothing to pay", _("there was nothing to pay")
    CANCELLED_BY_BUYER = "cancelled by the buyer", _("the buyer gave the order up")
    GIVEN_UP_BY_STAFF = "given up by staff", _("staff gave the order up")
    GIVEN_UP_BY_API = "given up by the API", _("given up through the API")
    ACCOUNT_DELETED = "account deleted", _("the buyer deleted their account")
    TIME_IS_OVER = "time to pay is over", _("the time to pay was over")
    RETURN_PAGE = "return page", _("the buyer came back from paying")
    STATUS_ASKED = "status asked for", _("the buyer asked for the state of the payment")
    ASKED_BY_STAFF = "asked by staff", _("staff asked the payment service")
    SWEEP = "sweep", _("the regular check asked the payment service")
    FOUND_WHEN_PAYING = "found when paying again", _("found when the buyer wanted to pay again")
    OPENED_TOO_LATE = "opened too late", _("the payment page was opened too late")
    OTHER_AMOUNT = "the page asks for another amount", _("the payment page asked for another amount")
    REFUSED = "refused by the provider", _("the payment service refused the payment")
    NOT_OPENED = "no page was opened in time", _("the payment page could not be opened in time")
    RENEWED = "renewed", _("the buyer asked for a new payment page")
    PAID_IN_ANOTHER_WAY = "paid in another way", _("the buyer chose another way to pay")
    PAID_BY_HAND = "paid by hand", _("the money came in cash or by transfer")
    BY_HAND = "by hand", _("staff recorded the money")
    REFUND = "refund", _("money was given back")
    REFUND_BY_HAND = "given back by hand", _("money was given back in cash or by transfer")


def _of_event(found: re.Match[str]) -> str:
    return gettext("the payment service sent word: %s") % found["kind"]


def _of_reconciliation(found: re.Match[str]) -> str:
    day = date.fromisoformat(found["day"])
    return gettext("reconciliation of %s") % date_format(day)


def _of_load(found: re.Match[str]) -> str:
    return gettext("loaded from a file, as %s") % found["reference"]


# Causes that name a thing: an event of the provider, a day, a row of a file.
NAMING: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?P<kind>[a-z_]+(?:\.[a-z_]+)+) \S+"), _of_event),
    (re.compile(r"reconciliation of (?P<day>\d{4}-\d{2}-\d{2})"), _of_reconciliation),
    (re.compile(r"load_payments (?P<reference>.+)"), _of_load),
)


def words_of(cause: str) -> str:
    """A cause as a person reads it; one that nobody has words for stays as it was written."""
    if cause in Cause.values:
        return str(Cause(cause).label)
    for pattern, words in NAMING:
        if found := pattern.fullmatch(cause):
            return words(found)
    return gettext(cause) if cause else ""


def status_words(statuses: type[models.TextChoices], status: str) -> str:
    """A status as a person reads it."""
    return str(statuses(status).label) if status in statuses.values else status
