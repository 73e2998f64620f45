"""Telegram for tests: one that remembers what is said, and a server as unreliable as any network."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: What was said through Remembering: chat and HTML. The fixture `said` empties it.
said: list[tuple[str, str]] = []


class Remembering:
    """The setting TELEGRAM_BACKEND names it in tests."""

    def say(self, *, chat: str, html: str, at: datetime) -> None:
        said.append((chat, html))

    def news(self, *, after: int, at_most: int) -> list[dict[str, Any]]:
        return []


@dataclass(frozen=True)
class Answer:
    """What the server does with one request.

    kind: "answer", or "slow" (later than anybody waits), "drip" (a byte now and then), "cut" (the connection
    ends within the answer), "hang up" (without any).
    """

    status: int = 200
    body: dict[str, Any] = field(default_factory=lambda: {"ok": True, "result": {"message_id": 1}})
    kind: str = "answer"


def refusal(status: int, description: str = "", **parameters: Any) -> Answer:
    """An error as the Bot API words it."""
    body = {"ok": False, "error_code": status, "description": description}
    return Answer(status, {**body, "parameters": parameters} if parameters else body)


class FakeTelegram:
    """A Bot API on a port of this machine. answers: what it does next, in this order; then it says yes.

    requests: method, parameters of each call; strangers: paths of calls with another token.
    """

    def __init__(self, *, token: str) -> None:
        self.token = token
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.strangers: list[str] = []
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def said(self) -> list[tuple[str, str]]:
        """Chat and text of what it took."""
        return [
            (asked["chat_id"], asked["text"]) for method, asked in self.requests if method == "sendMessage"
        ]

    def next(self, path: str, asked: dict[str, Any]) -> Answer:
        prefix = f"/bot{self.token}/"
        if not path.startswith(prefix):
            self.strangers.append(path)
            return refusal(401, "Unauthorized")
        method = path.removeprefix(prefix)
        self.requests.append((method, asked))
        if self.answers:
            return self.answers.pop(0)
        return Answer(body={"ok": True, "result": []}) if method == "getUpdates" else Answer()

    @contextmanager
    def running(self) -> Iterator[FakeTelegram]:
        thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _handler(telegram: FakeTelegram) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = telegram.next(self.path, asked)
            body = json.dumps(answer.body).encode()
            if answer.kind == "slow":
                telegram.over.wait(5)
            if answer.kind in ("slow", "hang up"):
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if answer.kind == "cut":
                self.wfile.write(body[:5])
                return
            if answer.kind == "drip":
                for byte in body:
                    if telegram.over.wait(0.05):
                        return
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                return
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Nothing: a test's output is its own."""

    return Handler
