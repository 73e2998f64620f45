"""Cover pictures drawn by code: the same seed gives the same picture, and nothing is downloaded."""

from __future__ import annotations

import math
import random
import textwrap
from collections.abc import Callable
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

SIZE = (1600, 900)
BOOK_SIZE = (600, 900)
#: Drawn larger and scaled down, which smooths the edges.
SCALE = 2

Palette = tuple[str, ...]
#: The ground first, then what stands on it.
PALETTES: dict[str, Palette] = {
    "clay": ("#faf6ee", "#0d5656", "#f4bd4f", "#8a3b24", "#f2dcc0", "#c2512f"),
    "dusk": ("#0b3a3b", "#f4bd4f", "#17706c", "#f2dcc0", "#c2512f", "#8a3b24"),
    "sand": ("#faf6ee", "#8a3b24", "#f4bd4f", "#0d5656", "#e9c39a", "#573450"),
}


def tiles(
    draw: ImageDraw.ImageDraw, width: int, height: int, palette: Palette, chance: random.Random
) -> None:
    """A grid of quarter circles, discs and bars: switches in their two positions."""
    side = width // 8
    for left in range(0, width, side):
        for top in range(0, height, side):
            back, front = chance.sample(palette, 2)
            draw.rectangle((left, top, left + side, top + side), fill=back)
            shape = chance.choice(("quarter", "quarter", "half", "disc", "bars", "plain"))
            if shape == "quarter":
                corner = chance.randrange(4)
                x = left + (side if corner in (1, 2) else 0)
                y = top + (side if corner in (2, 3) else 0)
                draw.pieslice(
                    (x - side, y - side, x + side, y + side), corner * 90, corner * 90 + 90, fill=front
                )
            elif shape == "half":
                start = chance.choice((0, 90, 180, 270))
                draw.pieslice((left, top, left + side, top + side), start, start + 180, fill=front)
            elif shape == "disc":
                inset = side // 5
                draw.ellipse((left + inset, top + inset, left + side - inset, top + side - inset), fill=front)
            elif shape == "bars":
                for step in range(0, side, side // 3):
                    draw.rectangle((left, top + step, left + side, top + step + side // 6), fill=front)


def hills(
    draw: ImageDraw.ImageDraw, width: int, height: int, palette: Palette, chance: random.Random
) -> None:
    """Bell curves behind each other under a low sun."""
    draw.rectangle((0, 0, width, height), fill=palette[0])
    radius = height // 6
    x, y = int(width * chance.uniform(0.6, 0.8)), int(height * 0.3)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=palette[1])
    for layer, colour in enumerate(palette[2:]):
        base = height * (0.66 + 0.13 * layer)
        bells = [
            (chance.uniform(0, width), chance.uniform(0.06, 0.13) * width, chance.uniform(0.1, 0.26) * height)
            for _ in range(3)
        ]
        line = [
            (
                at,
                base
                - sum(tall * math.exp(-(((at - middle) / wide) ** 2) / 2) for middle, wide, tall in bells),
            )
            for at in range(0, width + 8, 8)
        ]
        draw.polygon([(0, height), *line, (width, height)], fill=colour)


def rings(
    draw: ImageDraw.ImageDraw, width: int, height: int, palette: Palette, chance: random.Random
) -> None:
    """Targets that overlap, each lying on the one before: keys within keys."""
    draw.rectangle((0, 0, width, height), fill=palette[0])
    unit = height // 24
    centres = [(width * part, height * chance.uniform(0.4, 0.6)) for part in (0.16, 0.39, 0.62, 0.85)]
    for number, (x, y) in enumerate(centres):
        for ring in range(9, 0, -1):
            radius = ring * unit * 1.25
            colour = palette[1 + (number + ring) % (len(palette) - 1)] if ring % 2 else palette[0]
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


MOTIFS: dict[str, Callable[[ImageDraw.ImageDraw, int, int, Palette, random.Random], None]] = {
    "tiles": tiles,
    "hills": hills,
    "rings": rings,
}


#: What somebody who cannot see the picture is told of it.
DESCRIPTIONS = {
    "tiles": "A grid of quarter circles, discs and bars",
    "hills": "Rolling hills under a low sun",
    "rings": "Four overlapping targets of concentric rings",
}


def draw_cover(*, motif: str, palette: str, seed: str) -> bytes:
    """A PNG of 1600 × 900 pixels. Raises KeyError for a motif or palette that does not exist."""
    width, height = SIZE[0] * SCALE, SIZE[1] * SCALE
    picture = Image.new("RGB", (width, height))
    chance = random.Random(seed)  # noqa: S311 (a picture, not a secret)
    MOTIFS[motif](ImageDraw.Draw(picture), width, height, PALETTES[palette], chance)
    file = BytesIO()
    picture.resize(SIZE, Image.Resampling.LANCZOS).quantize(64).save(file, format="PNG", optimize=True)
    return file.getvalue()


def draw_book_cover(*, title: str, author: str, motif: str, palette: str) -> bytes:
    """A PNG of 600 × 900 pixels: a motif, and below it title and author.

    The letters are those that come with Pillow: of English alone. Raises KeyError as `draw_cover` does.
    """
    width, height = BOOK_SIZE[0] * SCALE, BOOK_SIZE[1] * SCALE
    colours = PALETTES[palette]
    picture = Image.new("RGB", (width, height), colours[1])
    figure = Image.new("RGB", (width, int(height * 0.56)))
    chance = random.Random(title)  # noqa: S311 (a picture, not a secret)
    MOTIFS[motif](ImageDraw.Draw(figure), *figure.size, colours, chance)
    picture.paste(figure, (0, 0))
    draw = ImageDraw.Draw(picture)
    margin = width // 12
    is_dark = sum(picture.getpixel((0, height - 1))) < 384
    ink = "#fffdf9" if is_dark else "#1f2b2a"
    lines = "\n".join(textwrap.wrap(title, 16))
    draw.multiline_text(
        (margin, figure.height + margin // 2), lines, fill=ink, font=ImageFont.load_default(96), spacing=16
    )
    draw.text((margin, height - margin), author, fill=ink, font=ImageFont.load_default(52), anchor="ls")
    file = BytesIO()
    picture.resize(BOOK_SIZE, Image.Resampling.LANCZOS).quantize(64).save(file, format="PNG", optimize=True)
    return file.getvalue()
