"""What services refuse, as the API answers it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.settings import api_settings

from commerce.fulfilment import NotAvailable, NothingThere
from commerce.gateways import GatewayError
from commerce.services import cart, checkout, discounting, receiving, refunding, stocking

# Seconds after which asking again may help.
RETRY_AFTER = 30

REPEAT = "The payment service does not answer; nothing was charged. `Retry-After` says when to ask again."


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT


class ProviderUnavailable(APIException):
    """The payment service does not answer: try again with the same request."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    # The handler of errors answers with one second more.
    wait = RETRY_AFTER - 1


def invalid(refusal: Exception, *, field: str = "") -> ValidationError:
    return ValidationError({field or api_settings.NON_FIELD_ERRORS_KEY: [str(refusal)]})


@contextmanager
def refusals(*, fields: dict[type[Exception], str] | None = None) -> Iterator[None]:
    """Turn what services refuse into problems. fields: which field of the request is to blame for what.

    400: another request would do. 404: it is not there. 409: it is as it is. 503: ask again.
    """
    to_blame: dict[type[Exception], str] = fields or {}
    try:
        yield
    except NothingThere:
        raise NotFound from None
    except checkout.ProviderUnavailable as refusal:
        raise ProviderUnavailable(str(refusal)) from refusal
    except GatewayError as error:
        raise ProviderUnavailable(str(checkout.ProviderUnavailable())) from error
    except (
        checkout.AmountTooSmall,
        checkout.AmountTooGreat,
        refunding.TooMuch,
        refunding.NoAmount,
        cart.TooMany,
        discounting.UnknownCode,
        discounting.OtherCurrency,
    ) as refusal:
        raise invalid(refusal, field=_blamed(refusal, to_blame)) from refusal
    except (
        NotAvailable,
        cart.CartRefused,
        checkout.CheckoutRefused,
        discounting.DiscountRefused,
        receiving.ReceivingRefused,
        refunding.RefundRefused,
        stocking.ItemInOrders,
    ) as refusal:
        raise Conflict(str(refusal)) from refusal


def _blamed(refusal: Exception, fields: dict[type[Exception], str]) -> str:
    return next((field for kind, field in fields.items() if isinstance(refusal, kind)), "")
