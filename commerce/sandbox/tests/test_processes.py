"""The sandbox as it is started from a shell, killed in the middle of its work, and started again."""

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from commerce.sandbox import Sandbox
from commerce.sandbox.tests.processes import ROOT, Process
from commerce.sandbox.tests.shop import Listener

ClientFor = Callable[..., Any]
MODULE = ("-m", "commerce.sandbox", "--port", "0")
KEY = "sk_test_process"


def test_it_starts_from_a_shell_with_an_endpoint_and_ends_when_told_to(client_for: ClientFor) -> None:
    with Listener() as listener:
        process = Process(*MODULE, "--endpoint", KEY, listener.url, listener.secret)
        client = client_for(KEY, url=process.url)

        product = client.v1.products.create({"name": "A"})
        while not listener.received:
            threading.Event().wait(0.02)

        assert listener.received[0].data.object["id"] == product.id
        assert process.stop() == 0


def test_it_needs_nothing_of_the_portal(client_for: ClientFor) -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, commerce.sandbox.__main__; print(*sorted(sys.modules))"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    ).stdout.split()  # fmt: skip

    foreign = [
        name for name in told if name.split(".")[0] in ("django", "wagtail", "portal", "courses", "library")
    ]
    assert foreign == []
    assert [name for name in told if name.startswith("commerce.") and "sandbox" not in name] == []


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--host", "0.0.0.0"], 2, "binds loopback addresses only"),
        (["--endpoint", "sk_live_x", "http://127.0.0.1/", "whsec_x"], 2, "a live key was given"),
        (["--endpoint", KEY, "ftp://127.0.0.1/", "whsec_x"], 2, "is an http(s) URL"),
        (["--state", "/proc/none/state.sqlite"], 2, "cannot be used"),
        (["--state", __file__], 2, "cannot be used"),
    ],
)
def test_what_cannot_be_is_told_in_a_line_and_not_by_a_traceback(
    arguments: list[str], status: int, words: str
) -> None:
    ended = subprocess.run(
        [sys.executable, *MODULE, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == status
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_is_told_with_the_remedy() -> None:
    with Sandbox() as other:
        port = other.url.rpartition(":")[2]

        ended = subprocess.run(
            [sys.executable, "-m", "commerce.sandbox", "--port", port],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    assert ended.returncode == 1
    assert "Stop it, or choose another --port." in ended.stderr


def test_killed_in_the_middle_it_has_kept_all_that_it_answered(tmp_path: Path, client_for: ClientFor) -> None:
    state = ("--state", str(tmp_path / "sandbox.sqlite"))
    answered: dict[str, str] = {}
    process = Process(*MODULE, *state)
    client = client_for(KEY, url=process.url)

    def create(worker: int) -> None:
        for n in range(1000):
            key = f"{worker}-{n}"
            try:
                answered[key] = client.v1.products.create({"name": key}, {"idempotency_key": key}).id
            except stripe.APIConnectionError:
                return

    workers = [threading.Thread(target=create, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    while len(answered) < 60:
        threading.Event().wait(0.01)
    process.kill()
    for worker in workers:
        worker.join()

    with Process(*MODULE, *state) as again:
        client = client_for(KEY, url=again.url)
        kept = {
            product.name: product.id for product in client.v1.products.list({"limit": 100}).auto_paging_iter()
        }
        replayed = {
            key: client.v1.products.create({"name": key}, {"idempotency_key": key}).id
            for key in list(answered)[:20]
        }
        created = client.v1.events.list({"type": "product.created", "limit": 100}).auto_paging_iter()
        told = {event.data.object.id for event in created}

    assert answered.items() <= kept.items()
    assert replayed.items() <= answered.items()
    assert told == set(kept.values())


def test_a_violation_of_the_schema_is_logged_loudly_and_shown(tmp_path: Path, client_for: ClientFor) -> None:
    state = tmp_path / "sandbox.sqlite"
    with Process(*MODULE, "--state", str(state)) as process:
        product = client_for(KEY, url=process.url).v1.products.create({"name": "A"})
    with sqlite3.connect(state) as database:
        database.execute("UPDATE object SET body = json_remove(body, '$.name') WHERE kind = 'product'")

    with Process(*MODULE, "--state", str(state)) as process:
        with pytest.raises(stripe.APIError, match="The sandbox broke Stripe's schema"):
            client_for(KEY, url=process.url).v1.products.retrieve(product.id)
        overview = requests.get(f"{process.url}/_sandbox", timeout=5).json()
        page = requests.get(f"{process.url}/_sandbox/", headers={"Accept": "text/html"}, timeout=5).text

    assert overview["schema_violations"] == ["products.retrieve .name: Product must have it"]
    assert "products.retrieve .name: Product must have it" in page
    assert "THE SANDBOX BROKE STRIPE'S SCHEMA" in process.errors


def test_a_sandbox_that_broke_the_schema_fails_the_test_that_used_it() -> None:
    with (
        pytest.raises(AssertionError, match="the sandbox broke Stripe's schema: products"),
        Sandbox() as sandbox,
    ):
        sandbox.schema_violations.append("products.retrieve .name: Product must have it")


def test_a_state_of_another_version_of_the_api_is_not_taken_up(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.sqlite"
    with Sandbox(state_path=state) as sandbox:
        sandbox.reset()
    with sqlite3.connect(state) as database:
        kept = database.execute("SELECT value FROM setting WHERE name = 'api_version'").fetchall()
        database.execute(
            "UPDATE setting SET value = ? WHERE name = 'api_version'", [json.dumps("2020-01-01.old")]
        )

    with pytest.raises(ValueError, match=r"was kept by the API's version 2020-01-01\.old"):
        Sandbox(state_path=state)

    assert kept == [(json.dumps(stripe.api_version),)]
