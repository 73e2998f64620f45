"""Rich text that does not come from the editor, made into what the editor would have saved.

Wagtail prints stored rich text as it is, so what is stored must be clean already.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from wagtail.admin.rich_text.converters.contentstate import ContentstateConverter
from wagtail.admin.rich_text.converters.html_ruleset import HTMLRuleset
from wagtail.admin.rich_text.converters.html_to_contentstate import (
    BLOCK_KEY_NAME,
    BlockElementHandler,
    InlineEntityElementHandler,
    InlineStyleElementHandler,
    ListElementHandler,
    ListItemElementHandler,
)
from wagtail.whitelist import check_url

from portal.content.links import TolerantParser

# What stands inside these is not for readers.
DROPPED_WITH_CONTENT = frozenset(
    {"applet", "audio", "canvas", "datalist", "head", "iframe", "math", "noembed", "noframes", "noscript"}
    | {"object", "script", "select", "style", "svg", "template", "textarea", "title", "video", "xmp"}
)
# Without a feature of their own these still begin a new paragraph.
PARAGRAPHS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
    }
    | {
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
    }
    | {"nav", "ol", "pre", "section", "summary", "table", "td", "th", "tr", "ul"}
)
REFERENCES = frozenset({"page", "document"})
LIST_DEPTH = 5

_ID = re.compile(r"[0-9]{1,9}")
_BLOCK_KEY = re.compile(r"[a-z0-9]{1,12}")
_TAGS_AND_SPACE = re.compile(r"<[^>]*>|\s")


def clean_rich_text(source: str, *, features: Sequence[str]) -> str:
    """Rich text in database format (``<a linktype="page" id="3">``) holding only what features allow.

    source may be any HTML, however broken: scripts, frames, styles, comments, event handlers and
    ``javascript:`` links are dropped, words stay. Whether the remaining links are allowed is not asked here.
    Only features of text are known: pictures, embeds and rulers inside rich text are dropped. Blocks keep
    their ``data-block-key`` and new ones get one, as in the editor. What holds no words becomes "".
    """
    converter = ContentstateConverter(tuple(features))
    tidy = _Tidy(converter.html_to_contentstate_handler.element_handlers)
    tidy.read(source)
    cleaned = converter.to_database_format(converter.from_database_format("".join(tidy.pieces)))
    return cleaned if _TAGS_AND_SPACE.sub("", cleaned) else ""


@dataclass
class _Block:
    name: str
    is_list: bool = False
    # How many inline elements were open when this one began; those opened later end with it.
    inlines: int = 0


@dataclass
class _Inline:
    name: str
    opening: str


class _Tidy(TolerantParser):
    """Writes any HTML down again as the converter needs it: known elements only, properly nested and closed.

    Inline elements are opened when a word comes and closed before a block begins or ends, so that
    ``<b><p>a</p></b>`` becomes ``<p><b>a</b></p>``.
    """

    def __init__(self, rules: HTMLRuleset) -> None:
        super().__init__(convert_charrefs=True)
        self.rules = rules
        self.pieces: list[str] = []
        self.blocks: list[_Block] = []
        self.inlines: list[_Inline] = []
        self.opened_inlines: list[_Inline] = []
        self.keys: set[str] = set()
        # What is being dropped: the element's name, and how many of that name are open.
        self.dropping = ""
        self.dropping_depth = 0
        self.lists_too_deep = 0

    def read(self, source: str) -> None:
        source = source.replace("\x00", "").encode(errors="ignore").decode()
        # What comes after the last tag is text; html.parser would look there for the end of each `<`.
        end_of_tags = source.rfind(">") + 1
        self.feed(source[:end_of_tags])
        self.close()
        self.handle_data(html.unescape(source[end_of_tags:]))
        while self.blocks:
            self._end_block()
        self._close_inlines()

    # --- What html.parser finds ---

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.dropping:
            self.dropping_depth += tag == self.dropping
            return
        if tag in DROPPED_WITH_CONTENT:
            self.dropping, self.dropping_depth = tag, 1
            return
        attributes = {name: value or "" for name, value in reversed(attrs)}
        attributes = self._kept_attributes(tag, attributes)
        handler = self.rules.match(tag, attributes)
        if tag == "br":
            self._break_line()
        elif isinstance(handler, ListElementHandler):
            self._begin_list(tag)
        elif isinstance(handler, ListItemElementHandler) and self._is_in_list():
            self._begin_item(attributes)
        elif isinstance(handler, BlockElementHandler) and not isinstance(handler, ListItemElementHandler):
            self._begin_block(tag, attributes)
        elif isinstance(handler, (InlineStyleElementHandler, InlineEntityElementHandler)):
            self._begin_inline(tag, attributes)
        elif tag in PARAGRAPHS:
            self._end_paragraph()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # A browser ignores the stroke: `<script/>` begins a script, `<p/>` a paragraph.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self.dropping:
            self.dropping_depth -= tag == self.dropping
            if not self.dropping_depth:
                self.dropping = ""
            return
        if tag in {"ul", "ol"} and self.lists_too_deep:
            self.lists_too_deep -= 1
        elif any(block.name == tag for block in self.blocks):
            self._end_blocks_to(tag)
        elif tag in PARAGRAPHS:
            self._end_paragraph()
        else:
            self._end_inline(tag)

    def handle_data(self, data: str) -> None:
        if self.dropping:
            return
        if data.strip():
            self._open_block()
            self._open_inlines()
        self.pieces.append(html.escape(data, quote=False))

    # --- Blocks ---

    def _begin_list(self, name: str) -> None:
        if sum(block.is_list for block in self.blocks) >= LIST_DEPTH:
            self.lists_too_deep += 1
            return
        if self.blocks and self.blocks[-1].is_list:
            self._open_block()
        elif self.blocks and self.blocks[-1].name != "li":
            self._end_block()
        self._push(_Block(name, is_list=True, inlines=len(self.inlines)), f"<{name}>")

    def _begin_item(self, attributes: dict[str, str]) -> None:
        if not self.blocks[-1].is_list:
            self._end_block()
        self._push(_Block("li", inlines=len(self.inlines)), self._opening("li", attributes))

    def _begin_block(self, name: str, attributes: dict[str, str]) -> None:
        self._end_paragraph()
        if not self._is_in_list():
            self._push(_Block(name, inlines=len(self.inlines)), self._opening(name, attributes))

    def _end_paragraph(self) -> None:
        """End a paragraph or heading; inside an item of a list it only parts the words."""
        if self._is_in_list():
            self.pieces.append(" ")
        elif self.blocks:
            self._end_block()

    def _open_block(self) -> None:
        """Begin a block for a word that stands in none."""
        if not self.blocks:
            self._push(_Block("p", inlines=len(self.inlines)), "<p>")
        elif self.blocks[-1].is_list:
            self._push(_Block("li", inlines=len(self.inlines)), "<li>")

    def _push(self, block: _Block, opening: str) -> None:
        self._close_inlines()
        self.pieces.append(opening)
        self.blocks.append(block)

    def _end_blocks_to(self, name: str) -> None:
        while self.blocks[-1].name != name:
            self._end_block()
        self._end_block()

    def _end_block(self) -> None:
        self._close_inlines()
        block = self.blocks.pop()
        del self.inlines[block.inlines :]
        self.pieces.append(f"</{block.name}>")

    def _is_in_list(self) -> bool:
        return any(block.is_list for block in self.blocks)

    # --- Inside of blocks ---

    def _begin_inline(self, name: str, attributes: dict[str, str]) -> None:
        # A second `b` in a `b` says nothing, a second link in a link is none.
        if all(inline.name != name for inline in self.inlines):
            self.inlines.append(_Inline(name, self._opening(name, attributes)))

    def _end_inline(self, name: str) -> None:
        if any(inline.name == name for inline in self.inlines):
            self._close_inlines()
            self.inlines = [inline for inline in self.inlines if inline.name != name]

    def _break_line(self) -> None:
        # Wagtail's exporter loses a break inside a link.
        is_in_link = any(inline.name == "a" for inline in self.inlines)
        self.pieces.append(" " if is_in_link else "<br/>")

    def _open_inlines(self) -> None:
        for inline in self.inlines[len(self.opened_inlines) :]:
            self.pieces.append(inline.opening)
            self.opened_inlines.append(inline)

    def _close_inlines(self) -> None:
        while self.opened_inlines:
            self.pieces.append(f"</{self.opened_inlines.pop().name}>")

    # --- Attributes ---

    def _kept_attributes(self, tag: str, attributes: dict[str, str]) -> dict[str, str]:
        if tag == "a":
            return self._address(attributes)
        key = attributes.get(BLOCK_KEY_NAME, "")
        if not _BLOCK_KEY.fullmatch(key) or key in self.keys:
            return {}
        self.keys.add(key)
        return {BLOCK_KEY_NAME: key}

    @staticmethod
    def _address(attributes: dict[str, str]) -> dict[str, str]:
        """Where a link leads: to a page or document by its id, or to an address; {} when to neither."""
        if "linktype" in attributes:
            if attributes["linktype"] in REFERENCES and _ID.fullmatch(attributes.get("id", "")):
                return {"linktype": attributes["linktype"], "id": attributes["id"]}
            return {}
        href = attributes.get("href", "").strip()
        return {"href": href} if href and check_url(href) else {}

    @staticmethod
    def _opening(name: str, attributes: dict[str, str]) -> str:
        written = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items())
        return f"<{name}{written}>"
