"""The web site of a shop, as strict as its Content-Security-Policy can be, for browsers to pay in."""

import json
import threading
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pay here</title>
<link rel="icon" href="/icon"><link rel="stylesheet" href="/shop.css">
<script src="{sandbox}/endive/stripe.js"></script>
<script src="/shop.js" defer></script>
</head>
<body data-settings="{settings}">
<main><h1>Pay here</h1>
<form id="form"><div id="payment"></div><button>Pay</button></form>
<p id="message" role="alert"></p></main>
</body>
</html>"""

SCRIPT = """
const settings = JSON.parse(document.body.dataset.settings);
const say = (text) => { document.getElementById("message").textContent = text; };
window.told = [];
window.stripe = Stripe(settings.key);
const { clientSecret, appearance } = settings;
window.elements = stripe.elements({ clientSecret, appearance, locale: "en" });
window.payment = elements.create("payment", {});
for (const event of ["ready", "change", "loaderror"]) {
  payment.on(event, (details) => told.push([event, details]));
}
payment.mount("#payment");
document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  say("…");
  const { error, paymentIntent } = await stripe.confirmPayment({
    elements, confirmParams: { return_url: settings.returnUrl }, redirect: settings.redirect,
  });
  window.error = error;
  say(error ? error.message : `Status: ${paymentIntent.status}`);
});
"""

STYLE = """
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: #fff; color: #1c2320; }
body[data-settings*="night"] { background: #10161a; color: #eee; }
main { max-width: 30rem; margin: 2rem auto; padding: 0 1rem; }
button { width: 100%; min-height: 3rem; margin-top: 1rem; font: inherit; font-weight: 600; }
"""


@dataclass
class Merchant:
    sandbox: str
    visits: list[dict[str, str]] = field(default_factory=list)
    """What came with each visit of the page that customers return to."""

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def return_url(self) -> str:
        return f"{self.url}/return?order=5"

    def page(self, *, key: str, secret: str, redirect: str = "always", **more: Any) -> str:
        """The address of a page that pays an intent."""
        settings = {
            "key": key, "clientSecret": secret, "redirect": redirect, "returnUrl": self.return_url, **more,
        }  # fmt: skip
        return f"{self.url}/pay?" + urlencode({"settings": json.dumps(settings)})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        merchant = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = merchant.answer(self.path)
                self.send_response(200)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Security-Policy", merchant.policy)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *values: object) -> None:
                pass

        return Handler

    @property
    def policy(self) -> str:
        return (
            f"default-src 'none'; script-src 'self' {self.sandbox}; frame-src {self.sandbox}; "
            f"connect-src {self.sandbox}; style-src 'self'; img-src 'self'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )

    def answer(self, target: str) -> tuple[str, str]:
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/shop.js":
            return "text/javascript", SCRIPT
        if parts.path == "/shop.css":
            return "text/css", STYLE
        if parts.path == "/pay":
            page = PAGE.replace("{sandbox}", self.sandbox)
            return "text/html", page.replace("{settings}", escape(query["settings"]))
        if parts.path in ("/return", "/thanks"):
            self.visits.append(query)
        return (
            "text/html",
            f'<!doctype html><html lang="en"><title>Shop</title><h1>At the shop {parts.path}</h1>',
        )

    def __enter__(self) -> "Merchant":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
