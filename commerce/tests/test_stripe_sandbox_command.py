import pytest
from django.core.management import CommandError, call_command

from commerce.sandbox import Sandbox


def test_the_sandbox_never_runs_for_an_address_of_another_machine(settings):
    settings.STRIPE_API_BASE = "https://api.stripe.com"

    with pytest.raises(CommandError, match="the sandbox runs on this machine only"):
        call_command("stripe_sandbox")


def test_a_port_in_use_is_a_clear_message(settings, tmp_path):
    with Sandbox(port=0) as other:
        settings.STRIPE_API_BASE = other.url

        with pytest.raises(CommandError, match=r"Port \d+ is in use"):
            call_command("stripe_sandbox", state=str(tmp_path / "state.sqlite3"))
