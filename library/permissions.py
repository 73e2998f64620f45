"""Who may do what in the library. Its staff are staff, and those whose role gives them the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


def may_write_books(user: User | AnonymousUser, *, action: str) -> bool:
    """Whether user may `add`, `change` or `delete` books of the catalogue."""
    return user.is_staff or user.has_perm(f"library.{action}_book")


def sees_all_loans(user: User | AnonymousUser) -> bool:
    """Whether user sees what everybody has borrowed, and not only their own."""
    return user.is_staff or user.has_perm("library.view_borrowing")


def sees_all_holds(user: User | AnonymousUser) -> bool:
    """Whether user sees who waits for what, and not only their own place."""
    return user.is_staff or user.has_perm("library.view_hold")


def may_lend(user: User | AnonymousUser) -> bool:
    """Whether user may lend, take back, renew and hand out to others: the work of the desk."""
    return user.is_staff or user.has_perm("library.change_borrowing")


def may_change_holds(user: User | AnonymousUser) -> bool:
    """Whether user may cancel others' holds."""
    return user.is_staff or user.has_perm("library.change_hold")


def may_take_money(user: User | AnonymousUser) -> bool:
    """Whether user may take cash for fees and fines, and forgive them."""
    return user.is_staff or user.has_perm("library.change_charge")
