"""Pages of the shop and around paying: items, cart, orders, the way to the provider, and the way back."""

from commerce.views.answers import SeeOther, for_one_reader, refuse_get_and_visitors
from commerce.views.paying import return_urls, to_payment_page

__all__ = ["SeeOther", "for_one_reader", "refuse_get_and_visitors", "return_urls", "to_payment_page"]
