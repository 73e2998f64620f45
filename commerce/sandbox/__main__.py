"""Start the sandbox: `python -m commerce.sandbox --port 12111`."""

# ruff: noqa: T201 - a command speaks on its terminal

import argparse
import logging
import signal
import sys

from commerce.sandbox import Sandbox, WebhookEndpoint
from commerce.sandbox.backend import DEBIT_DELAY


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C; 1 if the address is in use, 2 for arguments that cannot be."""
    wishes = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if wishes.verbose else logging.WARNING, format="%(levelname)s %(message)s"
    )
    endpoints = [WebhookEndpoint(api_key=key, url=url, secret=secret) for key, url, secret in wishes.endpoint]
    try:
        sandbox = Sandbox(
            host=wishes.host,
            port=wishes.port,
            state_path=wishes.state,
            endpoints=endpoints,
            debit_delay=wishes.debit_delay,
        )
        # A shell starts what it puts in the background with Ctrl-C ignored; the sandbox heeds it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return _serve(sandbox, wishes)
    except ValueError as problem:
        print(f"stripe sandbox: {problem}", file=sys.stderr)
        return 2


def _serve(sandbox: Sandbox, wishes: argparse.Namespace) -> int:
    try:
        sandbox.bind()
    except OSError as problem:
        print(
            f"stripe sandbox: cannot listen on {wishes.host}:{wishes.port}: {problem.strerror}.",
            file=sys.stderr,
        )
        print("Is another one running? Stop it, or choose another --port.", file=sys.stderr)
        return 1
    print(
        f"Stripe sandbox on {sandbox.url} (no real money). See {sandbox.url}/_sandbox/; Ctrl-C stops it.",
        flush=True,
    )
    try:
        sandbox.serve_forever()
    except KeyboardInterrupt:
        print("Stripe sandbox stopped.")
    finally:
        sandbox.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m commerce.sandbox", description="A stand-in for Stripe.")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=12111, help="default: %(default)s; 0 takes a free one")
    parser.add_argument(
        "--state", metavar="FILE", help="keep the state here, so that a restart loses nothing"
    )
    parser.add_argument(
        "--endpoint",
        nargs=3,
        action="append",
        default=[],
        metavar=("SECRET_KEY", "URL", "WEBHOOK_SECRET"),
        help="send the events of a key's account to a URL, signed with the secret; may be repeated",
    )
    parser.add_argument(
        "--debit-delay",
        type=int,
        default=DEBIT_DELAY,
        metavar="SECONDS",
        help="after how long a bank debit settles (default: three days)",
    )
    parser.add_argument("--verbose", action="store_true", help="log every call")
    return parser


if __name__ == "__main__":
    sys.exit(main())
