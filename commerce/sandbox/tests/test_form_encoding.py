from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from commerce.sandbox.form_encoding import decode
from commerce.sandbox.refusals import Refusal

names = st.text("abcdefgh_", min_size=1, max_size=6)
values = st.recursive(
    st.text(max_size=8),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3) | st.dictionaries(names, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


def _numbered(value: Any) -> Any:
    """Lists as the wire has them: maps from numbers."""
    if isinstance(value, list):
        return {str(index): _numbered(item) for index, item in enumerate(value)}
    if isinstance(value, dict):
        return {name: _numbered(item) for name, item in value.items()}
    return value


@given(st.dictionaries(names, values, max_size=4))
def test_what_the_library_encodes_is_decoded_to_the_same(params: dict[str, Any]) -> None:
    encoded = urlencode(list(_api_encode(params)))

    assert decode(encoded) == _numbered(params)


def test_empty_brackets_make_a_list() -> None:
    assert decode("expand[]=a&expand[]=b") == {"expand": ["a", "b"]}


@pytest.mark.parametrize(
    "text", ["a=1&a[b]=2", "a[b]=2&a=1", "a[b=1", "[a]=1", "a[]=1&a[0]=2", f"a{'[b]' * 20}=1"]
)
def test_names_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        decode(text)

    assert refusal.value.status == 400
