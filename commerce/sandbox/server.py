"""HTTP on the loopback: threads, keep-alive, and each answer in a single send."""

import io
import ipaddress
import logging
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from commerce.sandbox.http_messages import LineCut, Request, Response

log = logging.getLogger(__name__)

Application = Callable[[Request], Response]
_LARGEST_BODY = 1_000_000


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Server(ThreadingHTTPServer):
    """Serves one application.

    Raises ValueError for an address that others could reach, OSError for one in use.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, host: str, port: int, application: Application) -> None:
        if not is_loopback(host):
            raise ValueError(f"the Stripe sandbox binds loopback addresses only (127.0.0.1, ::1), not {host}")
        self.application = application
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 75
    server: Server

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
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        length = self.headers.get("Content-Length", "0")
        if not is_loopback(host):
            # A page elsewhere whose name is made to point here must not reach the control API.
            self._send(Response(403, b"The Stripe sandbox answers to loopback names only.\n", "text/plain"))
        elif self.headers.get("Transfer-Encoding") or not length.isdigit() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._send(Response(413, b"The body is too large, or of unknown length.\n", "text/plain"))
        else:
            self._answer(self.rfile.read(int(length)))

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
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        # Headers and body in one send: in two, delayed acknowledgement costs 40 ms a call.
        socket_file, self.wfile = self.wfile, io.BytesIO()
        self.end_headers()
        head, self.wfile = self.wfile.getvalue(), socket_file
        self.wfile.write(head if self.command == "HEAD" else head + response.body)

    def version_string(self) -> str:
        return "stripe-sandbox"

    def log_message(self, format: str, *values: object) -> None:
        log.info("%s", format % values)
