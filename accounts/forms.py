"""Forms for people; allauth's own forms take their fields from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.http import HttpRequest

    from accounts.models import User


class SignupForm(forms.Form):
    """What sign-up asks besides e-mail address and password; allauth mixes it into its own form."""

    first_name = forms.CharField(
        label=_("First name"),
        max_length=150,
        required=False,
        help_text=_("What we call you on the site."),
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    field_order = ["first_name", "email", "password1", "password2"]

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth once the account is made."""
        user.first_name = self.cleaned_data["first_name"]
        user.save(update_fields=["first_name"])
