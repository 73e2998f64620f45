"""The rule about links in learning materials: YouTube, the portal itself, and nothing else.

Plain Python, so that every door (CMS, API, commands) can ask it. Five questions:

* ``parse_youtube(url)`` — which video or playlist is it? Raises `LinkRefused` otherwise.
* ``require_youtube(url)`` — does the link stay on YouTube? Channels pass too, redirectors do not.
* ``outside_links(text)`` — which links in rich text, Markdown or plain text lead elsewhere?
* ``outside_addresses(text)`` — which addresses, in words that are shown as they are, lead elsewhere?
* ``portal_links(html)`` — which links lead to the portal itself, and may be redirected from there?

An address is accepted only in a spelling on which every URL parser agrees: after the refusals below a
browser, `urllib` and this module read the same host. Code samples are text like any other: an address in them
can be copied and followed as well. Addresses of the portal itself are written without a host (``/courses/``)
or chosen with the page chooser; e-mail and telephone links lead outside and are refused.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode

YOUTUBE_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com"})
SHORT_HOSTS = frozenset({"youtu.be"})
EMBED_HOSTS = frozenset({"youtube-nocookie.com", "www.youtube-nocookie.com"})
VIDEO_HOSTS = YOUTUBE_HOSTS | SHORT_HOSTS | EMBED_HOSTS

DEFAULT_PORTS = {"http": "80", "https": "443"}


class Refusal(StrEnum):
    """Why a link was refused; each has one message for people in `portal.content.validators`."""

    HIDDEN_CHARACTERS = "hidden_characters"
    SCHEME = "scheme"
    NOT_AN_ADDRESS = "not_an_address"
    USER_INFORMATION = "user_information"
    PORT = "port"
    HOST = "host"
    NOT_A_VIDEO = "not_a_video"
    LEAVES_YOUTUBE = "leaves_youtube"
    RELATIVE = "relative"
    REDIRECTED = "redirected"
    LOOK_ALIKE = "look_alike"


class LinkRefused(ValueError):
    """A link that materials may not carry: ``link`` as it is written, ``reason`` for the rule it breaks."""

    def __init__(self, link: str, reason: Refusal):
        super().__init__(f'"{link}" is refused: {reason.value.replace("_", " ")}')
        self.link = link
        self.reason = reason


@dataclass(frozen=True)
class Video:
    """A YouTube video, a playlist, or a video inside a playlist, however it was written.

    ``id`` is empty for a whole playlist; ``playlist_id`` is empty for a video alone.
    """

    id: str
    start_seconds: int = 0
    playlist_id: str = ""
    title: str = ""

    def titled(self, title: str) -> "Video":
        return replace(self, title=title)

    @property
    def embed_url(self) -> str:
        """The player on the host that sets no cookies before it plays."""
        query: dict[str, str | int] = {}
        if self.start_seconds:
            query["start"] = self.start_seconds
        if self.playlist_id:
            query["list"] = self.playlist_id
        address = f"https://www.youtube-nocookie.com/embed/{self.id or 'videoseries'}"
        return f"{address}?{urlencode(query)}" if query else address

    @property
    def watch_url(self) -> str:
        """The one canonical address."""
        if not self.id:
            return f"https://www.youtube.com/playlist?{urlencode({'list': self.playlist_id})}"
        query: dict[str, str] = {"v": self.id}
        if self.playlist_id:
            query["list"] = self.playlist_id
        if self.start_seconds:
            query["t"] = f"{self.start_seconds}s"
        return f"https://www.youtube.com/watch?{urlencode(query)}"


# --- One address ---

_ADDRESS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.\-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*:", re.IGNORECASE)
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_PLAYLIST_ID = re.compile(r"[A-Za-z0-9_-]{2,64}")
_VIDEO_PATH = re.compile(r"/(?:shorts|live|embed|v)/([A-Za-z0-9_-]{11})/?")
_EMBED_PATH = re.compile(r"/(?:embed|v)/([A-Za-z0-9_-]{11})/?")
_SHORT_PATH = re.compile(r"/([A-Za-z0-9_-]{11})/?")
_CHANNEL_PATH = re.compile(
    r"/?|/@[\w.\-·]{1,100}(?:/[a-z]+)?/?|/results/?"
    # The lookahead: a browser reads `/c/../redirect` as `/redirect`.
    r"|/(?:channel|c|user|hashtag)/(?!\.+(?:/|$))[\w.\-]{1,100}(?:/[a-z]+)?/?"
)
_CLOCK = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,6})s?)?")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Cs", "Co", "Cn"})


@dataclass(frozen=True)
class _Address:
    host: str
    host_as_written: str
    path: str
    query: list[tuple[str, str]]
    fragment: str

    def value(self, link: str, name: str) -> str:
        """The value of a query parameter, "" without one. Two different values raise `LinkRefused`."""
        values = {value for key, value in self.query if key == name}
        if len(values) > 1:
            raise LinkRefused(link, Refusal.NOT_A_VIDEO)
        return values.pop() if values else ""


def _has_hidden_characters(text: str) -> bool:
    return any(
        character == "\\" or unicodedata.category(character) in _HIDDEN_CATEGORIES for character in text
    )


def _read_address(link: str) -> _Address:
    """Take an http(s) link apart. Raises `LinkRefused` for spellings that parsers read differently."""
    if _has_hidden_characters(link):
        raise LinkRefused(link, Refusal.HIDDEN_CHARACTERS)
    match = _ADDRESS.fullmatch(link)
    if match is None:
        raise LinkRefused(link, Refusal.SCHEME if _SCHEME.match(link) else Refusal.NOT_AN_ADDRESS)
    scheme, authority = match["scheme"].lower(), match["authority"]
    if scheme not in DEFAULT_PORTS:
        raise LinkRefused(link, Refusal.SCHEME)
    if "@" in unicodedata.normalize("NFKC", authority):
        raise LinkRefused(link, Refusal.USER_INFORMATION)
    name, colon, port = authority.partition(":")
    if colon and port != DEFAULT_PORTS[scheme]:
        raise LinkRefused(link, Refusal.PORT)
    # Browsers map a host by UTS 46, which for the letters of these names equals NFKC and case folding; urllib
    # does not, so `ｙｏｕｔｕｂｅ.com` is refused in the end, but with a message of its own.
    return _Address(
        host=unicodedata.normalize("NFKC", name).casefold(),
        host_as_written=name,
        path=match["path"],
        query=parse_qsl(match["query"] or "", keep_blank_values=True),
        fragment=match["fragment"] or "",
    )


def _read_youtube_address(link: str) -> _Address:
    address = _read_address(link)
    if address.host not in VIDEO_HOSTS:
        raise LinkRefused(link, Refusal.HOST)
    if not address.host_as_written.isascii():
        raise LinkRefused(link, Refusal.LOOK_ALIKE)
    return address


def _seconds(written: str) -> int:
    """``90``, ``90s``, ``1m30s``, ``1h2m3s`` → seconds; 0 for what is not a time."""
    match = _CLOCK.fullmatch(written)
    if match is None:
        return 0
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _start(address: _Address) -> int:
    marks = dict(address.query)
    fragment = dict(parse_qsl(address.fragment))
    return _seconds(marks.get("t") or marks.get("start") or fragment.get("t") or "")


def _video_id(link: str, address: _Address) -> str:
    """The video's id, or "" when the path is that of a playlist. Raises `LinkRefused` for any other page."""
    if address.host in SHORT_HOSTS:
        match = _SHORT_PATH.fullmatch(address.path)
    elif address.host in EMBED_HOSTS:
        match = _EMBED_PATH.fullmatch(address.path)
    elif address.path.rstrip("/") == "/watch":
        match = _VIDEO_ID.fullmatch(address.value(link, "v"))
        return match[0] if match else _refuse_video(link)
    else:
        match = _VIDEO_PATH.fullmatch(address.path)
    if match is not None and match[1] != "videoseries":
        return match[1]
    is_playlist = address.path.rstrip("/") == "/embed/videoseries" or (
        address.host in YOUTUBE_HOSTS and address.path.rstrip("/") == "/playlist"
    )
    return "" if is_playlist else _refuse_video(link)


def _refuse_video(link: str) -> str:
    raise LinkRefused(link, Refusal.NOT_A_VIDEO)


def parse_youtube(url: str) -> Video:
    """Read the address of a YouTube video or playlist: watch, short, live, embed, v, playlist and time forms.

    Raises `LinkRefused` for anything else, other pages of YouTube included.
    """
    address = _read_youtube_address(url)
    video_id = _video_id(url, address)
    playlist_id = address.value(url, "list")
    if playlist_id and not _PLAYLIST_ID.fullmatch(playlist_id):
        raise LinkRefused(url, Refusal.NOT_A_VIDEO)
    if not video_id and not playlist_id:
        raise LinkRefused(url, Refusal.NOT_A_VIDEO)
    return Video(id=video_id, start_seconds=_start(address) if video_id else 0, playlist_id=playlist_id)


def require_youtube(url: str) -> None:
    """Raise `LinkRefused` unless the link leads to a page of YouTube that leads nowhere else.

    Videos, playlists, channels, hashtags and search pass; ``/redirect?q=…`` and its kin do not.
    """
    address = _read_youtube_address(url)
    if address.host in YOUTUBE_HOSTS and _CHANNEL_PATH.fullmatch(address.path):
        return
    try:
        parse_youtube(url)
    except LinkRefused as refused:
        raise LinkRefused(url, Refusal.LEAVES_YOUTUBE) from refused


# --- Links in a text ---

# Top-level domains by which people recognise an address without a scheme and without a path.
_TELLING_DOMAINS = "com|org|edu|gov|ru|рф|xn--p1ai|ua|kz|eu|uk"
# `models.py/…` and `index.html/…` are files, not sites, wherever these are country domains too.
_FILE_EXTENSIONS = (
    "py|js|ts|css|scss|html|htm|xml|json|yml|yaml|toml|ini|cfg|txt|md|rst|csv|sql|sh|rs|go|java|rb|php|c|h|cpp|"
    "png|jpg|jpeg|gif|svg|webp|pdf|zip|gz|tar|po|mo|lock|log|env|exe|in"
)
_LABEL = r"[\w](?:[\w\-]{0,61}[\w])?"
_DOMAIN = rf"(?:[a-z][a-z0-9\-]+|{_TELLING_DOMAINS})"
_TAIL = r"[^\s<>\"'`«»“”]*"
_BARE_LINK = re.compile(
    rf"""
      (?P<absolute>
          \b[a-z][a-z0-9+.\-]{{1,30}}://(?=[\w\[%@\-]){_TAIL}
        | \bhttps?:[\\/]*(?=[\w\[%@\-]){_TAIL}
        | \b(?:javascript|vbscript|mailto|blob|view-source):(?=[^\s]){_TAIL}
        | \bdata:(?:[\w.+\-]+/[\w.+\-]+)?(?:;[\w=\-]+)*,{_TAIL}
        | \btel:\+?\d{_TAIL}
      )
    | (?P<protocol_relative>
          (?<![\w/:.\\])(?://|\\\\|/\\|\\/)(?:{_LABEL}\.)+{_DOMAIN}(?![\w\-(=\[]){_TAIL}
      )
    | (?P<bare> (?<![\w@./\\\-]) (?:
          www\d?\.{_LABEL}(?:\.{_LABEL})*{_TAIL}
        | (?:{_LABEL}\.)+(?:{_TELLING_DOMAINS})(?![\w\-@(=\[]|\.\w){_TAIL}
        | (?:{_LABEL}\.)+(?!(?:{_FILE_EXTENSIONS})\b){_DOMAIN}\.?(?::\d+)?/(?=[^\s]){_TAIL}
        | (?:\d{{1,3}}\.){{3}}\d{{1,3}}(?::\d+)?/{_TAIL}
      ) )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PAGE_ID = re.compile(r"[0-9]{1,9}")
# In the name of a host browsers read it as a dot.
IDEOGRAPHIC_STOP = "\u3002"
_PRESUMED_SCHEME = {"absolute": "", "protocol_relative": "https:", "bare": "https://"}
_TRAILING = ".,;:!?)]}>*|"

_LINK_ATTRIBUTES = frozenset(
    {"action", "background", "cite", "codebase", "data", "formaction", "href", "longdesc", "manifest", "ping"}
    | {"poster", "src", "url", "xlink:href"}
)
# Text runs on across these: `exam<b>ple</b>.com` reads as one address.
_INLINE_TAGS = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "code", "del", "em", "font", "i", "ins", "kbd", "mark", "q", "s", "samp"}
    | {"small", "span", "strong", "sub", "sup", "u", "var", "wbr"}
)


class TolerantParser(HTMLParser):
    """Reads any HTML, the broken included, as browsers do."""

    def parse_html_declaration(self, i: int) -> int:
        """Skip `<![…>` as browsers do; html.parser takes it for SGML and fails on what is none."""
        if self.rawdata.startswith("<![", i):
            return self.parse_bogus_comment(i)
        return super().parse_html_declaration(i)


class _Reader(TolerantParser):
    """Splits HTML into the addresses in its attributes, the other attributes, and what a reader sees.

    Comments, scripts and styles are read as HTML too: where they end, browsers and html.parser disagree.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.page_ids: list[str] = []
        self.words: list[str] = []
        self.text: list[str] = []

    def read(self, text: str) -> None:
        # What comes after the last tag is text; html.parser would look there for the end of each `<`.
        end_of_tags = text.rfind(">") + 1
        self.feed(text[:end_of_tags])
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._break_line_at(tag)
        if ("linktype", "page") in attrs:
            self.page_ids.extend(value or "" for name, value in attrs if name == "id")
        for name, value in attrs:
            if name in _LINK_ATTRIBUTES:
                self.links.append(value or "")
            elif name == "srcset":
                self.links.extend(
                    candidate.split()[0] for candidate in (value or "").split(",") if candidate.strip()
                )
            else:
                self.words.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._break_line_at(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.cdata_elem:
            self._read_hidden(data)

    def handle_comment(self, data: str) -> None:
        self._read_hidden(data)

    def handle_pi(self, data: str) -> None:
        self._read_hidden(data)

    def _read_hidden(self, html: str) -> None:
        hidden = _Reader()
        hidden.read(html)
        self.links += hidden.links
        self.words += hidden.words
        self.page_ids += hidden.page_ids

    def _break_line_at(self, tag: str) -> None:
        if tag not in _INLINE_TAGS:
            self.text.append("\n")


def _written_links(text: str) -> Iterator[tuple[str, str]]:
    """Every address written out in text: as it is written, and as a browser's address bar would take it."""
    visible = "".join(
        character
        for character in unicodedata.normalize("NFKC", text)
        if unicodedata.category(character) != "Cf"
    ).replace(IDEOGRAPHIC_STOP, ".")
    for match in _BARE_LINK.finditer(visible):
        link = match[0].rstrip(_TRAILING)
        yield link, _PRESUMED_SCHEME[match.lastgroup or "absolute"] + link


def _require_inside(link: str) -> None:
    """Raise `LinkRefused` for an ``href``, ``src`` and the like that leaves both the portal and YouTube."""
    if _has_hidden_characters(link):
        raise LinkRefused(link, Refusal.HIDDEN_CHARACTERS)
    if link.startswith("//"):
        raise LinkRefused(link, Refusal.NOT_AN_ADDRESS)
    if not link or link.startswith(("/", "#")):
        return
    if not _SCHEME.match(link):
        raise LinkRefused(link, Refusal.RELATIVE)
    require_youtube(link)


def outside_links(text: str) -> list[LinkRefused]:
    """The links in rich text, Markdown or plain text that leave portal and YouTube, each listed once.

    Reads ``text`` both as HTML and as it stands, so the caller need not know which of them it is. Wagtail's
    own links (``linktype="page"``, ``"document"``) carry no address and pass.
    """
    reader = _read(text)
    refused: dict[str, LinkRefused] = {}
    for link in reader.links:
        try:
            _require_inside(link)
        except LinkRefused as refusal:
            refused.setdefault(link, refusal)
    return list((refused | _refused_words(text, reader, known=refused)).values())


def outside_addresses(text: str) -> list[LinkRefused]:
    """The addresses written out in text that is shown as it is: HTML in it, say in a sample, is no link.

    ``<a href="next.html">`` passes here and not in `outside_links`; ``<a href="https://evil.example">``
    passes in neither.
    """
    return list(_refused_words(text, _read(text), known={}).values())


@dataclass(frozen=True)
class PortalLinks:
    """Where a text links inside the portal: by path (``/courses/?page=2``) and by a page's id."""

    paths: frozenset[str] = frozenset()
    page_ids: frozenset[int] = frozenset()

    def __or__(self, other: "PortalLinks") -> "PortalLinks":
        return PortalLinks(self.paths | other.paths, self.page_ids | other.page_ids)


def portal_links(html: str) -> PortalLinks:
    """The links in rich text that lead to the portal itself; documents apart, which lead nowhere else."""
    reader = _read(html)
    return PortalLinks(
        paths=frozenset(link for link in reader.links if link.startswith("/") and not link.startswith("//")),
        page_ids=frozenset(int(written) for written in reader.page_ids if _PAGE_ID.fullmatch(written)),
    )


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.read(text)
    return reader


def _refused_words(text: str, reader: _Reader, *, known: dict[str, LinkRefused]) -> dict[str, LinkRefused]:
    refused: dict[str, LinkRefused] = {}
    readings = ["".join(reader.text), *reader.words, html.unescape(text)]
    for link, address in (found for reading in readings for found in _written_links(reading)):
        if link in known:
            continue
        try:
            require_youtube(address)
        except LinkRefused as refusal:
            refused.setdefault(link, LinkRefused(link, refusal.reason))
    return refused
