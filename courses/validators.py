"""What course and lesson materials may hold: links to YouTube and to the portal itself, and nothing else.

`validate_materials` reads everything an author writes into a page, so that every door (CMS, API, code, the
publishing of an old draft) is one door. Code samples are text like any other: an address in them is refused
as well.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from wagtail.blocks import Block, ListBlock, StreamBlock, StructBlock, URLBlock
from wagtail.blocks.list_block import ListBlockValidationError
from wagtail.blocks.stream_block import StreamBlockValidationError
from wagtail.blocks.struct_block import StructBlockValidationError
from wagtail.documents.blocks import DocumentChooserBlock
from wagtail.fields import RichTextField, StreamField
from wagtail.images.blocks import ImageChooserBlock
from wagtail.rich_text import RichText

from portal.content.blocks import BookChooserBlock
from portal.content.links import (
    LinkRefused,
    PortalLinks,
    Refusal,
    outside_addresses,
    outside_links,
    parse_youtube,
    portal_links,
)
from portal.content.redirects import redirected_outside
from portal.content.validators import explain, validate_youtube_video

FORBIDDEN_LINK = "forbidden_link"

# Links that a redirect sends outside, by path or page id, as `portal.content.redirects` answers.
Redirected = Mapping[str | int, str]


@dataclass(frozen=True)
class ForbiddenLink:
    """A link that stands in materials and may not: ``field`` says where, as people call the place."""

    field: str
    link: str
    reason: Refusal

    def __str__(self) -> str:
        return explain(LinkRefused(self.link, self.reason))


def validate_youtube_url(url: str) -> None:
    """Raise ValidationError unless url, of a lesson's video, is that of a YouTube video or playlist."""
    validate_youtube_video(url)


def validate_materials(page: models.Model, fields: Iterable[str]) -> None:
    """Raise ValidationError naming every field and link that leads outside the portal and YouTube.

    fields name text, rich text and StreamField fields of page. Errors of a StreamField point at the block.
    """
    materials = {name: getattr(page, name) for name in fields}
    redirected = redirected_outside(links_into_portal(type(page), materials))
    errors: dict[str, list[ValidationError]] = {}
    for name, value in materials.items():
        error = _field_error(page._meta.get_field(name), value, redirected)
        if error is not None:
            errors[name] = [error]
    if errors:
        raise ValidationError(errors)


def forbidden_links(
    model: type[models.Model], materials: Mapping[str, Any], redirected: Redirected
) -> list[ForbiddenLink]:
    """What `validate_materials` would refuse, and addresses of videos that are none, by field.

    materials holds values of model's fields by their names, of a page or of one of its revisions.
    """
    found = []
    for name, value in materials.items():
        field = model._meta.get_field(name)
        label = _capitalised(field.verbose_name)
        if isinstance(field, StreamField):
            places = _refused_in(field.stream_block, value, redirected, (label,))
        elif is_player_address(field):
            places = ((label, refused) for refused in _refused_video(value or ""))
        else:
            places = ((label, refused) for refused in _refused_text(field, str(value or ""), redirected))
        found += [ForbiddenLink(place, refusal.link, refusal.reason) for place, refusal in places]
    return list(dict.fromkeys(found))


def forbidden_players(model: type[models.Model], materials: Mapping[str, Any]) -> list[ForbiddenLink]:
    """The addresses of videos that are none, by field: all that pages outside the courses are held to."""
    found = []
    for name, value in materials.items():
        field = model._meta.get_field(name)
        label = _capitalised(field.verbose_name)
        players = []
        if isinstance(field, StreamField):
            leaves = _leaves(field.stream_block, value, (label,))
            players = [(": ".join(place), url) for place, block, url in leaves if _is_player(block)]
        elif is_player_address(field):
            players = [(label, value or "")]
        found += [
            ForbiddenLink(place, refusal.link, refusal.reason)
            for place, url in players
            for refusal in _refused_video(url)
        ]
    return found


def is_player_address(field: models.Field) -> bool:
    """Whether a field of a model takes addresses of YouTube videos only."""
    return validate_youtube_url in field.validators or validate_youtube_video in field.validators


def links_into_portal(model: type[models.Model], materials: Mapping[str, Any]) -> PortalLinks:
    """The links in materials that a redirect could send elsewhere."""
    links = PortalLinks()
    for name, value in materials.items():
        field = model._meta.get_field(name)
        if isinstance(field, StreamField):
            for _place, _block, passage in _leaves(field.stream_block, value, ()):
                if isinstance(passage, RichText):
                    links |= portal_links(passage.source)
        elif isinstance(field, RichTextField):
            links |= portal_links(str(value or ""))
    return links


class ForbiddenLinks(StreamBlockValidationError):
    """A StreamField's errors for the editor, block by block, which still read as one sentence elsewhere."""

    def __init__(self, block_errors: dict[int, ValidationError], sentence: str):
        super().__init__(block_errors=block_errors)
        self.message = sentence
        self.code = FORBIDDEN_LINK


def _field_error(field: models.Field, value: Any, redirected: Redirected) -> ValidationError | None:
    label = _capitalised(field.verbose_name)
    if not isinstance(field, StreamField):
        return _error(label, _refused_text(field, str(value or ""), redirected))
    error = _block_error(field.stream_block, value, redirected)
    if error is None:
        return None
    problems = [
        f"{place}: {explain(refusal)}" if place else explain(refusal)
        for place, refusal in _refused_in(field.stream_block, value, redirected, ())
    ]
    sentences = " ".join(dict.fromkeys(problems))
    return ForbiddenLinks(
        error.block_errors, _("%(field)s: %(problems)s") % {"field": label, "problems": sentences}
    )


# --- What is refused in one text ---


def _refused_text(field: models.Field, text: str, redirected: Redirected) -> list[LinkRefused]:
    if isinstance(field, RichTextField):
        return _refused_rich_text(text, redirected)
    return outside_addresses(text)


def _refused_rich_text(source: str, redirected: Redirected) -> list[LinkRefused]:
    refused = outside_links(source)
    if redirected:
        links = portal_links(source)
        refused += [
            LinkRefused(redirected[link], Refusal.REDIRECTED)
            for link in (*sorted(links.paths), *sorted(links.page_ids))
            if link in redirected
        ]
    return refused


def _refused_video(url: str) -> list[LinkRefused]:
    try:
        if url:
            parse_youtube(url)
    except LinkRefused as refusal:
        return [refusal]
    return []


def _refused(block: Block, value: Any, redirected: Redirected) -> list[LinkRefused]:
    """What is refused in the value of a block without blocks inside."""
    if isinstance(value, RichText):
        return _refused_rich_text(value.source, redirected)
    if isinstance(value, str):
        # A player's address must be a video's, which is stricter than for a link.
        return _refused_video(value) if _is_player(block) else outside_addresses(value)
    # What people read of a picture or document stands in the lesson as well.
    if isinstance(block, ImageChooserBlock):
        return outside_addresses(value.default_alt_text)
    if isinstance(block, DocumentChooserBlock):
        return outside_addresses(value.title)
    if isinstance(block, BookChooserBlock):
        return outside_addresses(f"{value.title} {value.author}")
    return []


def _is_player(block: Block) -> bool:
    return isinstance(block, URLBlock) and validate_youtube_video in block.field.validators


# --- Blocks within blocks ---


def _leaves(block: Block, value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Block, Any]]:
    """Every block without blocks inside: its place, as people call it, the block and its value."""
    if value is None:
        return
    if isinstance(block, StreamBlock):
        for number, child in enumerate(value, start=1):
            yield from _leaves(child.block, child.value, (*place, f"{number}. {_name(child.block)}"))
    elif isinstance(block, ListBlock):
        for number, item in enumerate(value, start=1):
            yield from _leaves(block.child_block, item, (*place, str(number)))
    elif isinstance(block, StructBlock):
        for name, child in block.child_blocks.items():
            yield from _leaves(child, value.get(name), (*place, _name(child)))
    else:
        yield place, block, value


def _refused_in(
    block: Block, value: Any, redirected: Redirected, place: tuple[str, ...]
) -> Iterator[tuple[str, LinkRefused]]:
    """What is refused in a block and those inside it, each with its place: “Material: 2. Quote: Text”."""
    for names, leaf, leaf_value in _leaves(block, value, place):
        for refusal in _refused(leaf, leaf_value, redirected):
            yield ": ".join(names), refusal


def _block_error(block: Block, value: Any, redirected: Redirected) -> ValidationError | None:
    """The error of one block's value in the shape that its kind of block shows, None when all is well."""
    if value is None:
        return None
    if isinstance(block, StreamBlock):
        children = {
            index: error
            for index, child in enumerate(value)
            if (error := _block_error(child.block, child.value, redirected)) is not None
        }
        return StreamBlockValidationError(block_errors=children) if children else None
    if isinstance(block, ListBlock):
        items = {
            index: error
            for index, item in enumerate(value)
            if (error := _block_error(block.child_block, item, redirected)) is not None
        }
        return ListBlockValidationError(block_errors=items) if items else None
    if isinstance(block, StructBlock):
        errors = {
            name: error
            for name, child in block.child_blocks.items()
            if (error := _block_error(child, value.get(name), redirected)) is not None
        }
        return StructBlockValidationError(block_errors=errors) if errors else None
    return _error(_name(block), _refused(block, value, redirected))


def _error(label: str, refused: list[LinkRefused]) -> ValidationError | None:
    if not refused:
        return None
    return ValidationError(
        _("%(field)s: %(problems)s"),
        code=FORBIDDEN_LINK,
        params={"field": label, "problems": " ".join(explain(refusal) for refusal in refused)},
    )


def _name(block: Block) -> str:
    return _capitalised(block.label or block.name)


def _capitalised(label: Any) -> str:
    """A label of a field or block at the beginning of a sentence."""
    return str(label)[:1].upper() + str(label)[1:]
