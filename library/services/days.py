"""On which day of the library a moment is."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone


def day_of(at: datetime) -> date:
    """Days of the library are those of the portal's time zone, whoever is asking."""
    return at.astimezone(timezone.get_default_timezone()).date()
