"""Filters of lists. What a filter does not understand is an error, never a silent full list."""

from collections.abc import Iterable

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

#: Query parameters that concern no filter: pages, and the format of the answer.
GENERAL_PARAMETERS = frozenset({"page", "page_size", "format"})


def refuse_unknown_parameters(request: Request, *, known: Iterable[str]) -> None:
    """Raise ValidationError (400) when the query string has a parameter that is neither known nor general."""
    known = {*known, *GENERAL_PARAMETERS}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        message = _("There is no such filter. Known: %(known)s.") % {"known": ", ".join(sorted(known))}
        raise ValidationError({name: [message] for name in unknown})


def one_of(request: Request, parameter: str, *, allowed: Iterable[str], default: str) -> str:
    """The value of a query parameter that must be one of allowed; default when it is absent or empty.

    Raises ValidationError (400) for any other value.
    """
    value = request.query_params.get(parameter) or default
    allowed = list(allowed)
    if value not in allowed:
        message = _("“%(value)s” is not one of: %(allowed)s.") % {
            "value": value,
            "allowed": ", ".join(allowed),
        }
        raise ValidationError({parameter: [message]})
    return value
