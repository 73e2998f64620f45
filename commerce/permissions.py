"""Who may see and do what in the shop. Its staff are staff, and those whose role gives them the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


def sees_all_payments(user: User | AnonymousUser) -> bool:
    """Whether user sees everybody's payments, and not only their own."""
    return user.is_staff or user.has_perm("commerce.view_payment")


def sees_all_orders(user: User | AnonymousUser) -> bool:
    """Whether user sees everybody's orders, and not only their own."""
    return user.is_staff or user.has_perm("commerce.view_order")


def may_handle_money(user: User | AnonymousUser) -> bool:
    """Whether user may take cash and transfers, and give money back."""
    return user.is_staff or user.has_perm("commerce.change_payment")


def may_write_items(user: User | AnonymousUser, *, action: str) -> bool:
    """Whether user may `add`, `change` or `delete` items of the shop."""
    return user.is_staff or user.has_perm(f"commerce.{action}_item")


def sees_all_items(user: User | AnonymousUser) -> bool:
    """Whether user sees items that are not for sale, and how many are left of each."""
    return user.is_staff or user.has_perm("commerce.view_item")
