"""Labels to be printed: barcodes in Code 128 on sheets of the trade, for copies and for members' cards.

Sizes: the makers' templates; a sheet prints right at 100 %, without “fit to page”.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.units import inch, mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from commerce.models.batches import in_batches
from library.models import Copy, ImportRow, ImportRun, LibraryCard
from library.services.records import BARCODE

FONT = "DejaVuSansCondensed"
FONT_FILE = Path(__file__).resolve().parent.parent / "fonts" / f"{FONT}.ttf"
#: What a scanner needs to each side of the bars, in widths of the narrowest; ISO/IEC 15417.
QUIET_ZONE = 10
#: Below this the bars run together on an office printer.
NARROWEST_BAR = 0.19 * mm
WIDEST_BAR = 0.38 * mm
PADDING = 1.5 * mm
#: More labels than this in one file are a slip; print them in several.
MOST_LABELS = 5_000


class LabelsRefused(Exception):
    """The labels cannot be printed; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A sheet of labels, in points: its size, how many, where the first is, how far it is to the next."""

    name: str
    page: tuple[float, float]
    columns: int
    rows: int
    label: tuple[float, float]
    left: float
    top: float
    across: float
    down: float

    @property
    def count(self) -> int:
        return self.columns * self.rows

    def corner(self, place: int) -> tuple[float, float]:
        """The lower left corner of a label, counted from 0 in the order of reading."""
        row, column = divmod(place, self.columns)
        return self.left + column * self.across, self.page[1] - self.top - row * self.down - self.label[1]


A4 = (210 * mm, 297 * mm)
LETTER = (8.5 * inch, 11 * inch)
SHEETS = {
    "L7160": Sheet(
        name="Avery L7160 · A4 · 3 × 7 · 63.5 × 38.1 mm", page=A4, columns=3, rows=7,
        label=(63.5 * mm, 38.1 * mm), left=7.25 * mm, top=15.15 * mm, across=66.0 * mm, down=38.1 * mm,
    ),
    "L7651": Sheet(
        name="Avery L7651 · A4 · 5 × 13 · 38.1 × 21.2 mm", page=A4, columns=5, rows=13,
        label=(38.1 * mm, 21.2 * mm), left=4.75 * mm, top=10.7 * mm, across=40.6 * mm, down=21.2 * mm,
    ),
    "5160": Sheet(
        name="Avery 5160 · Letter · 3 × 10 · 2⅝ × 1 in", page=LETTER, columns=3, rows=10,
        label=(2.625 * inch, 1 * inch), left=0.1875 * inch, top=0.5 * inch, across=2.75 * inch, down=1 * inch,
    ),
}  # fmt: skip
SHEET_CHOICES = [(key, sheet.name) for key, sheet in SHEETS.items()]
START_HELP = gettext_lazy(
    "The first label that is still on the sheet, counted from the upper left: 1 on a new one."
)


@dataclass(frozen=True, kw_only=True)
class Label:
    """What stands on a label: the number in bars and for people; a heading above, a line below."""

    barcode: str
    heading: str = ""
    line: str = ""


def of_copies(copies: QuerySet[Copy]) -> Iterator[Label]:
    """Labels for the spines or backs of copies: title, and where it stands."""
    for copy in in_batches(copies.select_related("book")):
        yield Label(barcode=copy.barcode, heading=copy.book.title, line=copy.location)


def of_cards(cards: QuerySet[LibraryCard], *, library: str) -> Iterator[Label]:
    """Members' cards: who, and of which library."""
    for card in in_batches(cards.select_related("member")):
        yield Label(
            barcode=card.number, heading=card.member.get_full_name() or card.member.email, line=library
        )


def copies_of(run: ImportRun) -> QuerySet[Copy]:
    """The copies that an import brought."""
    rows = ImportRow.objects.filter(run=run, copies__gt=0).values_list("barcodes", flat=True)
    barcodes = [barcode for row in rows for barcode in row.split()]
    return Copy.objects.filter(barcode__in=barcodes)


def copies_with(barcodes: Sequence[str]) -> QuerySet[Copy]:
    """The copies of these barcodes. Raises LabelsRefused, naming those that nobody has."""
    copies = Copy.objects.filter(barcode__in=barcodes)
    if unknown := set(barcodes) - set(copies.values_list("barcode", flat=True)):
        message = _("There are no copies with these barcodes: %s.")
        raise LabelsRefused(message % ", ".join(sorted(unknown)[:10]))
    return copies


def printed(labels: Iterable[Label], *, sheet: Sheet, start: int = 1, title: str = "") -> bytes:
    """A PDF. start: the first free label of the first sheet, from 1.

    Raises LabelsRefused for none or too many labels, a start beyond the sheet, and a number that Code 128 or
    the label does not hold.
    """
    if not 1 <= start <= sheet.count:
        message = _("A sheet has the labels 1 to %(count)s; %(start)s is none of them.")
        raise LabelsRefused(message % {"count": sheet.count, "start": start})
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=sheet.page, pageCompression=1, invariant=1)
    canvas.setTitle(title or _("Labels"))
    _load_font()
    place = start - 1
    drawn = 0
    for label in islice(labels, MOST_LABELS + 1):
        if drawn == MOST_LABELS:
            message = _("More than %(most)s labels at once. Print them in several files.")
            raise LabelsRefused(message % {"most": MOST_LABELS})
        if place == sheet.count:
            canvas.showPage()
            place = 0
        _draw(canvas, sheet, place, label)
        place += 1
        drawn += 1
    if not drawn:
        raise LabelsRefused(_("There is nothing to print a label for."))
    canvas.save()
    return file.getvalue()


@cache
def _load_font() -> None:
    pdfmetrics.registerFont(TTFont(FONT, str(FONT_FILE)))


def _draw(canvas: Canvas, sheet: Sheet, place: int, label: Label) -> None:
    x, y = sheet.corner(place)
    width, height = sheet.label
    size = 7.0 if height < 25 * mm else 8.5
    inner = width - 2 * PADDING
    step = size * 1.2
    top = y + height - PADDING - size
    for line in _lines(label.heading, size, inner, most=1 if height < 25 * mm else 2):
        _centred(canvas, line, x + width / 2, top, size)
        top -= step
    bottom = y + PADDING + size * 0.3
    if label.line:
        for line in _lines(label.line, size, inner, most=1):
            _centred(canvas, line, x + width / 2, bottom, size)
        bottom += step
    _centred(canvas, label.barcode, x + width / 2, bottom, size)
    bottom += step
    bars = _bars(label.barcode, width, height=top + step - size * 0.4 - bottom)
    bars.drawOn(canvas, x + (width - bars.width) / 2, bottom)


def _bars(barcode: str, width: float, *, height: float) -> Code128:
    """The bars with their quiet zones, as wide as the label allows and no scanner minds."""
    if not BARCODE.fullmatch(barcode):
        message = _("“%(barcode)s” cannot be printed: letters, digits and . $ / + %% _ - are.")
        raise LabelsRefused(message % {"barcode": barcode})
    modules = round(Code128(barcode, barWidth=1, quiet=0).width)
    bar = min(width / (modules + 2 * QUIET_ZONE), WIDEST_BAR)
    if bar < NARROWEST_BAR:
        message = _("“%(barcode)s” is too long for this label: take a wider one.")
        raise LabelsRefused(message % {"barcode": barcode})
    return Code128(
        barcode,
        barWidth=bar,
        barHeight=height,
        quiet=1,
        lquiet=QUIET_ZONE * bar,
        rquiet=QUIET_ZONE * bar,
        humanReadable=False,
    )


def _centred(canvas: Canvas, text: str, x: float, y: float, size: float) -> None:
    canvas.setFont(FONT, size)
    canvas.drawCentredString(x, y, text)


def _lines(text: str, size: float, width: float, *, most: int) -> list[str]:
    """A text in so many lines at most, the last with an ellipsis when there is more."""
    words = "".join(character if character.isprintable() else " " for character in text).split()
    lines: list[str] = []
    while words and len(lines) < most:
        line = words.pop(0)
        while words and _width(f"{line} {words[0]}", size) <= width:
            line = f"{line} {words.pop(0)}"
        lines.append(line)
    if words:
        lines[-1] = f"{lines[-1]} {words[0]}…"
    return [_shortened(line, size, width) for line in lines]


def _shortened(line: str, size: float, width: float) -> str:
    if _width(line, size) <= width:
        return line
    line = line.rstrip("…")
    while line and _width(f"{line}…", size) > width:
        line = line[:-1].rstrip()
    return f"{line}…"


def _width(text: str, size: float) -> float:
    return float(pdfmetrics.stringWidth(text, FONT, size))
