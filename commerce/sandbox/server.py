"""HTTP on the loopback: threads, keep-alive, and each answer in a single send."""

import io
import ipaddress
import logging
import socket
import string
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, urlsplit

from commerce.sandbox.clock import Clock
from commerce.sandbox.http_messages import LineCut, Request, Response

log = logging.getLogger(__name__)

Application = Callable[[Request], Response]
_LARGEST_BODY = 1_000_000
_IDLE_SECONDS = 75.0
_IN_HEADERS = string.digits + string.ascii_letters + string.punctuation + " "


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Server(ThreadingHTTPServer):
    """Serves one application. `patience` is the seconds in which a request must have come in whole.

    Raises ValueError for an address that others could reach, OSError for one in use.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, host: str, port: int, application: Application, *, patience: float = 30.0) -> None:
        if not is_loopback(host):
            raise ValueError(f"the Stripe sandbox binds loopback addresses only (127.0.0.1, ::1), not {host}")
        self.application = application
        self.patience = patience
        self._connections: set[socket.socket] = set()
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """End kept-alive connections, so that a client of a stopped sandbox notices."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("a connection was closed already")

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("a client went away: %s", client_address)


def _length(text: str) -> int | None:
    """The length of a body that is taken, None for any other."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return None
    return int(text) if int(text) <= _LARGEST_BODY else None


class _Incoming(io.RawIOBase):
    """What a client sends: it may be idle between requests, but not dawdle within one."""

    def __init__(self, connection: socket.socket, patience: float) -> None:
        self._connection = connection
        self._patience = patience
        self._deadline: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        now = Clock.ticks()
        rest = _IDLE_SECONDS if self._deadline is None else self._deadline - now
        if rest <= 0:
            raise TimeoutError("the request did not come in whole in time")
        self._connection.settimeout(rest)
        count = self._connection.recv_into(buffer)
        if self._deadline is None:
            self._deadline = now + self._patience
        return count

    def request_is_in(self) -> None:
        """The request has been read: the client may take as long as before for the next."""
        self._deadline = None
        self._connection.settimeout(self._patience)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self._incoming = _Incoming(self.connection, self.server.patience)
        self.rfile.close()
        self.rfile = io.BufferedReader(self._incoming)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_OPTIONS(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def _serve(self) -> None:
        if not self._is_for_us():
            # A page elsewhere whose name is made to point here must not reach the control API. Nor must what
            # it put into its body: that would be taken for the next request.
            self._refuse(403, b"The Stripe sandbox answers to loopback names only.\n")
            return
        lengths = self.headers.get_all("Content-Length", ["0"])
        length = _length(lengths[0])
        if self.headers.get("Transfer-Encoding") or len(lengths) > 1 or length is None:
            self._refuse(413, b"The body is too large, or of unknown length.\n")
            return
        body = self.rfile.read(length)
        self._incoming.request_is_in()
        if len(body) == length:
            self._answer(body)
        else:
            self.close_connection = True

    def _is_for_us(self) -> bool:
        hosts = self.headers.get_all("Host", [])
        try:
            urlsplit(self.path)
            return len(hosts) == 1 and is_loopback(urlsplit(f"//{hosts[0]}").hostname or "")
        except ValueError:
            return False

    def _refuse(self, status: int, words: bytes) -> None:
        self.close_connection = True
        self._send(Response(status, words, "text/plain"))

    def _answer(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        verb = "GET" if self.command == "HEAD" else self.command
        try:
            response = self.server.application(Request(verb, self.path, headers, body))
        except LineCut:
            self.close_connection = True
            return
        except Exception:
            log.exception("the sandbox failed on %s %s", self.command, self.path)
            failure = b'{"error": {"type": "api_error", "message": "The sandbox failed; see its log."}}'
            response = Response(500, failure)
        self._send(response)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            # Shops choose addresses that a header repeats: they must not end it and begin another.
            self.send_header(name, quote(value, safe=_IN_HEADERS))
        if self.close_connection:
            self.send_header("Connection", "close")
        # Headers and body in one send: in two, delayed acknowledgement costs 40 ms a call.
        socket_file, self.wfile = self.wfile, io.BytesIO()
        self.end_headers()
        head, self.wfile = self.wfile.getvalue(), socket_file
        self.wfile.write(head if self.command == "HEAD" else head + response.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no request at all; the library would answer HTML that repeats what was sent."""
        self.command = getattr(self, "command", None) or "GET"
        self.request_version = self.request_version or "HTTP/1.0"
        self._refuse(code, f"{self.responses.get(code, ('Not a request', ''))[0]}.\n".encode())

    def version_string(self) -> str:
        return "stripe-sandbox"

    def log_message(self, format: str, *values: object) -> None:
        log.info("%s", format % values)
