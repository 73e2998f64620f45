"""A mail server for tests that counts, and can stop the world at a letter, to see what a kill leaves."""

from __future__ import annotations

import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class MailSink:
    """Takes every letter. taken: how often each address got one; names: their Message-IDs, in order.

    at_letter: called with the number of a letter that has come whole, before it is answered. What it gives
    says whether the letter is taken; whoever was killed meanwhile never hears the answer.
    """

    at_letter: Callable[[int], bool] = lambda number: True
    taken: Counter[str] = field(default_factory=Counter)
    names: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _come: int = 0

    def take(self, recipients: list[str], letter: bytes) -> bool:
        with self._lock:
            self._come += 1
            if not self.at_letter(self._come):
                return False
            name = next(
                (line for line in letter.splitlines() if line.lower().startswith(b"message-id:")), b""
            )
            for address in recipients:
                self.taken[address] += 1
                self.names.append((address, name.partition(b":")[2].strip().decode()))
            return True

    @contextmanager
    def running(self) -> Iterator[MailSink]:
        server = _Server(("127.0.0.1", 0), _handler(self))
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def _handler(sink: MailSink) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            try:
                self.talk()
            except (BrokenPipeError, ConnectionResetError):
                return  # the other side was killed

        def talk(self) -> None:
            self.say("220 sink")
            recipients: list[str] = []
            while line := self.rfile.readline():
                word = line.split()[0].upper() if line.split() else b""
                if word == b"DATA":
                    self.say("354 go on")
                    self.say("250 taken" if sink.take(recipients, self.letter()) else "451 not now")
                    recipients = []
                elif word == b"RCPT":
                    recipients.append(line.split(b"<")[1].split(b">")[0].decode())
                    self.say("250 ok")
                elif word == b"QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

        def letter(self) -> bytes:
            lines: list[Any] = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            return b"".join(lines)

    return Handler
