"""Which API keys the sandbox lets in: test keys, and never a live one."""

import base64
import binascii
import re

from commerce.sandbox import refusals

_TEST_KEY = re.compile(r"sk_test_[A-Za-z0-9_]{1,200}\Z")


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


def key_from(authorization: str | None) -> str:
    """The test key of an Authorization header, Bearer or Basic; raises Stripe's 401 refusals."""
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
    if is_live(key):
        raise refusals.live_key()
    if not _TEST_KEY.match(key):
        raise refusals.bad_key(
            key[:8] + "*" * max(0, min(len(key), 24) - 12) + key[-4:] if len(key) > 12 else "****"
        )
    return key
