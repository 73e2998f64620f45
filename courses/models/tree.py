"""The page tree in SQL: paths of materialised steps, four letters each, that sort as the pages stand."""

from typing import Any, Protocol

from django.db.models import F, OuterRef, Value
from django.db.models.functions import Concat, Greatest, Length, Substr
from wagtail.models import Page

from courses.models.rights import granted_in_courses

STEP = Page.steplen
# A lesson stands at most two steps below its course; no path below the course sorts after this.
LAST_BELOW = "Z" * STEP * 2


def ancestor_path(path: F | OuterRef, steps: int) -> Substr:
    """The path so many steps above; "" above the root, where PostgreSQL looks too while it joins."""
    return Substr(path, 1, Greatest(Length(path) - Value(STEP * steps), Value(0)))


def below(path: OuterRef) -> Concat:
    """The greatest path below an outer page: with path > its own a range that the index serves."""
    return Concat(path, Value(LAST_BELOW))


class PageUser(Protocol):
    """Someone who looks at pages, signed in or not."""

    pk: Any
    is_active: bool
    is_anonymous: bool
    is_superuser: bool


def edited_paths(user: PageUser) -> list[str]:
    """The paths below which user may edit every page in the CMS. One query per user object."""
    if not user.is_active or user.is_anonymous or user.is_superuser:
        return []
    if not getattr(user, "enters_cms", True):  # asked with the person already
        return []
    return [
        granted.page.path
        for granted in granted_in_courses(user)
        if granted.permission.codename == "change_page"
    ]
