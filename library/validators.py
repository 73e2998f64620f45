"""What fields of the library take."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from library import isbn


def validate_isbn(written: str) -> None:
    """Raise ValidationError for what is no ISBN of 10 or 13 characters."""
    try:
        isbn.parse(written)
    except isbn.InvalidIsbn as error:
        raise ValidationError(
            _("“%(isbn)s” is no valid ISBN: 10 or 13 digits, the last of which fits the others."),
            code="invalid_isbn",
            params={"isbn": written},
        ) from error
