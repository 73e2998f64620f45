"""The rule for links in the forms of the CMS: refused wherever it stands, said where, and nothing is lost."""

import json
from html import unescape

import pytest
from django.urls import reverse
from wagtail.contrib.redirects.models import Redirect
from wagtail.models import Page
from wagtail.test.utils.form_data import inline_formset, nested_form_data, rich_text, streamfield

from accounts.tests.factories import UserFactory
from courses.models import CoursePage, CourseTopic, LessonPage
from courses.tests.factories import (
    VIDEO,
    CourseFactory,
    DocumentFactory,
    ImageFactory,
    LessonFactory,
    SectionFactory,
    catalogue_page,
)

pytestmark = pytest.mark.django_db

EVIL = "https://evil.example/course"


@pytest.fixture(autouse=True)
def editor(client):
    user = UserFactory(superuser=True)
    client.force_login(user)
    return user


def lesson_form(body=(), **fields):
    return nested_form_data(
        {
            "title": "Sowing anew",
            "slug": "sowing",
            "introduction": "When and how.",
            "video_url": VIDEO,
            "duration_minutes": "10",
            "price": "",
            "seo_title": "",
            "search_description": "",
            "comments": inline_formset([]),
            "body": streamfield(list(body)),
            **fields,
        }
    )


def course_form(**fields):
    return nested_form_data(
        {
            "title": "Gardening anew",
            "slug": "gardening",
            "introduction": "Learn it in a week.",
            "description": rich_text("<p>Dig.</p>"),
            "objectives": streamfield([]),
            "price": "0",
            "currency": "USD",
            "level": "BEGINNER",
            "language": "en",
            "seo_title": "",
            "search_description": "",
            "comments": inline_formset([]),
            **fields,
        }
    )


def post(client, page, form):
    return client.post(
        reverse("wagtailadmin_pages:edit", args=[page.pk]), {**form, "action-publish": "action-publish"}
    )


def said_at(error, place):
    """What the form says at a place inside a StreamField: (block's number, names of fields inside)."""
    number, *names = place
    described = error.as_json_data()["blockErrors"][number]
    for name in names:
        described = described["blockErrors"][name]
    return described["messages"]


def assert_kept(response, *written):
    """Whatever was typed stands in the form again."""
    shown = unescape(response.content.decode())
    for words in written:
        assert words in shown or json.dumps(words)[1:-1] in shown, words


BODIES = {
    "link in text": ("text", lambda: rich_text(f'<p><a href="{EVIL}">more</a></p>'), (1,), "Text"),
    "address in text": ("text", lambda: rich_text(f"<p>See {EVIL}</p>"), (1,), "Text"),
    "link by another protocol": (
        "text",
        lambda: rich_text('<p><a href="mailto:a@evil.example">x</a></p>'),
        (1,),
        "Text",
    ),
    "heading": ("heading", lambda: f"See {EVIL}", (1,), "Heading"),
    "quote": ("quote", lambda: {"text": f"See {EVIL}", "attribution": ""}, (1, "text"), "Text"),
    "attribution": (
        "quote",
        lambda: {"text": "Well said.", "attribution": EVIL},
        (1, "attribution"),
        "Attribution",
    ),
    "callout": (
        "callout",
        lambda: {"kind": "tip", "text": rich_text(f'<p><a href="{EVIL}">x</a></p>')},
        (1, "text"),
        "Text",
    ),
    "code": ("code", lambda: {"language": "python", "code": f'get("{EVIL}")'}, (1, "code"), "Code"),
    "caption": ("picture", lambda: {"image": ImageFactory().pk, "caption": EVIL}, (1, "caption"), "Caption"),
    "description of a picture": (
        "picture",
        lambda: {"image": ImageFactory(description=EVIL).pk, "caption": ""},
        (1, "image"),
        "Picture",
    ),
    "video": ("youtube", lambda: {"url": EVIL, "title": "A video"}, (1, "url"), ""),
    "title of a video": ("youtube", lambda: {"url": VIDEO, "title": EVIL}, (1, "title"), "Title"),
    "title of a download": (
        "download",
        lambda: {"document": DocumentFactory().pk, "title": EVIL},
        (1, "title"),
        "Title",
    ),
    "title of a document": (
        "download",
        lambda: {"document": DocumentFactory(title=EVIL).pk, "title": ""},
        (1, "document"),
        "Document",
    ),
}


@pytest.mark.parametrize(("block", "make", "place", "label"), BODIES.values(), ids=BODIES.keys())
def test_a_forbidden_link_in_any_block_is_refused_at_its_place(
    client, media_folder, block, make, place, label
):
    lesson = LessonFactory(parent=CourseFactory(), title="Sowing", slug="sowing")
    body = [("heading", "Words that stay"), (block, make())]

    response = post(client, lesson, lesson_form(body))

    assert response.status_code == 200
    [error] = response.context["form"].errors["body"].as_data()
    [message] = said_at(error, place)
    assert message.startswith(f"{label}: “" if label else "“")
    assert "evil.example" in message
    assert_kept(response, "Sowing anew", "Words that stay", "evil.example")
    assert LessonPage.objects.get().title == "Sowing"
    assert lesson.revisions.count() == 0


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("title", "Title"),
        ("introduction", "Introduction"),
        ("video_url", ""),
        ("seo_title", "Title tag"),
        ("search_description", "Meta description"),
    ],
)
def test_a_forbidden_link_in_any_field_of_a_lesson_is_refused(client, field, label):
    lesson = LessonFactory(parent=CourseFactory(), title="Sowing", slug="sowing")

    response = post(client, lesson, lesson_form([("heading", "Words that stay")], **{field: EVIL}))

    [message] = response.context["form"].errors[field]
    assert message.startswith(f"{label}: “{EVIL}”" if label else f"“{EVIL}”")
    assert_kept(response, "Words that stay", EVIL)
    assert lesson.revisions.count() == 0


@pytest.mark.parametrize(
    ("field", "value", "label"),
    [
        ("introduction", EVIL, "Introduction"),
        ("description", rich_text(f'<p><a href="{EVIL}">more</a></p>'), "Description"),
        ("description", rich_text(f"<h2>{EVIL}</h2>", features=["h2"]), "Description"),
        ("objectives", streamfield([("objective", f"Read {EVIL}")]), "Objectives: 1. Objective"),
    ],
)
def test_a_forbidden_link_in_any_field_of_a_course_is_refused(client, field, value, label):
    course = CourseFactory(title="Gardening", slug="gardening")

    response = post(client, course, course_form(**{field: value}))

    [message] = response.context["form"].errors[field]
    assert message.startswith("Objectives: " if field == "objectives" else f"{label}: “{EVIL}”")
    assert EVIL in message
    assert_kept(response, "Gardening anew", EVIL)
    assert CoursePage.objects.get().title == "Gardening"


@pytest.mark.parametrize("kind", ["course", "section", "lesson"])
def test_a_forbidden_link_in_the_note_about_a_change_is_refused(client, kind):
    course = CourseFactory(title="Gardening", slug="gardening")
    page = {
        "course": lambda: course,
        "section": lambda: SectionFactory(parent=course, title="Spring", slug="spring"),
        "lesson": lambda: LessonFactory(parent=course, title="Sowing", slug="sowing"),
    }[kind]()
    section_form = nested_form_data({"title": "Spring", "slug": "spring", "comments": inline_formset([])})
    form = {"course": course_form(), "section": section_form, "lesson": lesson_form()}[kind]

    response = post(client, page, {**form, "change_note": f"More at {EVIL}"})

    [message] = response.context["form"].errors["change_note"]
    assert message.startswith("What changed: ")
    assert EVIL in message
    assert Page.objects.get(pk=page.pk).latest_revision is None


def test_a_forbidden_link_in_the_name_of_a_topic_is_refused(client):
    form = {"name": "Baking by evil.example.com/bread", "slug": "baking"}

    response = client.post(reverse("wagtailsnippets_courses_coursetopic:add"), form)

    [message] = response.context["form"].errors["name"]
    assert message.startswith("Name: “evil.example.com/bread”")
    assert not CourseTopic.objects.exists()


def test_a_forbidden_link_in_a_section_or_the_catalogue_is_refused(client):
    section = SectionFactory(parent=CourseFactory(), title="Soil")
    catalogue = catalogue_page()
    form = nested_form_data({"title": f"See {EVIL}", "slug": "soil", "comments": inline_formset([])})
    index = nested_form_data(
        {"title": "Courses", "slug": "courses", "introduction": EVIL, "comments": inline_formset([])}
    )

    of_section = post(client, section, form).context["form"].errors
    of_catalogue = post(client, catalogue, index).context["form"].errors

    assert of_section["title"][0].startswith(f"Title: “{EVIL}”")
    assert of_catalogue["introduction"][0].startswith(f"Introduction: “{EVIL}”")


def test_a_link_to_a_page_that_is_redirected_outside_is_refused(client):
    page = Page.objects.get(depth=2).add_child(instance=Page(title="Sponsor", slug="sponsor"))
    Redirect.add_redirect("/sponsor", redirect_to=EVIL)
    lesson = LessonFactory(parent=CourseFactory(), title="Sowing", slug="sowing")
    body = [("text", rich_text(f'<p><a linktype="page" id="{page.pk}">us</a></p>'))]

    response = post(client, lesson, lesson_form(body))

    [error] = response.context["form"].errors["body"].as_data()
    assert said_at(error, (0,)) == [
        "Text: “/sponsor/” is an address of the portal from which visitors are sent outside."
        " Link to another page, or remove the redirect."
    ]


def test_links_to_youtube_pages_and_documents_are_saved(client, media_folder):
    course = CourseFactory()
    lesson = LessonFactory(parent=course, title="Sowing", slug="sowing")
    document = DocumentFactory()
    text = (
        f'<p><a href="{VIDEO}">video</a> <a linktype="page" id="{course.pk}">course</a>'
        f' <a linktype="document" id="{document.pk}">sheet</a> <a href="/courses/">all</a></p>'
    )

    response = post(
        client, lesson, lesson_form([("text", rich_text(text, features=["link", "document-link"]))])
    )

    assert response.status_code == 302
    saved = LessonPage.objects.get().body[0].value.source
    assert saved.count("<a ") == 4
