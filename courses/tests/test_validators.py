"""The rule for links at the door of the pages: every field, every block, by name."""

import pytest
from django.core.exceptions import ValidationError
from wagtail.blocks import CharBlock, ListBlock, RichTextBlock, StreamBlock, StructBlock
from wagtail.contrib.redirects.models import Redirect
from wagtail.models import Page

from courses.models import CoursePage, LessonPage
from courses.tests.factories import (
    VIDEO,
    CourseFactory,
    DocumentFactory,
    ImageFactory,
    LessonFactory,
    catalogue_page,
)
from courses.validators import _block_error, validate_youtube_url

pytestmark = pytest.mark.django_db

EVIL = "https://evil.example/course"
FORBIDDEN_BODIES = {
    "rich text link": [("text", f'<p><a href="{EVIL}">more</a></p>')],
    "rich text": [("text", f"<p>see {EVIL}</p>")],
    "heading": [("heading", f"See {EVIL}")],
    "quote": [("quote", {"text": f"See {EVIL}", "attribution": ""})],
    "attribution": [("quote", {"text": "Well said.", "attribution": EVIL})],
    "code": [("code", {"language": "python", "code": f'get("{EVIL}")'})],
    "callout": [("callout", {"kind": "tip", "text": f'<p><a href="{EVIL}">here</a></p>'})],
    "video": [("youtube", {"url": EVIL, "title": "A video"})],
    "video's title": [("youtube", {"url": VIDEO, "title": f"A video from {EVIL}"})],
    "download's title": [("download", {"document": None, "title": EVIL})],
    "second block": [("text", "<p>Fine.</p>"), ("text", f"<p>{EVIL}</p>")],
}


@pytest.mark.parametrize("body", FORBIDDEN_BODIES.values(), ids=FORBIDDEN_BODIES.keys())
def test_a_link_that_leads_outside_is_refused_wherever_it_stands_in_the_body(body):
    lesson = LessonFactory(parent=CourseFactory())
    lesson.body = LessonPage._meta.get_field("body").stream_block.to_python(body)

    with pytest.raises(ValidationError) as caught:
        lesson.full_clean()

    [message] = caught.value.message_dict["body"]
    assert message.startswith("Material: ")
    assert EVIL in message
    assert list(caught.value.error_dict["body"][0].block_errors) == [len(body) - 1]


def test_a_link_in_a_caption_is_refused(media_folder):
    lesson = LessonFactory(parent=CourseFactory())
    lesson.body = [("picture", {"image": ImageFactory(), "caption": f"From {EVIL}"})]

    with pytest.raises(ValidationError) as caught:
        lesson.full_clean()

    assert EVIL in caught.value.message_dict["body"][0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "Visit www.evil.example"),
        ("introduction", "More at evil.example/more"),
        ("description", f'<p><a href="{EVIL}">more</a></p>'),
        ("objectives", [("objective", f"Read {EVIL}")]),
        ("search_description", EVIL),
        ("seo_title", EVIL),
    ],
)
def test_every_written_field_of_a_course_keeps_the_rule(field, value):
    course = CourseFactory()
    setattr(course, field, value)

    with pytest.raises(ValidationError) as caught:
        course.full_clean()

    assert list(caught.value.message_dict) == [field]
    assert "evil.example" in caught.value.message_dict[field][0]


def test_all_offending_fields_are_named_at_once():
    lesson = LessonFactory(parent=CourseFactory())
    lesson.introduction = EVIL
    lesson.body = [("heading", "www.evil.example"), ("text", "<p>ftp://evil.example</p>")]

    with pytest.raises(ValidationError) as caught:
        lesson.full_clean()

    assert set(caught.value.message_dict) == {"introduction", "body"}
    [message] = caught.value.message_dict["body"]
    assert "www.evil.example" in message
    assert "ftp://evil.example" in message


def test_links_to_youtube_and_to_the_portal_pass():
    course = CourseFactory()
    lesson = LessonFactory(parent=course)
    lesson.body = [
        ("text", f'<p><a href="{VIDEO}">video</a></p>'),
        ("text", f'<p><a linktype="page" id="{course.pk}">course</a></p>'),
        ("text", '<p><a href="/courses/">all courses</a> and <a href="#part-2">below</a></p>'),
        ("youtube", {"url": "https://youtu.be/dQw4w9WgXcQ?t=42", "title": "The start"}),
        ("code", {"language": "python", "code": "import os.path\nprint(os.path.join('a', 'b'))"}),
    ]

    lesson.full_clean()


@pytest.mark.parametrize(
    "url", ["https://vimeo.com/1", "https://www.youtube.com/@somebody", "javascript:alert(1)"]
)
def test_the_video_field_takes_videos_only(url):
    lesson = LessonFactory(parent=CourseFactory())
    lesson.video_url = url

    with pytest.raises(ValidationError) as caught:
        lesson.full_clean()

    assert any(url in message for message in caught.value.message_dict["video_url"])


def test_the_message_names_the_link_and_the_remedy():
    with pytest.raises(ValidationError) as caught:
        validate_youtube_url("https://vimeo.com/1")

    assert caught.value.messages == [
        "“https://vimeo.com/1” leads outside the portal. Materials may link to YouTube and to pages and"
        " documents of the portal: choose a page or a document, or remove the link."
    ]


def test_blocks_within_lists_and_structures_are_read_too():
    block = StreamBlock(
        [("rows", ListBlock(StructBlock([("note", CharBlock()), ("text", RichTextBlock())])))]
    )
    value = block.to_python(
        [
            {
                "type": "rows",
                "value": [{"note": "Fine", "text": "<p>a</p>"}, {"note": EVIL, "text": "<p>b</p>"}],
            }
        ]
    )

    error = _block_error(block, value, {})

    assert list(error.block_errors[0].block_errors) == [1]
    assert list(error.block_errors[0].block_errors[1].block_errors) == ["note"]


# --- What stands in a lesson without being written there ---


def test_a_link_in_the_description_of_a_picture_is_refused(media_folder):
    lesson = LessonFactory(parent=CourseFactory())
    lesson.body = [("picture", {"image": ImageFactory(description=f"See {EVIL}"), "caption": ""})]

    with pytest.raises(ValidationError) as caught:
        lesson.full_clean()

    [message] = caught.value.message_dict["body"]
    assert message.startswith(f"Material: 1. Picture: Picture: “{EVIL}” leads outside the portal.")


def test_a_link_in_the_name_of_a_document_is_refused(media_folder):
    lesson = LessonFactory(parent=CourseFactory())
    lesson.body = [("download", {"document": DocumentFactory(title="www.evil.example"), "title": ""})]

    with pytest.raises(ValidationError) as caught:
        lesson.full_clean()

    assert "1. Download: Document: “www.evil.example”" in caught.value.message_dict["body"][0]


def test_a_sample_may_show_how_links_are_written():
    lesson = LessonFactory(parent=CourseFactory())
    lesson.body = [("code", {"language": "html", "code": '<a href="next.html">next</a> <img src="cat.png">'})]

    lesson.full_clean()


@pytest.mark.parametrize(
    "link",
    [
        '<a href="/sponsor/">us</a>',
        '<a linktype="page" id="{page}">us</a>',
        '<a href="/x/../%73ponsor">us</a>',
    ],
)
def test_a_link_to_a_page_that_is_redirected_outside_is_refused(link):
    page = catalogue_page().get_parent().add_child(instance=Page(title="Sponsor", slug="sponsor"))
    Redirect.add_redirect("/sponsor/", redirect_to=EVIL)
    lesson = LessonFactory(parent=CourseFactory())
    lesson.body = [("heading", "Thanks"), ("text", f"<p>{link.format(page=page.pk)}</p>")]

    with pytest.raises(ValidationError) as caught:
        lesson.full_clean()

    [message] = caught.value.message_dict["body"]
    assert message.startswith("Material: 2. Text: “/")
    assert "from which visitors are sent outside" in message
    assert list(caught.value.error_dict["body"][0].block_errors) == [1]


def test_a_rich_text_field_keeps_the_rule_for_redirects_too():
    Redirect.add_redirect("/sponsor", redirect_to=EVIL)
    course = CourseFactory()
    course.description = '<p><a href="/sponsor/#top">us</a></p>'

    with pytest.raises(ValidationError) as caught:
        course.full_clean()

    assert "“/sponsor/#top”" in caught.value.message_dict["description"][0]


# --- Every way to publish ---


def test_a_page_with_a_forbidden_link_cannot_be_added_live():
    course = CourseFactory()

    with pytest.raises(ValidationError):
        LessonFactory(parent=course, introduction=EVIL)

    assert not LessonPage.objects.exists()


def test_an_old_draft_with_a_forbidden_link_cannot_be_published():
    course = CourseFactory()
    lesson = LessonFactory(parent=course, draft=True)
    Page.objects.filter(pk=lesson.pk).update(search_description=EVIL)
    LessonPage.objects.filter(pk=lesson.pk).update(body=[("text", f"<p>{EVIL}</p>")])
    revision = LessonPage.objects.get(pk=lesson.pk).save_revision(clean=False)

    with pytest.raises(ValidationError) as caught:
        revision.publish()

    assert set(caught.value.message_dict) == {"search_description", "body"}
    assert not LessonPage.objects.get(pk=lesson.pk).live


def test_a_live_page_keeps_its_text_when_a_draft_with_a_forbidden_link_is_published():
    course = CourseFactory(introduction="Fine.")
    course.introduction = EVIL
    revision = course.save_revision(clean=False)

    with pytest.raises(ValidationError):
        revision.publish()

    assert CoursePage.objects.get().introduction == "Fine."
