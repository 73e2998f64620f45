"""What is made at the provider for selling: once, and anew when it is no longer good there."""

from __future__ import annotations

from decimal import Decimal

import pytest
import stripe
from django.utils import timezone

from commerce.models import Discount, GatewayCoupon, GatewayPrice
from commerce.services import checkout
from commerce.tests.factories import URLS, place_order, voucher

pytestmark = pytest.mark.django_db


@pytest.fixture
def dashboard(sandbox, settings) -> stripe.StripeClient:
    """What staff do at the provider, past the portal."""
    key = settings.STRIPE_ACCOUNTS["usd"]["secret_key"]
    return stripe.StripeClient(key, base_addresses={"api": sandbox.url})


def go_to_pay(order):
    return checkout.open_session(order=order, urls=URLS, at=timezone.now())


def order():
    return place_order(voucher("a"), at=timezone.now())


def refused_once_and_then_opened(order):
    with pytest.raises(checkout.ProviderUnavailable):
        go_to_pay(order)
    return go_to_pay(order)


def test_a_price_that_was_archived_in_the_dashboard_is_made_anew(counter, dashboard):
    go_to_pay(order())
    archived = GatewayPrice.objects.get()
    dashboard.v1.prices.update(archived.price_id, {"active": False})

    opened = refused_once_and_then_opened(order())

    assert opened.session_id
    assert GatewayPrice.objects.get().price_id != archived.price_id


def test_a_coupon_that_was_deleted_in_the_dashboard_is_made_anew(counter, dashboard):
    Discount.objects.create(name="May", percent_off=Decimal(10))
    go_to_pay(order())
    deleted = GatewayCoupon.objects.get()
    dashboard.v1.coupons.delete(deleted.coupon_id)

    opened = refused_once_and_then_opened(order())

    assert opened.session_id
    assert GatewayCoupon.objects.get().coupon_id != deleted.coupon_id
