"""The headers of the sandbox's pages: nothing comes from elsewhere, and forms lead only where they may."""

from urllib.parse import urlsplit, urlunsplit

_SIBLINGS = {"localhost": "127.0.0.1", "127.0.0.1": "localhost"}


def page_headers(*, leads_to: str | None = None, in_frame: bool = False) -> dict[str, str]:
    """`leads_to` is where a form sends its customer on; a page `in_frame` of a shop's page has scripts."""
    targets = " ".join(["'self'", *(_origins(leads_to) if leads_to else [])])
    ancestors = "*" if in_frame else "'none'"
    scripts = "script-src 'self'; connect-src 'self'; " if in_frame else ""
    policy = (
        f"default-src 'none'; style-src 'self'; {scripts}img-src data:; "
        f"form-action {targets}; base-uri 'none'; frame-ancestors {ancestors}"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _origins(address: str) -> list[str]:
    """The origin of an address and, on the loopback, of its other name, to which a shop may send on."""
    parts = urlsplit(address)
    if not parts.netloc:
        return [f"{parts.scheme}:"]
    origins = [urlunsplit((parts.scheme, parts.netloc, "", "", ""))]
    if parts.hostname in _SIBLINGS:
        port = f":{parts.port}" if parts.port else ""
        origins.append(f"{parts.scheme}://{_SIBLINGS[parts.hostname]}{port}")
    return origins
