"""Which requests a page of another site may have sent: those change nothing here."""

from urllib.parse import urlsplit

from commerce.sandbox.http_messages import Request

_OWN = ("same-origin", "none")


def is_sent_from_elsewhere(request: Request) -> bool:
    """Whether a browser says that another page than the sandbox's own sent this.

    Programs send neither header. Browsers send `Origin` with every POST: `null` when they hide whose it is.
    """
    origin = request.headers.get("origin")
    if origin is not None and not _is_same(origin, request.headers.get("host", "")):
        return True
    return request.verb != "GET" and request.headers.get("sec-fetch-site", "none") not in _OWN


def _is_same(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme == "http" and parts.netloc == host
