"""Clients of the API, and what they pay for."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from commerce.models import Item, Payment
from commerce.services import checkout
from commerce.tests.factories import URLS, place_order

PAYMENTS = "/api/v1/payments/"
ORDERS = "/api/v1/orders/"
ITEMS = "/api/v1/items/"


def client_of(person: User | None = None) -> APIClient:
    client = APIClient()
    if person is not None:
        client.force_authenticate(person)
    return client


def now() -> datetime:
    return timezone.now()


def an_item(name: str = "Mug", *, price: str = "12.50", currency: str = "USD", **facts: Any) -> Item:
    return Item.objects.create(name=name, price=Decimal(price), currency=currency, **facts)


def open_payment(buyer: User, *lines: Any) -> Payment:
    """A payment with an open page, of an order that is placed now."""
    return checkout.open_session(order=place_order(*lines, buyer=buyer, at=now()), urls=URLS, at=now())
