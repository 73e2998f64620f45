"""Fields of what authors write, whose answers can be sent back as they are."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError as Refusal
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from rest_framework import serializers
from wagtail.blocks import Block, ChooserBlock, ListBlock, RichTextBlock, StreamBlock, StructBlock
from wagtail.blocks.stream_block import StreamValue

from courses.api.serializers import PREVIEW_RENDITION
from courses.models import CoursePage, LessonPage
from courses.services import pictures
from portal.content.richtext import clean_rich_text

GREATEST_ID = 2**31 - 1
LONGEST_TEXT = 200_000
MOST_BLOCKS = 500
_BLOCK_KEY = re.compile(r' data-block-key="[^"]*"')
_LONE_PARAGRAPH = re.compile(r"<p>([^<]*)</p>")
_BLOCK_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def has_unwritable_characters(text: str) -> bool:
    """Whether text holds what no database keeps: NUL, and halves of a character (surrogates)."""
    return "\x00" in text or any(unicodedata.category(character) == "Cs" for character in text)


class WordsField(serializers.CharField):
    """Text that every database can keep."""

    def to_internal_value(self, value: Any) -> str:
        words = super().to_internal_value(value)
        if has_unwritable_characters(words):
            raise serializers.ValidationError(_("It holds a character that cannot be written."))
        return words


class FlagField(serializers.BooleanField):
    """Yes or no. Absent from a form it says nothing, where REST framework would take it for a no."""

    default_empty_html = serializers.empty


class IdField(serializers.IntegerField):
    """A number that can be the id of something."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=GREATEST_ID, **kwargs)


class RichTextField(WordsField):
    """HTML, cleaned to what the CMS's editor would have saved. Plain text is HTML too.

    Answered as it is stored, with references to pages and documents by id and without the editor's marks; one
    plain paragraph is answered as its words. An answer sent back unchanged changes nothing.
    """

    def __init__(self, *, features: list[str], **kwargs: Any) -> None:
        self.features = features
        super().__init__(max_length=LONGEST_TEXT, allow_blank=True, **kwargs)

    def to_internal_value(self, value: Any) -> str:
        words = super().to_internal_value(value)
        former = getattr(self.root.instance, self.source, None) if self.root.instance is not None else None
        if former is not None and words == self.to_representation(former):
            raise serializers.SkipField
        return clean_rich_text(words, features=self.features)

    def to_representation(self, value: Any) -> str:
        text = _BLOCK_KEY.sub("", str(value))
        lone = _LONE_PARAGRAPH.fullmatch(text)
        if lone is None:
            return text
        words = html.unescape(lone[1])
        # Words that would be read as markup stay escaped.
        return lone[1] if "<" in words or html.unescape(words) != words else words


class PictureField(serializers.Field):
    """A picture: uploaded as a file, chosen by its id, taken away by null; answered as an address."""

    class Meta:
        swagger_schema_fields = {
            "type": "string",
            "format": "uri",
            "x-nullable": True,
            "description": (
                "Send a file of a multipart form (JPEG, PNG, WebP), the id of a picture in the CMS, or null "
                "to take it away; the answer is an address."
            ),
        }

    def get_value(self, dictionary: Any) -> Any:
        return dictionary.get(self.field_name, serializers.empty)

    def validate_empty_values(self, value: Any) -> tuple[bool, Any]:
        return (True, None) if value == "" else super().validate_empty_values(value)

    def to_internal_value(self, value: Any) -> ContentFile | int:
        if isinstance(value, UploadedFile):
            try:
                return pictures.draw_anew(value)
            except pictures.PictureRefused as refusal:
                raise serializers.ValidationError(str(refusal)) from refusal
        page = self.root.instance
        if page is not None and page.preview is not None and value == self.to_representation(page.preview):
            raise serializers.SkipField
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value[:11])
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= GREATEST_ID:
            return value
        raise serializers.ValidationError(
            _("Send a file of a multipart form, the id of a picture in the CMS, or null.")
        )

    def to_representation(self, image: Any) -> str:
        url = image.get_rendition(PREVIEW_RENDITION).url
        return self.context["request"].build_absolute_uri(url)


class ObjectivesField(serializers.ListField):
    """What one will learn, line by line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=WordsField(max_length=250), max_length=50, **kwargs)

    def to_internal_value(self, value: Any) -> StreamValue:
        lines = super().to_internal_value(value)
        page = self.root.instance
        if page is not None and lines == self.to_representation(page.objectives):
            raise serializers.SkipField
        block = CoursePage._meta.get_field("objectives").stream_block
        return block.to_python([{"type": "objective", "value": line} for line in lines])

    def to_representation(self, value: StreamValue) -> list[str]:
        return [line["value"] for line in value.get_prep_value()]


class BodyField(serializers.Field):
    """A lesson's material: blocks as the CMS keeps them, `{"type", "value", "id"}`."""

    class Meta:
        swagger_schema_fields = {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "value"],
                "properties": {
                    "type": {
                        "type": "string",
                        "enum": list(LessonPage._meta.get_field("body").stream_block.child_blocks),
                    },
                    "value": {"description": "A string for text (HTML) and headings, else an object."},
                    "id": {"type": "string", "format": "uuid"},
                },
            },
            "description": (
                "Blocks as the CMS keeps them, pictures and documents by their id. A block that is sent back "
                "with its `id` keeps its history. In a multipart form: JSON."
            ),
        }

    # Blocks translate their labels, so they are looked up when they are needed.
    block = SimpleLazyObject(lambda: LessonPage._meta.get_field("body").stream_block)

    def to_internal_value(self, value: Any) -> StreamValue:
        if isinstance(value, str):
            try:
                value = json.loads(value) if value else []
            except (ValueError, RecursionError):
                raise serializers.ValidationError(_("This is not JSON.")) from None
        page = self.root.instance
        if page is not None and value == self.to_representation(page.body):
            raise serializers.SkipField
        problems = dict(problems_of_shape(self.block, value))
        if problems:
            raise serializers.ValidationError(nested(problems))
        stream = self.block.to_python(cleaned(self.block, value))
        try:
            return self.block.clean(stream)
        except Refusal as refusal:
            raise serializers.ValidationError(messages_of(refusal)) from refusal

    def to_representation(self, value: StreamValue) -> list[dict[str, Any]]:
        return value.get_prep_value()


def problems_of_shape(block: Block, value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[Any, str]]:
    """What is wrong with the shape of a block's raw value, as (path, message)."""
    if isinstance(block, StreamBlock):
        yield from _problems_of_stream(block, value, path)
    elif isinstance(block, ListBlock):
        if not isinstance(value, list) or len(value) > MOST_BLOCKS:
            yield path, _("Give a list.")
        else:
            for position, item in enumerate(value):
                yield from problems_of_shape(block.child_block, item, (*path, str(position)))
    elif isinstance(block, StructBlock):
        if not isinstance(value, dict):
            yield path, _("Give an object with: %(names)s.") % {"names": ", ".join(block.child_blocks)}
            return
        for name in value.keys() - block.child_blocks.keys():
            names = {"names": ", ".join(block.child_blocks)}
            yield (*path, str(name)), _("There is no such field here; there are: %(names)s.") % names
        for name, child in block.child_blocks.items():
            if name in value:
                yield from problems_of_shape(child, value[name], (*path, name))
    elif isinstance(block, ChooserBlock):
        is_id = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= GREATEST_ID
        if value is not None and not is_id:
            yield path, _("Give an id.")
    elif not isinstance(value, str) or len(value) > LONGEST_TEXT or has_unwritable_characters(value):
        yield path, _("Give a text.")


def _problems_of_stream(block: StreamBlock, value: Any, path: tuple[str, ...]) -> Iterator[tuple[Any, str]]:
    if not isinstance(value, list) or len(value) > MOST_BLOCKS:
        yield path, _("Give a list of at most %(most)d blocks.") % {"most": MOST_BLOCKS}
        return
    for position, item in enumerate(value):
        here = (*path, str(position))
        if not isinstance(item, dict) or not {"type", "value"} <= item.keys() <= {"type", "value", "id"}:
            yield here, _("A block is an object with “type” and “value”, and perhaps “id”.")
        elif not isinstance(item["type"], str) or item["type"] not in block.child_blocks:
            kinds = {"kinds": ", ".join(block.child_blocks)}
            yield (*here, "type"), _("There is no such block; there are: %(kinds)s.") % kinds
        elif item.get("id") is not None and not (
            isinstance(item["id"], str) and _BLOCK_ID.fullmatch(item["id"])
        ):
            yield (*here, "id"), _("This is not the id of a block. Leave it out of a new one.")
        else:
            yield from problems_of_shape(block.child_blocks[item["type"]], item["value"], here)


def cleaned(block: Block, value: Any) -> Any:
    """A raw value of the right shape with its rich text cleaned."""
    if isinstance(block, StreamBlock):
        return [{**item, "value": cleaned(block.child_blocks[item["type"]], item["value"])} for item in value]
    if isinstance(block, ListBlock):
        return [cleaned(block.child_block, item) for item in value]
    if isinstance(block, StructBlock):
        return {name: cleaned(block.child_blocks[name], item) for name, item in value.items()}
    if isinstance(block, RichTextBlock):
        return clean_rich_text(value, features=block.features)
    return value


def nested(problems: dict[tuple[str, ...], str]) -> Any:
    """Messages by path as nested mappings."""
    root: dict[str, Any] = {}
    for path, message in problems.items():
        if not path:
            return [message]
        place = root
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = [message]
    return root


def messages_of(refusal: Any) -> Any:
    """The messages of a block's error, by the places of the blocks in it."""
    children = getattr(refusal, "block_errors", None)
    if not children:
        return list(refusal.messages)
    places = children.items() if isinstance(children, dict) else enumerate(children)
    return {str(place): messages_of(child) for place, child in places if child is not None}
