"""A product made together with its default price."""

from typing import Any

from commerce.sandbox.accounts import Account
from commerce.sandbox.resources import prices, products


def create_product(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    product = products.add(account, params=params)
    if "default_price_data" in params:
        price = prices.add(account, params={**params["default_price_data"], "product": product.id})
        product.body["default_price"] = price.id
        account.save(product)
    return product.body
