"""What an editor composes a lesson from."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model
from django.forms import Widget
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from wagtail.blocks import (
    CharBlock,
    ChoiceBlock,
    ChooserBlock,
    ListBlock,
    RichTextBlock,
    StreamBlock,
    StructBlock,
    StructValue,
    TextBlock,
    URLBlock,
)
from wagtail.documents import get_document_model
from wagtail.documents.blocks import DocumentChooserBlock
from wagtail.images import get_image_model
from wagtail.images.blocks import ImageChooserBlock
from wagtail.rich_text import RichText

from portal.content import shelves
from portal.content.links import LinkRefused, Video, parse_youtube
from portal.content.validators import validate_youtube_video

# No embeds and no pictures inside rich text: each has a block of its own, with a caption.
RICH_TEXT_FEATURES = [
    "bold",
    "italic",
    "code",
    "superscript",
    "subscript",
    "ol",
    "ul",
    "link",
    "document-link",
]

# What clients of the API get of a picture.
API_RENDITION = "max-1600x1600"


def _absolute(url: str, context: dict[str, Any] | None) -> str:
    """The address as a client of the API can use it; as it is when nobody asks over HTTP."""
    request = (context or {}).get("request")
    return request.build_absolute_uri(url) if request is not None else url


class TextPassageBlock(RichTextBlock):
    """Running text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"features": RICH_TEXT_FEATURES, **kwargs})

    class Meta:
        icon = "pilcrow"
        label = _("Text")
        description = _("Paragraphs and lists. Links lead to the portal or to YouTube.")
        template = "blocks/text.html"
        preview_value = "<p>A loop repeats its <b>body</b> until its condition is false.</p>"

    def get_api_representation(self, value: RichText, context: dict[str, Any] | None = None) -> str:
        """HTML with real addresses instead of Wagtail's references."""
        return str(value)


class HeadingBlock(CharBlock):
    """A heading inside the page, below the page's title."""

    class Meta:
        icon = "title"
        label = _("Heading")
        description = _("Opens a new part of the page.")
        template = "blocks/heading.html"
        preview_value = "Repeating an action"


class PictureBlock(StructBlock):
    image = ImageChooserBlock(
        label=_("picture"),
        help_text=_("Who cannot see it hears the picture's description; write that in the picture itself."),
    )
    caption = CharBlock(
        label=_("caption"), required=False, max_length=250, help_text=_("Stands under the picture.")
    )

    class Meta:
        icon = "image"
        label = _("Picture")
        description = _("A picture across the text, with a caption.")
        template = "blocks/picture.html"

    def get_api_representation(
        self, value: StructValue, context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        image = value["image"]
        if image is None:
            return {"image": None, "caption": value["caption"]}
        rendition = image.get_rendition(API_RENDITION)
        described = {
            "id": image.pk,
            "url": _absolute(rendition.url, context),
            "width": rendition.width,
            "height": rendition.height,
            "alt": rendition.alt,
        }
        return {"image": described, "caption": value["caption"]}

    def get_preview_value(self) -> StructValue:
        image = get_image_model().objects.order_by("-pk").first()
        return self.normalize({"image": image, "caption": str(image)})

    @property
    def is_previewable(self) -> bool:
        return get_image_model().objects.exists()


class YouTubeValue(StructValue):
    @property
    def video(self) -> Video | None:
        """The video to show; None while the draft's address is not that of a video."""
        try:
            return parse_youtube(self.get("url") or "").titled(self.get("title") or "")
        except LinkRefused:
            return None


class YouTubeBlock(StructBlock):
    url = URLBlock(
        label=_("address"),
        validators=[validate_youtube_video],
        help_text=_("Address of the video or playlist on YouTube. It loads only after the reader's click."),
    )
    title = CharBlock(
        label=_("title"),
        max_length=250,
        help_text=_("What the video shows; stands on the button that starts it."),
    )

    class Meta:
        icon = "media"
        label = _("YouTube video")
        description = _("A video or playlist of YouTube.")
        template = "blocks/youtube.html"
        value_class = YouTubeValue
        preview_value = {"url": "https://www.youtube.com/watch?v=rfscVS0vtbw", "title": "Learn Python"}


class DownloadBlock(StructBlock):
    document = DocumentChooserBlock(
        label=_("document"), help_text=_("Only people who may open this lesson may fetch it.")
    )
    title = CharBlock(
        label=_("title"),
        required=False,
        max_length=250,
        help_text=_("Stands on the link; empty: the document's."),
    )

    class Meta:
        icon = "download"
        label = _("Download")
        description = _("A file to take away.")
        template = "blocks/download.html"

    def get_api_representation(
        self, value: StructValue, context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        document = value["document"]
        if document is None:
            return {"document": None, "title": value["title"]}
        described = {
            "id": document.pk,
            "url": _absolute(document.url, context),
            "filename": document.filename,
        }
        return {"document": described, "title": value["title"] or document.title}

    def get_preview_value(self) -> StructValue:
        return self.normalize({"document": get_document_model().objects.order_by("-pk").first(), "title": ""})

    @property
    def is_previewable(self) -> bool:
        return get_document_model().objects.exists()


class QuoteBlock(StructBlock):
    text = TextBlock(label=_("text"))
    attribution = CharBlock(
        label=_("attribution"), required=False, max_length=250, help_text=_("Who said it.")
    )

    class Meta:
        icon = "openquote"
        label = _("Quote")
        description = _("Somebody else's words, set apart.")
        template = "blocks/quote.html"
        preview_value = {"text": "Simple is better than complex.", "attribution": "Tim Peters"}


class CodeBlock(StructBlock):
    LANGUAGES = [
        ("text", _("plain text")),
        ("bash", "Shell"),
        ("css", "CSS"),
        ("html", "HTML"),
        ("javascript", "JavaScript"),
        ("json", "JSON"),
        ("python", "Python"),
        ("sql", "SQL"),
        ("yaml", "YAML"),
    ]

    language = ChoiceBlock(
        label=_("language"), choices=LANGUAGES, default="text", help_text=_("Named above the sample.")
    )
    code = TextBlock(
        label=_("code"),
        help_text=_("Shown as it is. The rule for links holds for addresses in it too."),
    )

    class Meta:
        icon = "code"
        label = _("Code")
        description = _("A sample of code.")
        template = "blocks/code.html"
        preview_value = {"language": "python", "code": "for number in range(3):\n    print(number)"}


class CalloutBlock(StructBlock):
    KINDS = [("note", _("Note")), ("tip", _("Tip")), ("warning", _("Warning"))]

    kind = ChoiceBlock(
        label=_("kind"), choices=KINDS, default="note", help_text=_("Sets the colour and the icon.")
    )
    text = TextPassageBlock(label=_("text"), features=["bold", "italic", "code", "link", "document-link"])

    class Meta:
        icon = "info-circle"
        label = _("Callout")
        description = _("A note, tip or warning that must not be missed.")
        template = "blocks/callout.html"
        preview_value = {"kind": "tip", "text": "<p>Save your work before you go on.</p>"}


class BookChooserBlock(ChooserBlock):
    """One book of the library."""

    class Meta:
        icon = "glasses"

    @cached_property
    def target_model(self) -> str:
        return shelves.shelf_of(shelves.BOOKS).model

    @cached_property
    def widget(self) -> Widget:
        return shelves.shelf_of(shelves.BOOKS).widget

    def bulk_to_python(self, values: Iterable[int | None]) -> list[Model | None]:
        """The books of all blocks of a page at once, as their cards show them; None for one that is gone."""
        wanted = list(values)
        found = shelves.shelf_of(shelves.BOOKS).fetch({pk for pk in wanted if pk is not None})
        # One that stands twice is two objects, as of Wagtail's own choosers.
        return [copy.copy(found.get(pk)) if pk is not None else None for pk in wanted]


class BooksBlock(StructBlock):
    """Books of the library that go with the page. One that is gone from the catalogue is left out."""

    MOST_BOOKS = 12

    title = CharBlock(
        label=_("title"),
        required=False,
        max_length=120,
        help_text=_("Stands above the books; empty: “Books for this lesson”."),
    )
    books = ListBlock(BookChooserBlock(label=_("book")), label=_("books"), min_num=1, max_num=MOST_BOOKS)

    class Meta:
        icon = "glasses"
        label = _("Books")
        description = _("Books of the library that go with the lesson, and whether they are available.")
        template = "blocks/books.html"

    def get_context(self, value: StructValue, parent_context: dict[str, Any] | None = None) -> dict[str, Any]:
        shelf = shelves.shelf_of(shelves.BOOKS)
        return {
            **super().get_context(value, parent_context=parent_context),
            "cards": shelf.cards(_there(value)),
            "cards_template": shelf.template,
        }

    def get_api_representation(
        self, value: StructValue, context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        shelf = shelves.shelf_of(shelves.BOOKS)
        described = [shelf.described(book) for book in _there(value)]
        return {
            "title": value["title"],
            "books": [{**book, "url": _absolute(book["url"], context)} for book in described],
        }

    def get_preview_value(self) -> StructValue:
        return self.normalize({"title": "", "books": list(shelves.shelf_of(shelves.BOOKS).samples())})

    @property
    def is_previewable(self) -> bool:
        return bool(shelves.shelf_of(shelves.BOOKS).samples())


def _there(value: StructValue) -> Sequence[Model]:
    """The books of a block that are in the catalogue still."""
    return [book for book in value["books"] if book is not None]


class LessonBody(StreamBlock):
    """The body of a lesson, and of any page that needs no more than a lesson does."""

    text = TextPassageBlock(group=_("Text"))
    heading = HeadingBlock(group=_("Text"), max_length=250)
    quote = QuoteBlock(group=_("Text"))
    callout = CalloutBlock(group=_("Text"))
    code = CodeBlock(group=_("Text"))
    picture = PictureBlock(group=_("Media"))
    youtube = YouTubeBlock(group=_("Media"))
    download = DownloadBlock(group=_("Media"))
    books = BooksBlock(group=_("Library"))
