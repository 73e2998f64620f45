"""The blocks of a lesson: what they hold, show and refuse."""

import pytest
from django.core.exceptions import ValidationError
from django.template.loader import get_template

from portal.content.blocks import LessonBody, YouTubeBlock
from portal.content.links import Video

BODY = LessonBody()


def test_a_lesson_is_composed_of_nine_kinds_of_blocks():
    assert set(BODY.child_blocks) == {
        "text",
        "heading",
        "picture",
        "youtube",
        "download",
        "quote",
        "code",
        "callout",
        "books",
    }


@pytest.mark.parametrize("name", list(BODY.child_blocks))
def test_every_block_has_a_template_a_label_an_icon_and_a_description(name):
    block = BODY.child_blocks[name]

    get_template(block.meta.template)
    assert str(block.label)
    assert block.meta.icon != "placeholder"
    assert str(block.get_description())


@pytest.mark.parametrize("name", ["text", "heading", "youtube", "quote", "code", "callout"])
def test_the_chooser_shows_what_a_block_looks_like(name):
    block = BODY.child_blocks[name]

    html = block.render(block.normalize(block.get_preview_value()))

    assert html.strip()


def test_rich_text_offers_neither_pictures_nor_embeds():
    features = set(BODY.child_blocks["text"].features)

    assert "link" in features
    assert features.isdisjoint({"embed", "image", "h1"})


def test_a_youtube_block_knows_its_video():
    value = YouTubeBlock().to_python({"url": "https://youtu.be/dQw4w9WgXcQ?t=30", "title": "A song"})

    assert value.video == Video(id="dQw4w9WgXcQ", start_seconds=30, title="A song")


@pytest.mark.parametrize("url", ["", "https://vimeo.com/1", "javascript:alert(1)"])
def test_a_draft_without_a_proper_video_shows_none(url):
    assert YouTubeBlock().to_python({"url": url, "title": ""}).video is None


def test_a_youtube_block_takes_videos_only():
    block = YouTubeBlock()

    with pytest.raises(ValidationError) as caught:
        block.clean(block.to_python({"url": "https://vimeo.com/1", "title": "A video"}))

    [message] = caught.value.block_errors["url"].messages
    assert "https://vimeo.com/1" in message


def test_code_is_shown_as_it_is():
    block = BODY.child_blocks["code"]

    html = block.render(block.to_python({"language": "html", "code": "<script>alert(1)</script>"}))

    assert "<script>" not in html
    assert "&lt;script&gt;" in html
