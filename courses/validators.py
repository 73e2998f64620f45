"""What course and lesson materials may hold: links to YouTube and to the portal itself, and nothing else.

`validate_materials` reads everything an author writes into a page, so that every door (CMS, API, code, the
publishing of an old draft) is one door. Code samples are text like any other: an address in them is refused
as well.
"""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from wagtail.blocks import Block, ListBlock, StreamBlock, StreamValue, StructBlock
from wagtail.blocks.list_block import ListBlockValidationError
from wagtail.blocks.stream_block import StreamBlockValidationError
from wagtail.blocks.struct_block import StructBlockValidationError
from wagtail.fields import StreamField
from wagtail.rich_text import RichText

from portal.content.blocks import YouTubeBlock
from portal.content.links import outside_links
from portal.content.validators import explain, validate_youtube_video

FORBIDDEN_LINK = "forbidden_link"


def validate_youtube_url(url: str) -> None:
    """Raise ValidationError unless url, of a lesson's video, is that of a YouTube video or playlist."""
    validate_youtube_video(url)


def validate_materials(page: models.Model, fields: Iterable[str]) -> None:
    """Raise ValidationError naming every field and link that leads outside the portal and YouTube.

    fields name text, rich text and StreamField fields of page. Errors of a StreamField point at the block.
    """
    errors: dict[str, list[ValidationError]] = {}
    for name in fields:
        field = page._meta.get_field(name)
        value = getattr(page, name)
        if isinstance(field, StreamField):
            error = _stream_error(field, value)
        else:
            error = _text_error(str(value or ""), str(field.verbose_name))
        if error is not None:
            errors[name] = [error]
    if errors:
        raise ValidationError(errors)


class ForbiddenLinks(StreamBlockValidationError):
    """A StreamField's errors for the editor, block by block, which still read as one sentence elsewhere."""

    def __init__(self, block_errors: dict[int, ValidationError], sentence: str):
        super().__init__(block_errors=block_errors)
        self.message = sentence
        self.code = FORBIDDEN_LINK


def _text_error(text: str, label: str) -> ValidationError | None:
    refused = outside_links(text)
    if not refused:
        return None
    sentences = " ".join(explain(refusal) for refusal in refused)
    return ValidationError(
        _("%(field)s: %(problems)s"),
        code=FORBIDDEN_LINK,
        params={"field": label[:1].upper() + label[1:], "problems": sentences},
    )


def _stream_error(field: StreamField, value: StreamValue) -> ValidationError | None:
    error = _block_error(field.stream_block, value)
    if error is None:
        return None
    label = str(field.verbose_name)
    problems = " ".join(dict.fromkeys(_sentences(error)))
    return ForbiddenLinks(
        error.block_errors,
        _("%(field)s: %(problems)s") % {"field": label[:1].upper() + label[1:], "problems": problems},
    )


def _block_error(block: Block, value: Any) -> ValidationError | None:
    """The error of one block's value in the shape that its kind of block shows, None when all is well."""
    if value is None:
        return None
    if isinstance(block, StreamBlock):
        children = {
            index: error
            for index, child in enumerate(value)
            if (error := _block_error(child.block, child.value)) is not None
        }
        return StreamBlockValidationError(block_errors=children) if children else None
    if isinstance(block, ListBlock):
        items = {
            index: error
            for index, item in enumerate(value)
            if (error := _block_error(block.child_block, item)) is not None
        }
        return ListBlockValidationError(block_errors=items) if items else None
    if isinstance(block, YouTubeBlock):
        return _youtube_error(block, value)
    if isinstance(block, StructBlock):
        return _struct_error(block, value)
    if isinstance(value, RichText):
        return _text_error(value.source, str(block.label))
    if isinstance(value, str):
        return _text_error(value, str(block.label))
    # Choosers and numbers: what they hold is the portal's own.
    return None


def _struct_error(block: StructBlock, value: Any) -> ValidationError | None:
    errors = {
        name: error
        for name, child in block.child_blocks.items()
        if (error := _block_error(child, value.get(name))) is not None
    }
    return StructBlockValidationError(block_errors=errors) if errors else None


def _youtube_error(block: YouTubeBlock, value: Any) -> ValidationError | None:
    """A player's address must be a video's, which is stricter than for a link."""
    errors = {}
    if url := value.get("url"):
        try:
            validate_youtube_url(url)
        except ValidationError as error:
            errors["url"] = error
    if title_error := _text_error(value.get("title") or "", str(block.child_blocks["title"].label)):
        errors["title"] = title_error
    return StructBlockValidationError(block_errors=errors) if errors else None


def _sentences(error: ValidationError) -> Iterable[str]:
    children = getattr(error, "block_errors", None)
    if children is None:
        yield from error.messages
        return
    for child in children.values() if isinstance(children, dict) else children:
        if child is not None:
            yield from _sentences(child)
