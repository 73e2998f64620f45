"""The shop in the CMS: lists of what there is, what people do about it, and the report on the ledgers."""

from commerce.wagtail_hooks import actions, lists, reports

__all__ = ["actions", "lists", "reports"]
