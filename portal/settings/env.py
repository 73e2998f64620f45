"""Read settings from the environment: a value, or an error that says what to set and where."""

from __future__ import annotations

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def required(name: str) -> str:
    """The value of an environment variable that has no safe default.

    Raises ImproperlyConfigured when it is missing or empty, naming the variable and where to set it.
    """
    value = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. Set it in the environment or in {BASE_DIR / '.env'}; "
            ".env.sample describes every variable."
        )
    return value


def choice(name: str, *, among: tuple[str, ...], default: str) -> str:
    """The value of an environment variable that has few. Raises ImproperlyConfigured for any other."""
    value = env.str(name, default="") or default
    if value not in among:
        raise ImproperlyConfigured(f"{name} is {value!r}; it can be {' or '.join(among)}.")
    return value
