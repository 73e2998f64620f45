"""The words of a message: as an e-mail, and as Telegram takes them."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.utils import translation

from accounts.models import Message
from accounts.notifications import Kind, kind_of

#: What one message of Telegram holds, counted without its tags.
LONGEST_TELEGRAM = 4096
TELEGRAM_TAGS = frozenset({"a", "b", "blockquote", "code", "em", "i", "pre", "s", "strong", "u"})
TELEGRAM_LINKS = ("https://", "http://", "mailto:")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def letter(*, message: Message) -> EmailMultiAlternatives:
    """The e-mail of a message, in its recipient's language. Raises notifications.UnknownKind."""
    kind = kind_of(message.kind)
    assert message.recipient is not None, "the staff chat has no address"
    words = _words(message, kind)
    with translation.override(_language(message)):
        subject = " ".join(render_to_string(f"{kind.folder}/subject.txt", words).split())
        text = render_to_string(f"{kind.folder}/body.txt", words)
        html = render_to_string(f"{kind.folder}/body.html", words)
    mail = EmailMultiAlternatives(
        subject, text, settings.DEFAULT_FROM_EMAIL, [message.recipient.email], connection=get_connection()
    )
    mail.attach_alternative(html, "text/html")
    return mail


def telegram(*, message: Message) -> str:
    """A message as Telegram takes it: its HTML, at most 4096 characters. Raises notifications.UnknownKind."""
    kind = kind_of(message.kind)
    with translation.override(_language(message)):
        html = render_to_string(f"{kind.folder}/telegram.html", _words(message, kind))
    lines = "\n".join(" ".join(line.split()) for line in html.splitlines())
    return fit(re.sub(r"\n{3,}", "\n\n", lines).strip())


def fit(html: str, *, at_most: int = LONGEST_TELEGRAM) -> str:
    """html with nothing in it but what Telegram knows, cut to at_most characters with every tag closed.

    Characters are counted as Telegram does: after tags and entities are read, in units of UTF-16.
    """
    whole = _Fitter(room=at_most)
    whole.feed(html)
    whole.close()
    if not whole.is_cut:
        return whole.result()
    cut = _Fitter(room=at_most - 1)
    cut.feed(html)
    cut.close()
    return cut.result(ending="…")


class _Fitter(HTMLParser):
    """Writes what it reads again, as far as there is room."""

    def __init__(self, *, room: int) -> None:
        super().__init__(convert_charrefs=True)
        self.room = room
        self.is_cut = False
        self._written: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.handle_data("\n")
        if self.is_cut or tag not in TELEGRAM_TAGS:
            return
        if tag == "a":
            address = (dict(attrs).get("href") or "").strip()
            if not address.lower().startswith(TELEGRAM_LINKS):
                return
            self._written.append(f'<a href="{escape(CONTROLS.sub("", address))}">')
        else:
            self._written.append(f"<{tag}>")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.is_cut or tag not in self._open:
            return
        while True:
            closed = self._open.pop()
            self._written.append(f"</{closed}>")
            if closed == tag:
                return

    def handle_data(self, data: str) -> None:
        if self.is_cut:
            return
        text = _readable(data)
        taken = _units(text)
        if taken > self.room:
            text = text.encode("utf-16-le")[: 2 * self.room].decode("utf-16-le", "ignore")
            taken, self.is_cut = self.room, True
        self.room -= taken
        self._written.append(escape(text, quote=False))

    def result(self, *, ending: str = "") -> str:
        return "".join([*self._written, ending, *(f"</{tag}>" for tag in reversed(self._open))])


def _readable(text: str) -> str:
    """text without what no message may hold: control characters, and halves of characters."""
    return CONTROLS.sub("", text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _words(message: Message, kind: Kind) -> dict[str, Any]:
    return {
        **kind.words(message),
        "recipient": message.recipient,
        "portal_name": settings.PORTAL_NAME,
        "portal_url": settings.PORTAL_BASE_URL,
    }


def _language(message: Message) -> str:
    chosen = message.recipient.language if message.recipient else ""
    return chosen or settings.LANGUAGE_CODE
