"""What an editor composes a lesson from."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from wagtail.blocks import (
    CharBlock,
    ChoiceBlock,
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
