"""Pages of the shop and around paying: items, cart, orders, the way to the provider, and the way back."""

from commerce.views.answers import SeeOther
from commerce.views.paying import to_payment_page

__all__ = ["SeeOther", "to_payment_page"]
