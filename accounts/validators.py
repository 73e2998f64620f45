"""What may be written into an account."""

from __future__ import annotations

import unicodedata
import zoneinfo

import phonenumbers
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


def validate_phone(value: str) -> None:
    """A telephone number in E.164, such as +34911234567: country code, no spaces."""
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        number = None
    if (
        number is None
        or not phonenumbers.is_valid_number(number)
        or phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) != value
    ):
        raise ValidationError(
            _("“%(number)s” is no telephone number. Write it with the country code, such as +34911234567."),
            code="invalid_phone",
            params={"number": value},
        )


#: Files of the zone database that are no places: what they say is the machine's own business.
NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})
#: Joins letters in Persian, Indian scripts and emoji: invisible, and part of how names are written.
JOINERS = frozenset("\u200c\u200d")


def validate_one_line(value: str) -> None:
    """Words on one line, without what turns or hides the text around them.

    A name stands in letters, in others' pages and in the log: a line break would begin a line there that we
    did not write.
    """
    if any(unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp") and each not in JOINERS for each in value):
        raise ValidationError(
            _("Write it on one line, and without invisible characters."), code="not_one_line"
        )


def validate_time_zone(value: str) -> None:
    """A name from the time zone database."""
    if value in NO_PLACES or value not in zoneinfo.available_timezones():
        raise ValidationError(
            _("“%(zone)s” is not a time zone. Write a name such as Europe/Madrid."),
            code="invalid_time_zone",
            params={"zone": value},
        )
