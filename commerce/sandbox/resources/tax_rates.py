"""Tax rates, which a shop puts on its lines."""

import re
from decimal import Decimal
from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.resources.listing import equal_to, first_metadata, merged_metadata, page_of

_MOST_DECIMALS = 4
_LONGEST_NAME = 50


def create(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    _check_percentage(params["percentage"])
    _check_texts(params)
    stored = account.add(
        {
            "id": new_id("tax_rate"),
            "object": "tax_rate",
            "active": params.get("active", True),
            "country": params.get("country"),
            "created": account.clock.now(),
            "description": params.get("description"),
            "display_name": params["display_name"],
            "effective_percentage": None,
            "flat_amount": None,
            "inclusive": params["inclusive"],
            "jurisdiction": params.get("jurisdiction"),
            "jurisdiction_level": None,
            "livemode": False,
            "metadata": first_metadata(params),
            "percentage": params["percentage"],
            "rate_type": None,
            "state": params.get("state"),
            "tax_type": params.get("tax_type"),
        }
    )
    account.emit("tax_rate.created", stored)
    return stored.body


def _check_percentage(percentage: float) -> None:
    exact = Decimal(str(percentage))
    if not 0 <= exact <= 100:
        raise refusals.invalid("Invalid percentage: it must be between 0 and 100.", param="percentage")
    if exact != round(exact, _MOST_DECIMALS):
        raise refusals.invalid(
            f"Invalid percentage: it may have at most {_MOST_DECIMALS} decimal places.", param="percentage"
        )


def _check_texts(params: dict[str, Any]) -> None:
    country = params.get("country")
    if country is not None and not re.fullmatch(r"[A-Z]{2}", country):
        raise refusals.invalid(
            f"Country '{country}' is unknown. Try using a 2-character alphanumeric country code instead, "
            "such as 'US', 'EG', or 'GB'.",
            param="country",
        )
    if len(params.get("display_name", "")) > _LONGEST_NAME:
        raise refusals.invalid(
            f"Invalid string: display_name must be at most {_LONGEST_NAME} characters", param="display_name"
        )


def retrieve(account: Account, *, tax_rate: str, params: dict[str, Any]) -> dict[str, Any]:
    return account.get("tax_rate", tax_rate, param="tax_rate").body


def update(account: Account, *, tax_rate: str, params: dict[str, Any]) -> dict[str, Any]:
    stored = account.get("tax_rate", tax_rate, param="tax_rate")
    before = dict(stored.body)
    _check_texts(params)
    for name, value in params.items():
        if name == "metadata":
            stored.body["metadata"] = merged_metadata(stored, params)
        elif name != "expand":
            stored.body[name] = value
    account.save_change(stored, before=before, event_type="tax_rate.updated")
    return stored.body


def list_tax_rates(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    same = equal_to(params, "active", "inclusive")
    return page_of(account, kind="tax_rate", url="/v1/tax_rates", params=params, wanted=same)
