"""What services of the library refuse, as the API answers it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError as Refusal
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotFound, PermissionDenied
from rest_framework.settings import api_settings

from commerce.api import refusals as of_shop
from library.models import Book
from library.services import cataloguing, editing, lending
from library.services.refusals import LendingRefused


class Conflict(of_shop.Conflict):
    """As it is now it cannot be done. `code` says why to programs, `detail` to people."""

    def __init__(self, words: str, *, code: str) -> None:
        super().__init__(words)
        self.extensions = {"code": code}


class PreconditionFailed(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED


@contextmanager
def refusals(*, fields: dict[type[LendingRefused], str] | None = None) -> Iterator[None]:
    """Turn what services refuse into problems. fields: which field of the request is to blame for what.

    400: another request would do. 403: only the desk does that. 404: it is gone. 409: it is as it is. 412: it
    is not as the client knew it.
    """
    try:
        yield
    except Book.DoesNotExist:
        raise NotFound from None
    except editing.ChangedMeanwhile as refusal:
        raise PreconditionFailed(str(refusal)) from refusal
    except (cataloguing.InventoryBelowOut, cataloguing.TooManyCopies) as refusal:
        raise serializers.ValidationError({"inventory": [str(refusal)]}) from refusal
    except cataloguing.CataloguingRefused as refusal:
        raise Conflict(str(refusal), code=refusal.code) from refusal
    except lending.ReturnAtDesk as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except LendingRefused as refusal:
        field = next((field for kind, field in (fields or {}).items() if isinstance(refusal, kind)), None)
        if field is not None:
            raise serializers.ValidationError({field: [str(refusal)]}) from refusal
        raise Conflict(str(refusal), code=refusal.code) from refusal
    except Refusal as refusal:
        raise serializers.ValidationError(_by_field(refusal)) from refusal


def _by_field(refusal: Refusal) -> dict[str, list[str]]:
    if not hasattr(refusal, "error_dict"):
        return {api_settings.NON_FIELD_ERRORS_KEY: refusal.messages}
    # Django's name for what concerns no field.
    return {
        api_settings.NON_FIELD_ERRORS_KEY if field == "__all__" else field: messages
        for field, messages in refusal.message_dict.items()
    }
