"""The library in the CMS: the desk, lists of what there is, and what people do about it."""

from library.wagtail_hooks import actions, desk, lists, panels

__all__ = ["actions", "desk", "lists", "panels"]
