"""Show an item's picture in the size that its place needs, and in others for denser screens.

The addresses are put together from the name of the file alone: a page of sixty items asks no database and no
storage about its pictures. Who asks for one gets it from `commerce.views.pictures`, which makes it once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

EAGER = SafeString('fetchpriority="high"')
LAZY = SafeString('loading="lazy" decoding="async"')


@dataclass(frozen=True)
class Shape:
    """Proportions, the widths in pixels that are made, and how wide the picture stands on the page."""

    ratio: tuple[int, int]
    widths: tuple[int, ...]
    sizes: str

    def size(self, width: int) -> tuple[int, int]:
        across, down = self.ratio
        return width, width * down // across


SHAPES = {
    "card": Shape((16, 9), (320, 640, 960), "(min-width: 40rem) 24rem, 100vw"),
    "whole": Shape((4, 3), (480, 960, 1440), "(min-width: 75rem) 38rem, (min-width: 48rem) 52vw, 100vw"),
    "small": Shape((4, 3), (96, 192, 288), "(min-width: 40rem) 6rem, 4rem"),
}


def key_of(picture: Any) -> str:
    """What an address must name to get this very picture. Nobody guesses it; another picture has another."""
    return salted_hmac("commerce.pictures", picture.name).hexdigest()[:20]


def is_key_of(picture: Any, key: str) -> bool:
    return bool(picture) and constant_time_compare(key_of(picture), key)


def picture_url(item: Any, shape: str, width: int) -> str:
    return reverse("commerce:item_picture", args=[item.pk, key_of(item.picture), shape, width])


@register.simple_tag
def item_picture(item: Any, shape: str, alt: str = "", eager: bool = False) -> SafeString:
    """The picture of an item that has one. `eager`: it is what the page is about, so it is loaded first."""
    wanted = SHAPES[shape]
    middle = wanted.widths[len(wanted.widths) // 2]
    across, down = wanted.size(middle)
    return format_html(
        '<img src="{}" srcset="{}" sizes="{}" alt="{}" width="{}" height="{}" {}>',
        picture_url(item, shape, middle),
        ", ".join(f"{picture_url(item, shape, width)} {width}w" for width in wanted.widths),
        wanted.sizes,
        alt,
        across,
        down,
        EAGER if eager else LAZY,
    )
