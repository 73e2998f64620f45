"""The one place where allauth is bent to the portal's will."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.adapter import DefaultAccountAdapter

if TYPE_CHECKING:
    from django.http import HttpRequest

    from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):
    """Keeps e-mail addresses in lower case and has no user name to fill."""

    def clean_email(self, email: str) -> str:
        return super().clean_email(email).lower()

    def populate_username(self, request: HttpRequest, user: User) -> None:
        """Do nothing on purpose: the portal's users have no user name."""
