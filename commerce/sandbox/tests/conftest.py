"""One sandbox for the whole run: every test has a key, and so an account, of its own."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from commerce.sandbox import Sandbox
from commerce.sandbox.tests.shop import Shop

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield shared_sandbox
    assert shared_sandbox.schema_violations == []


@pytest.fixture
def key() -> str:
    return f"sk_test_{next(_numbers)}"


@pytest.fixture
def client_for(sandbox: Sandbox) -> Callable[..., Any]:
    def make(key: str, *, retries: int = 0, url: str | None = None, timeout: float = 15) -> Any:
        return stripe.StripeClient(
            key,
            base_addresses={"api": url or sandbox.url},
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=(3, timeout)),
        )

    return make


@pytest.fixture
def client(client_for: Callable[..., Any], key: str) -> Any:
    return client_for(key)


@pytest.fixture
def shop(sandbox: Sandbox, client: Any, key: str) -> Shop:
    return Shop(sandbox=sandbox, client=client, key=key)


@pytest.fixture
def own_shop(client_for: Callable[..., Any]) -> Iterator[Callable[..., Shop]]:
    """Make a shop with a sandbox to itself, for tests of what concerns all accounts."""
    sandboxes: list[Sandbox] = []

    def make(key: str = "sk_test_own", **wishes: Any) -> Shop:
        sandbox = Sandbox(**wishes).start()
        sandboxes.append(sandbox)
        return Shop(sandbox=sandbox, client=client_for(key, url=sandbox.url), key=key)

    yield make
    for sandbox in sandboxes:
        violations = list(sandbox.schema_violations)
        sandbox.stop()
        assert violations == []
