import pytest

from commerce import fulfilment, gateways
from commerce.tests.factories import KIND, open_counter


@pytest.fixture(autouse=True)
def fresh_gateways():
    """Every test finds providers that have seen nothing."""
    gateways._gateway.cache_clear()
    yield
    gateways._gateway.cache_clear()


@pytest.fixture
def counter():
    yield open_counter()
    fulfilment.unregister(KIND)


@pytest.fixture
def sandbox(settings):
    """The Stripe sandbox over real HTTP, with the real library pointed at it."""
    from commerce.sandbox import Sandbox

    with Sandbox(port=0) as running:
        settings.PAYMENT_GATEWAY = "commerce.gateways.stripe.StripeGateway"
        settings.STRIPE_API_BASE = running.url
        settings.STRIPE_JS_URL = f"{running.url}/endive/stripe.js"
        yield running
        assert running.schema_violations == []
