"""The library in the CMS."""

from library.wagtail_hooks import exchange

__all__ = ["exchange"]
