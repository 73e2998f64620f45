"""What services of the library refuse, as the API answers it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError as Refusal
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.settings import api_settings

from commerce.api import refusals as of_shop
from library.models import Book
from library.services import cataloguing, editing


class Conflict(of_shop.Conflict):
    """As it is now it cannot be done. `code` says why to programs, `detail` to people."""

    def __init__(self, refusal: Exception, *, code: str) -> None:
        super().__init__(str(refusal))
        self.extensions = {"code": code}


class PreconditionFailed(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what services refuse into problems.

    400: another request would do. 404: it is gone. 409: it is as it is. 412: it is not as the client knew it.
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
        raise Conflict(refusal, code=refusal.code) from refusal
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
