"""Accounts in the CMS: people, the messages to them, and what letters look like."""

from accounts.wagtail_hooks import letters, messages, people

__all__ = ["letters", "messages", "people"]
