"""Pictures that come from outside the CMS: drawn anew, and kept where editors keep theirs."""

from __future__ import annotations

import logging
from io import BytesIO
from typing import Any

from django.core.files.base import ContentFile, File
from django.utils.translation import gettext as _
from PIL import ExifTags, Image
from wagtail.images import get_image_model
from wagtail.log_actions import log

from accounts.services.avatars import FORMATS, MAX_PIXELS, UPRIGHT

MAX_BYTES = 10 * 1024 * 1024
LONGEST_SIDE = 2400

logger = logging.getLogger(__name__)


class PictureRefused(ValueError):
    """What was uploaded cannot become a picture; the message says why, in words for people."""


def draw_anew(upload: File) -> ContentFile:
    """The uploaded picture as pixels alone: upright, at most LONGEST_SIDE wide and high, as JPEG.

    A picture with transparency becomes a PNG. The file's name and declared type count for nothing; place,
    camera and whatever else was hidden in the file is not carried over. Raises PictureRefused.
    """
    if upload.size > MAX_BYTES:
        raise PictureRefused(_("This file is too large. At most 10 MB, please."))
    upload.seek(0)
    try:
        with Image.open(upload, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:  # known before anything is unpacked
                raise PictureRefused(_("This picture has too many pixels. At most 40 megapixels, please."))
            drawn = _pixels(picture)
    except PictureRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureRefused(_("This picture has too many pixels. At most 40 megapixels, please.")) from None
    except Exception as error:  # noqa: BLE001 files made to harm bring out errors of every kind
        logger.info("A picture was refused: %r", error)
        raise PictureRefused(_("This is no picture we can read. Choose a JPEG, PNG or WebP file.")) from None
    written = BytesIO()
    if drawn.mode == "RGBA":
        drawn.save(written, "PNG", optimize=True)
        return ContentFile(written.getvalue(), name="preview.png")
    drawn.save(written, "JPEG", quality=88)
    return ContentFile(written.getvalue(), name="preview.jpg")


def keep(*, drawn: File, title: str, by: Any) -> Any:
    """Put a picture that `draw_anew` made into the library of pictures, as its uploader's."""
    image = get_image_model()(title=title[:255], uploaded_by_user=by)
    image.file.save(drawn.name, drawn, save=False)
    image._set_image_file_metadata()
    image.save()
    log(instance=image, action="wagtail.create", user=by)
    return image


def _pixels(picture: Image.Image) -> Image.Image:
    noted: Any = picture.getexif().get(ExifTags.Base.Orientation)
    turn = UPRIGHT.get(noted)
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    drawn = picture.convert(mode)
    drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if turn is not None:
        drawn = drawn.transpose(turn)
    return Image.frombytes(mode, drawn.size, drawn.tobytes())
