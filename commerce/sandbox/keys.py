"""Which API keys the sandbox lets in: test keys, and never a live one."""

import base64
import binascii
import re
from dataclasses import dataclass

from commerce.sandbox import refusals

_TEST_KEY = re.compile(r"sk_test_[A-Za-z0-9_]{1,200}\Z")
_PUBLISHABLE = "pk_test_"


class NotATestKey(ValueError):
    """A key the sandbox must not be given."""


def require_test_key(key: str) -> str:
    """The key itself; raises NotATestKey, without repeating the key, if it is any but `sk_test_…`."""
    if is_live(key):
        raise NotATestKey("a live key was given to the Stripe sandbox: use one that starts with sk_test_")
    if not _TEST_KEY.match(key):
        raise NotATestKey("the Stripe sandbox takes secret test keys only: they start with sk_test_")
    return key


def is_live(key: str) -> bool:
    return re.match(r"(sk|rk|pk)_live", key) is not None


@dataclass(frozen=True)
class Key:
    """A key that is let in. `secret` is the account's; a publishable key is one with the same ending."""

    secret: str
    is_publishable: bool = False


def key_from(authorization: str | None, *, in_form: str | None = None) -> Key:
    """The test key of an Authorization header, Bearer or Basic; raises Stripe's 401 refusals.

    `in_form` is the parameter `key`, by which browsers send a publishable key, and only such.
    """
    if not authorization and in_form and in_form.startswith(_PUBLISHABLE):
        return _let_in(in_form)
    return _let_in(_sent(authorization))


def _let_in(key: str) -> Key:
    if is_live(key):
        raise refusals.live_key()
    secret = key.replace(_PUBLISHABLE, "sk_test_", 1) if key.startswith(_PUBLISHABLE) else key
    if not _TEST_KEY.match(secret):
        raise refusals.bad_key(
            key[:8] + "*" * max(0, min(len(key), 24) - 12) + key[-4:] if len(key) > 12 else "****"
        )
    return Key(secret, is_publishable=key != secret)


def _sent(authorization: str | None) -> str:
    if not authorization:
        raise refusals.missing_key()
    scheme, _, credentials = authorization.strip().partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError) as problem:
            raise refusals.missing_key() from problem
    elif scheme.lower() != "bearer":
        raise refusals.missing_key()
    if not key:
        raise refusals.missing_key()
    return key
