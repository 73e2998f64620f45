import os
import socket

import pytest
import stripe
from django.core.management import CommandError, call_command

from commerce.sandbox import Sandbox
from commerce.sandbox.tests.processes import Process


def test_the_sandbox_never_runs_for_an_address_of_another_machine(settings):
    settings.STRIPE_API_BASE = "https://api.stripe.com"

    with pytest.raises(CommandError, match="the sandbox runs on this machine only"):
        call_command("stripe_sandbox")


def test_a_port_in_use_is_a_clear_message(settings, tmp_path):
    with Sandbox(port=0) as other:
        settings.STRIPE_API_BASE = other.url

        with pytest.raises(CommandError, match=r"Port \d+ is in use"):
            call_command("stripe_sandbox", state=str(tmp_path / "state.sqlite3"))


def test_it_starts_as_a_process_with_an_endpoint_for_each_account_and_ends_when_told_to(settings, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "portal.settings.development",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.sqlite3'}",
        "SANDBOX_PORT": str(port),
        "SANDBOX_STATE": str(tmp_path / "sandbox.sqlite3"),
        "PORTAL_BASE_URL": "http://127.0.0.1:9",
        f"STRIPE_{settings.CURRENCIES[0]}_SECRET_KEY": "sk_test_started",
    }

    process = Process("manage.py", "stripe_sandbox", environment=environment)

    client = stripe.StripeClient("sk_test_started", base_addresses={"api": process.url})
    product = client.v1.products.create({"name": "Watercolour"})
    (event,) = client.v1.events.list({"type": "product.created"}).data
    assert process.url == f"http://127.0.0.1:{port}"
    assert (event.data.object.id, event.pending_webhooks) == (product.id, 1)
    assert process.stop() == 0


def test_a_state_that_cannot_be_used_is_a_clear_message(settings):
    settings.STRIPE_API_BASE = "http://127.0.0.1:12111"

    with pytest.raises(
        CommandError, match=r"The sandbox cannot be started: the state file .* cannot be used"
    ):
        call_command("stripe_sandbox", state=__file__)
