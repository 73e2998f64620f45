"""Products and prices where one is made, or kept from going, on account of the other."""

from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.resources import prices, products


def create_product(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    product = products.add(account, params=params)
    if "default_price_data" in params:
        price = prices.add(account, params={**params["default_price_data"], "product": product.id})
        product.body["default_price"] = price.id
        account.save(product)
        account.emit("product.created", product)
        account.emit("price.created", price)
    else:
        account.emit("product.created", product)
    return product.body


def update_price(account: Account, *, price: str, params: dict[str, Any]) -> dict[str, Any]:
    stored = account.get("price", price, param="price")
    product = account.get("product", stored.body["product"], param="price")
    if params.get("active") is False and product.body["default_price"] == price:
        raise refusals.invalid(
            "This price cannot be archived because it is the default price of its product.", param="active"
        )
    return prices.update(account, stored, params=params)


def delete_product(account: Account, *, id: str, params: dict[str, Any]) -> dict[str, Any]:
    """Delete a product that has no prices; others can only be made inactive."""
    stored = account.get("product", id, param="id")
    if any(price.body["product"] == id for price in account.newest_first("price")):
        raise refusals.invalid(
            "This product cannot be deleted because it has one or more user-created prices.", param="id"
        )
    account.emit("product.deleted", stored)
    stored.private["is_deleted"] = True
    account.save(stored)
    return {"id": id, "object": "product", "deleted": True}
