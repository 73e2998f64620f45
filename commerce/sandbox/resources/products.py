"""Products: what is sold."""

from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.resources.listing import first_metadata, merged_metadata, page_of, refuse_unserved
from commerce.sandbox.store import Stored

_MOST_IMAGES = 8
_SERVED = {
    "active", "default_price", "default_price_data", "description", "expand", "id", "images",
    "marketing_features", "metadata", "name", "package_dimensions", "shippable", "statement_descriptor",
    "tax_code", "type", "unit_label", "url",
}  # fmt: skip


def add(account: Account, *, params: dict[str, Any], is_active: bool = True) -> Stored:
    """Add a product from `products.create` parameters or from a price's `product_data`."""
    refuse_unserved(params, served=_SERVED, what="products")
    if "id" in params and account.find("product", params["id"]):
        raise refusals.invalid("Product already exists.", param="id", code="resource_already_exists")
    now = account.clock.now()
    body = {
        "id": params.get("id") or new_id("product"),
        "object": "product",
        "active": params.get("active", is_active),
        "created": now,
        "default_price": None,
        "description": params.get("description"),
        "images": _images(params.get("images") or []),
        "livemode": False,
        "marketing_features": params.get("marketing_features") or [],
        "metadata": first_metadata(params),
        "name": params["name"],
        "package_dimensions": params.get("package_dimensions"),
        "shippable": params.get("shippable"),
        "statement_descriptor": params.get("statement_descriptor"),
        "tax_code": params.get("tax_code"),
        "type": params.get("type", "service"),
        "unit_label": params.get("unit_label"),
        "updated": now,
        "url": params.get("url"),
    }
    stored = Stored(body)
    account.store.replace(account.id, stored)
    return stored


def retrieve(account: Account, *, id: str, params: dict[str, Any]) -> dict[str, Any]:
    return account.get("product", id, param="id").body


def update(account: Account, *, id: str, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED, what="products")
    stored = account.get("product", id, param="id")
    before = dict(stored.body)
    for name, value in params.items():
        if name == "metadata":
            stored.body["metadata"] = merged_metadata(stored, params)
        elif name == "default_price":
            price = account.get("price", value, param="default_price", status=400)
            if price.body["product"] != id:
                raise refusals.invalid(
                    f"The price specified does not belong to the product {id}", param="default_price"
                )
            stored.body["default_price"] = value
        elif name == "images":
            stored.body["images"] = _images(value or [])
        elif name == "marketing_features":
            stored.body["marketing_features"] = value or []
        elif name != "expand":
            stored.body[name] = value
    if stored.body != before:
        stored.body["updated"] = account.clock.now()
    account.save_change(stored, before=before, event_type="product.updated")
    return stored.body


def list_products(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    ids = params.get("ids")

    def wanted(body: dict[str, Any]) -> bool:
        named = ids is None or body["id"] in ids
        return named and all(
            body[name] == params[name] for name in ("active", "shippable", "url") if name in params
        )

    return page_of(account, kind="product", url="/v1/products", params=params, wanted=wanted)


def _images(urls: list[str]) -> list[str]:
    if len(urls) > _MOST_IMAGES:
        raise refusals.invalid(f"A product has at most {_MOST_IMAGES} images", param="images")
    return urls
