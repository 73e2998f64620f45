"""Where payment providers tell us that something happened: one address and one secret per account."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from commerce.gateways import GatewayError, InvalidEvent, UnknownAccount, gateway_for
from commerce.services import settlement

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def stripe(request: HttpRequest, account: str) -> HttpResponse:
    """200: done, done before, or none of ours. 400: not signed by the provider. 503: tell us again."""
    at = timezone.now()
    try:
        event = gateway_for(account).read_event(
            body=request.body, signature=request.headers.get("Stripe-Signature", ""), at=at
        )
        settlement.receive(account=account, event=event, at=at)
    except UnknownAccount:
        return HttpResponseNotFound("No such account", content_type="text/plain")
    except InvalidEvent as error:
        logger.warning("Refused a notification for account %s: %s", account, error)
        return HttpResponse("Not a valid event", status=400, content_type="text/plain")
    except (GatewayError, settlement.UnknownPayment):
        logger.exception("An event of account %s must come again", account)
        return HttpResponse("Try again later", status=503, content_type="text/plain")
    return HttpResponse("OK", content_type="text/plain")
