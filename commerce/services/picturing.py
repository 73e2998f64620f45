"""Make pictures of items in the sizes that pages show, each once, and keep them beside the original."""

from __future__ import annotations

import logging
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from django.core.files.base import ContentFile, File
from wagtail.images.models import Filter

from commerce.templatetags.pictures import SHAPES, key_of

logger = logging.getLogger(__name__)


class NoPicture(Exception):
    """The file is not there, or is none that can be read."""


class _Upload:
    """What Wagtail's operations ask of a picture that is not in its library: nobody marked a part of it."""

    def is_svg(self) -> bool:
        return False

    def get_focal_point(self) -> None:
        return None


def rendition(*, picture: Any, shape: str, width: int) -> File:
    """The picture as WebP, cut to a shape of SHAPES and no wider than `width`; open, for reading.

    Raises NoPicture.
    """
    storage = picture.storage
    name = _name(picture, shape, width)
    if not storage.exists(name):
        made = _make(picture, shape, width)
        kept = storage.save(name, ContentFile(made))
        if kept != name:
            # Somebody asked for the same at the same moment, and was faster.
            storage.delete(kept)
    return storage.open(name)


def _name(picture: Any, shape: str, width: int) -> str:
    folder = PurePosixPath(picture.name).parent
    return str(folder / "sizes" / f"{key_of(picture)}-{shape}-{width}.webp")


def _make(picture: Any, shape: str, width: int) -> bytes:
    across, down = SHAPES[shape].size(width)
    output = BytesIO()
    try:
        with picture.storage.open(picture.name) as source:
            Filter(f"fill-{across}x{down}|format-webp").run(_Upload(), output, source)
    except Exception as error:
        # Each library below has errors of its own for a file that is broken, too large or gone.
        logger.exception("No picture could be made of %s", picture.name)
        raise NoPicture(f"{picture.name} is not there, or is no picture.") from error
    return output.getvalue()
