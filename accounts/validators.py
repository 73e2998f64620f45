"""What may be written into an account."""

from __future__ import annotations

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


def validate_time_zone(value: str) -> None:
    """A name from the time zone database."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(
            _("“%(zone)s” is not a time zone. Write a name such as Europe/Madrid."),
            code="invalid_time_zone",
            params={"zone": value},
        )
