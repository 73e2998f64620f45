"""What people fill in at the shop, and what scripts send in its place."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from commerce.services.cart import MOST_OF_ONE_ITEM


class ItemIdForm(forms.Form):
    """Which item, by the name that scripts give it."""

    itemId = forms.IntegerField(min_value=1)  # noqa: N815 (the name in the contract)

    @classmethod
    def read(cls, request: HttpRequest) -> ItemIdForm:
        """From a form or from JSON; what is neither makes a form with errors."""
        return cls(posted(request))


class QuantityForm(forms.Form):
    """So many of a line; a step is added to it, which is how the buttons beside it work without a script."""

    quantity = forms.IntegerField(min_value=0, max_value=MOST_OF_ONE_ITEM + 1, label=_("Quantity"))
    step = forms.IntegerField(min_value=-1, max_value=1, required=False)

    @property
    def wanted(self) -> int:
        return max(0, self.cleaned_data["quantity"] + (self.cleaned_data["step"] or 0))


class GuestForm(forms.Form):
    """What a visitor may say of themselves when they order."""

    email = forms.EmailField(
        label=_("E-mail for the receipt"),
        required=False,
        max_length=254,
        # What is typed stays when the rest of the cart is exchanged.
        widget=forms.EmailInput(attrs={"autocomplete": "email", "hx-preserve": "true"}),
    )


class DiscountCodeForm(forms.Form):
    code = forms.CharField(
        label=_("Discount code"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )


def posted(request: HttpRequest) -> Any:
    """The fields of a request's body, in JSON or as a form; nothing when it can be read as neither."""
    if request.content_type != "application/json":
        return request.POST
    try:
        fields = json.loads(request.body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
