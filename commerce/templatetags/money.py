"""Show money as the reader writes it."""

from __future__ import annotations

from babel.numbers import format_currency
from django import template
from django.utils.translation import get_language, to_locale

from commerce.money import Money

register = template.Library()


@register.filter
def money(value: Money) -> str:
    """`$49.00` to an English reader, `49,00 $` to a Russian one."""
    return format_currency(value.amount, value.currency, locale=to_locale(get_language() or "en"))
