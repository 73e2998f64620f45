"""Who buys: a member, or a visitor whose session knows a key."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import User


def new_guest_key() -> str:
    """128 bits that nobody guesses, as 32 hexadecimal digits."""
    return secrets.token_hex(16)


@dataclass(frozen=True, kw_only=True)
class Customer:
    """Exactly one of a member and the key of a visitor."""

    user: User | None = None
    guest_key: str = ""

    def __post_init__(self) -> None:
        if (self.user is None) == (not self.guest_key):
            raise ValueError("A customer is a member or a visitor with a key.")
