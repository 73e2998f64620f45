"""Run the stand-in for Stripe that the portal pays with on one's own machine."""

from __future__ import annotations

import signal
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from commerce.sandbox import Sandbox, WebhookEndpoint


class Command(BaseCommand):
    help = "Run the Stripe sandbox that STRIPE_API_BASE points at, with a webhook endpoint per account."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--portal", default=settings.PORTAL_BASE_URL, help="Address that webhooks are sent to."
        )
        parser.add_argument("--state", default=settings.SANDBOX_STATE, help="File that keeps the state.")

    def handle(self, *args: Any, **options: Any) -> None:
        address = urlsplit(settings.STRIPE_API_BASE)
        if address.hostname not in ("127.0.0.1", "localhost", "::1") or address.port is None:
            raise CommandError(
                f"STRIPE_API_BASE is {settings.STRIPE_API_BASE}: the sandbox runs on this machine only. "
                "Set it to http://127.0.0.1:12111, or do not start the sandbox."
            )
        try:
            sandbox = Sandbox(
                host=address.hostname,
                port=address.port,
                state_path=options["state"],
                endpoints=[
                    WebhookEndpoint(
                        api_key=keys["secret_key"],
                        url=options["portal"] + reverse("commerce:stripe_webhook", args=[account]),
                        secret=keys["webhook_secret"],
                    )
                    for account, keys in settings.STRIPE_ACCOUNTS.items()
                ],
            )
        except ValueError as problem:
            raise CommandError(f"The sandbox cannot be started: {problem}.") from problem
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            sandbox.bind()
        except OSError as error:
            raise CommandError(
                f"Port {address.port} is in use. Stop what uses it, or set SANDBOX_PORT to another one."
            ) from error
        self.stdout.write(f"Stripe sandbox at {sandbox.url}: no real money. See {sandbox.url}/_sandbox/")
        self.stdout.flush()
        try:
            sandbox.serve_forever()
        except KeyboardInterrupt:
            self.stdout.write("Stripe sandbox stopped.")
        finally:
            sandbox.stop()
