"""The library in the CMS: the desk, lists of what there is, import, export and labels."""

from library.wagtail_hooks import actions, desk, exchange, lists, panels, rules

__all__ = ["actions", "desk", "exchange", "lists", "panels", "rules"]
