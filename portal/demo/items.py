"""What the demo's shop sells, with pictures drawn by code, a discount code and a tax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO

from django.core.files.base import ContentFile
from PIL import Image, ImageDraw

from commerce.models import Discount, Item, Tax

SIZE = (1200, 900)
#: Drawn larger and scaled down, which smooths the edges.
SCALE = 2
PAPER, TEAL, DEEP, SUN, CLAY, RUST, INK = (
    "#f2dcc0", "#0d5656", "#0b3a3b", "#f4bd4f", "#c2512f", "#8a3b24", "#1f2b2a",
)  # fmt: skip
WELCOME_CODE = "WELCOME10"


class Sketch:
    """A sheet that is drawn on in units of a hundredth of its height, from the middle."""

    def __init__(self, ground: str) -> None:
        self.width, self.height = SIZE[0] * SCALE, SIZE[1] * SCALE
        self.picture = Image.new("RGB", (self.width, self.height), ground)
        self.draw = ImageDraw.Draw(self.picture)

    def at(self, *units: float) -> list[float]:
        """Left, top, right, bottom (and further points) in pixels."""
        unit = self.height / 100
        middle = (self.width / 2, self.height / 2)
        return [middle[place % 2] + value * unit for place, value in enumerate(units)]

    def box(self, *units: float, fill: str, radius: float = 0) -> None:
        self.draw.rounded_rectangle(self.at(*units), radius=radius * self.height / 100, fill=fill)

    def disc(self, *units: float, fill: str) -> None:
        self.draw.ellipse(self.at(*units), fill=fill)

    def ring(self, *units: float, fill: str, width: float) -> None:
        self.draw.ellipse(self.at(*units), outline=fill, width=int(width * self.height / 100))

    def shape(self, *units: float, fill: str) -> None:
        self.draw.polygon(self.at(*units), fill=fill)

    def line(self, *units: float, fill: str, width: float) -> None:
        self.draw.line(self.at(*units), fill=fill, width=int(width * self.height / 100), joint="curve")

    def png(self) -> bytes:
        file = BytesIO()
        self.picture.resize(SIZE, Image.Resampling.LANCZOS).quantize(64).save(file, "PNG", optimize=True)
        return file.getvalue()


def notebook() -> bytes:
    sheet = Sketch(PAPER)
    sheet.box(-21, -33, 27, 35, fill="#d9bd98", radius=3)
    sheet.box(-24, -35, 24, 33, fill=TEAL, radius=3)
    sheet.box(-24, -35, -17, 33, fill=DEEP, radius=2)
    sheet.box(-9, -23, 17, -9, fill="#faf6ee", radius=1)
    for top in (-19, -14):
        sheet.line(-6, top, 14, top, fill="#c9b592", width=0.7)
    sheet.box(15, -35, 18, 33, fill=SUN)
    return sheet.png()


def mug() -> bytes:
    sheet = Sketch(DEEP)
    sheet.disc(-32, 25, 36, 35, fill="#082c2d")
    sheet.ring(10, -17, 36, 16, fill=SUN, width=5)
    sheet.box(-26, -26, 21, 30, fill=SUN, radius=5)
    sheet.disc(-26, -32, 21, -21, fill="#d99f32")
    sheet.disc(-22, -30.5, 17, -22.5, fill="#4a2a17")
    sheet.shape(-17, -7, -3, -4, -3, 13, -17, 10, fill=PAPER)
    sheet.shape(12, -7, -2, -4, -2, 13, 12, 10, fill="#faf6ee")
    for top in (-1, 4):
        sheet.line(1, top + 0.6, 9, top - 1, fill=RUST, width=0.8)
    return sheet.png()


def pencils() -> bytes:
    sheet = Sketch("#faf6ee")
    for place, colour in enumerate((TEAL, CLAY, SUN, RUST, DEEP)):
        left = -35 + place * 15
        top = (-12, -18, -8, -20, -14)[place]
        sheet.shape(left, top, left + 5, top - 13, left + 10, top, fill="#e9c39a")
        sheet.shape(left + 3.4, top - 8.8, left + 5, top - 13, left + 6.6, top - 8.8, fill=colour)
        sheet.box(left, top, left + 10, 30, fill=colour)
        sheet.box(left, 30, left + 10, 35, fill="#b9b3a6")
        sheet.box(left, 34, left + 10, 40, fill="#e7a79a", radius=2)
        sheet.line(left + 5, top, left + 5, 30, fill="#ffffff" if place in (0, 4) else PAPER, width=0.5)
    return sheet.png()


def tote() -> bytes:
    sheet = Sketch(SUN)
    sheet.ring(-14, -43, 14, 0, fill="#e4d3b2", width=3)
    sheet.shape(-28, -20, 28, -20, 32, 38, -32, 38, fill="#faf6ee")
    sheet.box(-28, -20, 28, -16, fill="#e4d3b2")
    for top, right in ((-4, 17), (4, 9), (12, 14)):
        sheet.box(-17, top, right, top + 4, fill=TEAL, radius=1)
    sheet.disc(10, 13, 20, 23, fill=CLAY)
    return sheet.png()


def poster() -> bytes:
    sheet = Sketch("#dcebe5")
    sheet.box(-25, -38, 29, 42, fill="#b9d0c7")
    sheet.box(-28, -41, 26, 39, fill="#fffdf9")
    for row, depth in enumerate((18, 32, 13, 42, 25, 36)):
        sheet.box(-21, -32 + row * 8, -21 + depth, -27 + row * 8, fill=(TEAL, SUN, CLAY)[row % 3], radius=0.6)
    sheet.line(-21, 22, 19, 22, fill=INK, width=0.7)
    sheet.line(-21, 29, 6, 29, fill="#b1a78f", width=0.7)
    return sheet.png()


def cards() -> bytes:
    sheet = Sketch(RUST)
    sheet.shape(-38, -8, -8, -24, 12, 14, -18, 30, fill="#e9c39a")
    sheet.shape(-24, -28, 10, -32, 16, 12, -18, 16, fill=SUN)
    sheet.box(-8, -26, 30, 26, fill="#faf6ee", radius=3)
    sheet.ring(2, -18, 20, 0, fill=TEAL, width=2.4)
    for top in (8, 14):
        sheet.line(-1, top, 23, top, fill="#c9b592", width=1)
    return sheet.png()


@dataclass(frozen=True)
class Offer:
    name: str
    description: str
    price: str
    currency: str
    stock: int | None
    picture: Callable[[], bytes]


OFFERS = [
    Offer(
        "Squared notebook, A5",
        "160 numbered pages of 90 g paper that ink does not go through, and a ribbon to find the place "
        "again. Lies flat from the first page.\n\nThe squares are 5 mm: right for graphs, truth tables and "
        "shopping.",
        "12.50",
        "USD",
        40,
        notebook,
    ),
    Offer(
        "Mug for long evenings",
        "Holds 400 ml, which is one chapter. Stoneware, glazed in Portugal; the dishwasher does it no harm.",
        "16.00",
        "USD",
        3,
        mug,
    ),
    Offer(
        "Five pencils for margins",
        "Soft enough to write on cheap paper, hard enough not to smear. Cedar, with an eraser that erases.",
        "7.90",
        "USD",
        None,
        pencils,
    ),
    Offer(
        "Tote bag",
        "Carries a laptop, two library books and lunch. Organic cotton, handles long enough for a shoulder.",
        "18.00",
        "USD",
        0,
        tote,
    ),
    Offer(
        "Poster: six ways to lie with a chart",
        "50 × 70 cm on heavy matt paper, sent in a tube. Goes with the course on reading data honestly.",
        "24.00",
        "EUR",
        12,
        poster,
    ),
    Offer(
        "Cards: cryptography in 54 words",
        "A deck to learn with and to play with. Every card has a word on one side and what it means on the "
        "other.",
        "15.50",
        "EUR",
        25,
        cards,
    ),
]


def stock_the_shop() -> None:
    """Put the offers on the shelves, with a code for newcomers and the tax that euro prices contain."""
    for offer in OFFERS:
        item = Item(
            name=offer.name,
            description=offer.description,
            price=Decimal(offer.price),
            currency=offer.currency,
            stock=offer.stock,
        )
        item.full_clean(exclude=["picture"])
        item.picture.save(f"{offer.picture.__name__}.png", ContentFile(offer.picture()), save=False)
        item.save()
    Discount.objects.create(name="Welcome", code=WELCOME_CODE, percent_off=Decimal(10))
    Tax.objects.create(name="VAT", percentage=Decimal(19), is_inclusive=True, country="DE", currency="EUR")
