"""Whether the installed library is still the one that the sandbox was written for."""

import copy
import json
from pathlib import Path

import pytest
import stripe

from commerce.sandbox.checks import _OPERATION_OF
from commerce.sandbox.schemas.fingerprints import differences, fingerprints

KEPT = json.loads(Path(__file__).with_name("shapes.json").read_text())


def test_the_served_shapes_are_those_the_sandbox_was_written_for() -> None:
    changed = differences(KEPT["shapes"], fingerprints())

    if changed:
        pytest.fail(
            f"The installed stripe {stripe.VERSION} ({stripe.api_version}) describes other shapes than "
            f"{KEPT['stripe']} ({KEPT['api_version']}), which the sandbox was written for:\n  "
            + "\n  ".join(changed)
            + "\nLook at each: serve it, refuse it, or answer it, and say so in the sandbox's README. Then "
            "write the shapes anew:\n  python -m commerce.sandbox.schemas.fingerprints > "
            "commerce/sandbox/tests/shapes.json",
            pytrace=False,
        )
    assert stripe.api_version == KEPT["api_version"]


def test_every_kind_of_object_that_is_served_has_a_fingerprint() -> None:
    kinds = {name.removeprefix("object ") for name in KEPT["shapes"] if name.startswith("object ")}

    assert kinds == {*_OPERATION_OF, "item", "payment_method"}


def test_a_library_that_moved_on_is_told_field_by_field() -> None:
    now = copy.deepcopy(KEPT["shapes"])
    del now["object refund"]["reason"]
    now["object refund"]["colour"] = "0"
    now["object refund"]["amount"] = "0"
    now["parameters of products.create"][""] = "0"
    del now["parameters of events.list"]

    assert differences(KEPT["shapes"], now) == [
        "object refund: gone: reason; new: colour; changed: amount",
        "parameters of events.list: gone: verb or path, created, delivery_success, ending_before, expand, "
        "limit, starting_after, type, types",
        "parameters of products.create: changed: verb or path",
    ]
