"""Pictures of people: whatever is uploaded, what is kept is a small square that we have drawn ourselves."""

from __future__ import annotations

import logging
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile, File
from django.db import transaction
from django.utils.translation import gettext as _
from PIL import ExifTags, Image, ImageOps

if TYPE_CHECKING:
    from django.db.models.fields.files import ImageFieldFile

    from accounts.models import User

MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 40_000_000
SIDE = 512
FORMATS = ("JPEG", "PNG", "WEBP")
#: What turns a photograph upright, by the orientation the camera noted.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

logger = logging.getLogger(__name__)


class AvatarRefused(ValueError):
    """What was uploaded cannot become an avatar; the message says why, in words for people."""


def process(upload: File) -> ContentFile:
    """Draw the uploaded picture anew: upright, square, at most SIDE pixels wide, as WebP and nothing else.

    The file's name and its declared type count for nothing. What is hidden before, in or after the picture
    (place and time of the photograph, scripts, other files) is not carried over. Raises AvatarRefused.
    """
    if upload.size > MAX_BYTES:
        raise AvatarRefused(_("This file is too large. At most 5 MB, please."))
    upload.seek(0)
    try:
        with Image.open(upload, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:  # known before anything is unpacked
                raise AvatarRefused(_("This picture has too many pixels. At most 40 megapixels, please."))
            square = _square(picture)
    except AvatarRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise AvatarRefused(_("This picture has too many pixels. At most 40 megapixels, please.")) from None
    except Exception as error:  # noqa: BLE001 files made to harm bring out errors of every kind
        logger.info("An avatar was refused: %r", error)
        raise AvatarRefused(_("This is no picture we can read. Choose a JPEG, PNG or WebP file.")) from None
    written = BytesIO()
    square.save(written, "WEBP", quality=85)
    return ContentFile(written.getvalue(), name="avatar.webp")


def replace(*, user: User, upload: File) -> None:
    """Make an upload the person's avatar; the former one is deleted on commit. Raises AvatarRefused."""
    drawn = process(upload)
    former = _file_of(user)
    user.avatar.save("avatar.webp", drawn, save=False)
    try:
        with transaction.atomic():
            user.save(update_fields=["avatar"])
            _delete_when_sure(former)
    except BaseException:
        user.avatar.storage.delete(str(user.avatar.name))
        raise


def remove(*, user: User) -> None:
    """Leave the person without an avatar, and delete its file. Harmless when there is none."""
    former = _file_of(user)
    user.avatar = ""
    with transaction.atomic():
        user.save(update_fields=["avatar"])
        _delete_when_sure(former)


def _square(picture: Image.Image) -> Image.Image:
    """A picture of pixels alone, made of the middle of another."""
    noted: Any = picture.getexif().get(ExifTags.Base.Orientation)
    turn = UPRIGHT.get(noted)
    picture.draft("RGB", (2 * SIDE, 2 * SIDE))  # a large photograph need not be unpacked whole
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    if picture.mode not in ("RGB", "RGBA", "L"):  # in a palette, say, colours cannot be mixed
        picture = picture.convert(mode)
    side = min(SIDE, *picture.size)
    cut = ImageOps.fit(picture, (side, side)).convert(mode)
    if turn is not None:
        cut = cut.transpose(turn)
    return Image.frombytes(mode, cut.size, cut.tobytes())


def _file_of(user: User) -> tuple[ImageFieldFile, str] | None:
    return (user.avatar, str(user.avatar.name)) if user.avatar else None


def _delete_when_sure(former: tuple[ImageFieldFile, str] | None) -> None:
    if former:
        field_file, name = former
        transaction.on_commit(lambda: field_file.storage.delete(name))
