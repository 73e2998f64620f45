"""A stand-in for Stripe that the real `stripe` library talks to over HTTP. See README.md."""

from commerce.sandbox.courier import RetryPlan
from commerce.sandbox.outbox import WebhookEndpoint
from commerce.sandbox.paying import IntentNotOpen, SessionNotOpen
from commerce.sandbox.sandbox import Sandbox

__all__ = ["IntentNotOpen", "RetryPlan", "Sandbox", "SessionNotOpen", "WebhookEndpoint"]
