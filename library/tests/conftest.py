import pytest

from commerce import gateways


@pytest.fixture(autouse=True)
def fresh_gateways():
    """Every test finds providers that have seen nothing."""
    gateways._gateway.cache_clear()
    yield
    gateways._gateway.cache_clear()
