"""The words of a message: as an e-mail, and as Telegram takes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.text import Truncator

from accounts.models import Message, User
from accounts.notifications import Kind, kind_of
from accounts.services import choosing, unsubscribing

#: What one message of Telegram holds, counted without its tags.
LONGEST_TELEGRAM = 4096
TELEGRAM_TAGS = frozenset({"a", "b", "blockquote", "code", "em", "i", "pre", "s", "strong", "u"})
TELEGRAM_LINKS = ("https://", "http://", "mailto:")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Words:
    """What a letter says. Only text for the staff chat; then there is no html."""

    subject: str
    preheader: str
    text: str
    html: str


def letter(*, message: Message) -> EmailMultiAlternatives:
    """The e-mail of a message, in its recipient's language. Raises notifications.UnknownKind."""
    kind, reader = kind_of(message.kind), message.recipient
    assert reader is not None, "the staff chat has no address"
    unsubscribe_url = unsubscribing.link(user=reader, kind=kind) if unsubscribing.is_possible(kind) else ""
    said = _letter(kind, reader, {**_words(message, kind), "unsubscribe_url": unsubscribe_url})
    mail = EmailMultiAlternatives(
        said.subject,
        said.text,
        settings.DEFAULT_FROM_EMAIL,
        [reader.email],
        headers=_headers(message, unsubscribe_url),
    )
    mail.attach_alternative(said.html, "text/html")
    return mail


def sample(*, kind: Kind, reader: User) -> Words:
    """A letter of a kind with invented words, as a reader would get it."""
    assert kind.sample is not None, "this kind has no sample"
    words = {**_of_portal(reader), **kind.sample()}
    if unsubscribing.is_possible(kind):
        words["unsubscribe_url"] = f"{settings.PORTAL_BASE_URL}/"
    if kind.to_staff:
        with _as_read_by(None):
            said = render_to_string(f"{kind.folder}/telegram.html", words)
        return Words(subject="", preheader="", text=_for_telegram(said), html="")
    return _letter(kind, reader, words)


def _letter(kind: Kind, reader: User, words: dict[str, Any]) -> Words:
    with _as_read_by(reader):
        text = render_to_string(f"{kind.folder}/body.txt", words)
        preheader = _first_words(text)
        html = render_to_string(f"{kind.folder}/body.html", {**words, "preheader": preheader})
        return Words(subject=_subject(kind, words), preheader=preheader, text=text, html=html)


def _first_words(text: str) -> str:
    """What lists of mail show behind the subject: how the letter goes on after its greeting."""
    paragraphs = [" ".join(each.split()) for each in text.split("\n\n")]
    return Truncator(next((each for each in paragraphs[1:] if each), "")).chars(110)


def _headers(message: Message, unsubscribe_url: str) -> dict[str, str]:
    """A letter that goes out twice, for the answer to the first was lost, has one name both times."""
    host = urlsplit(settings.PORTAL_BASE_URL).hostname or "localhost"
    headers = {
        "Auto-Submitted": "auto-generated",  # nobody's absence answers a machine
        "Message-ID": f"<message-{message.pk}.{message.created_at:%Y%m%d%H%M%S%f}@{host}>",
    }
    if unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def title(*, message: Message) -> str:
    """The line that names a message to a person, in their language. Raises notifications.UnknownKind."""
    kind = kind_of(message.kind)
    with _as_read_by(message.recipient):
        return _subject(kind, _words(message, kind))


def telegram(*, message: Message) -> str:
    """A message as Telegram takes it: its HTML, at most 4096 characters. Raises notifications.UnknownKind.

    To the staff in words of its own; to a person what the letter says.
    """
    kind = kind_of(message.kind)
    words = _words(message, kind)
    with _as_read_by(message.recipient):
        html: str
        if kind.to_staff:
            html = render_to_string(f"{kind.folder}/telegram.html", words)
        else:
            text = escape(render_to_string(f"{kind.folder}/body.txt", words), quote=False)
            html = f"<b>{escape(_subject(kind, words), quote=False)}</b>\n\n{text}"
    return _for_telegram(html)


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


def _for_telegram(html: str) -> str:
    lines = "\n".join(" ".join(line.split()) for line in html.splitlines())
    return fit(re.sub(r"\n{3,}", "\n\n", lines).strip())


def _subject(kind: Kind, words: dict[str, Any]) -> str:
    return " ".join(render_to_string(f"{kind.folder}/subject.txt", words).split())


def _words(message: Message, kind: Kind) -> dict[str, Any]:
    """What the templates are filled with: some of it is text already, so made as its reader reads."""
    with _as_read_by(message.recipient):
        return {**kind.words(message), **_of_portal(message.recipient)}


def _of_portal(reader: User | None) -> dict[str, Any]:
    return {
        "recipient": reader,
        "portal_name": settings.PORTAL_NAME,
        "portal_url": settings.PORTAL_BASE_URL,
    }


@contextmanager
def _as_read_by(reader: User | None) -> Iterator[None]:
    """In the reader's language, with times as their clock shows them; in the site's for the staff chat."""
    language = reader.language if reader else ""
    zone = choosing.zone_of(reader) if reader else timezone.get_default_timezone()
    with translation.override(language or settings.LANGUAGE_CODE), timezone.override(zone):
        yield
