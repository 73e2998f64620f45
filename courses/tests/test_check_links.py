"""The command that asks the rule for links again of everything stored."""

import io
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from wagtail.contrib.redirects.models import Redirect
from wagtail.models import Page

from courses.models import CourseChange, CourseIndexPage, CoursePage, CourseTopic, LessonPage
from courses.tests.factories import (
    VIDEO,
    CourseFactory,
    DocumentFactory,
    ImageFactory,
    LessonFactory,
    SectionFactory,
    TopicFactory,
    catalogue_page,
)
from portal.content.models import PortalImage

pytestmark = pytest.mark.django_db

EVIL = "https://evil.example/course"
OUTSIDE = (
    f"“{EVIL}” leads outside the portal. Materials may link to YouTube and to pages and documents of the"
    " portal: choose a page or a document, or remove the link."
)


def check_links():
    """What the command prints when all is well. Raises CommandError otherwise."""
    printed = io.StringIO()
    call_command("check_links", stdout=printed)
    return printed.getvalue()


def findings():
    """What the command prints of forbidden links, by line."""
    printed = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("check_links", stdout=printed)
    assert caught.value.returncode == 1
    return printed.getvalue().splitlines()


def places():
    """Where the command finds forbidden links."""
    return [
        line.strip() for line in findings() if line.startswith("  ") and not line.strip().startswith(LABELS)
    ]


LABELS = ("link: ", "why: ", "edit: ")


def test_what_keeps_the_rule_passes(media_folder):
    course = CourseFactory(description='<p><a href="/courses/">all</a></p>')
    lesson = LessonFactory(parent=SectionFactory(parent=course))
    lesson.body = [
        ("text", f'<p><a href="{VIDEO}">video</a> <a linktype="page" id="{course.pk}">course</a></p>'),
        ("picture", {"image": ImageFactory(), "caption": "A field"}),
        ("download", {"document": DocumentFactory(), "title": ""}),
    ]
    lesson.save_revision().publish()

    assert check_links().startswith("No forbidden links in ")


def test_a_finding_names_page_field_link_reason_and_where_to_edit(settings):
    settings.WAGTAILADMIN_BASE_URL = "https://portal.example"
    lesson = LessonFactory(parent=CourseFactory(), title="Sowing")
    LessonPage.objects.filter(pk=lesson.pk).update(body=[("heading", "Fine"), ("text", f"<p>{EVIL}</p>")])

    assert findings() == [
        f"Page {lesson.pk} “Sowing” (published)",
        "  Material: 2. Text",
        f"    link: {EVIL}",
        f"    why:  {OUTSIDE}",
        f"  edit: https://portal.example/cms/pages/{lesson.pk}/edit/",
    ]


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("introduction", EVIL, "Introduction"),
        ("video_url", "https://vimeo.com/1", "Video"),
        ("search_description", EVIL, "Meta description"),
        ("seo_title", EVIL, "Title tag"),
        (
            "body",
            [("youtube", {"url": "https://vimeo.com/1", "title": "x"})],
            "Material: 1. YouTube video: Address",
        ),
        ("body", [("quote", {"text": "x", "attribution": EVIL})], "Material: 1. Quote: Attribution"),
        ("body", [("text", '<p><embed embedtype="media" url="//evil"/></p>')], "Material: 1. Text"),
        ("body", [("text", '<!-- <a href="//evil">x</a> -->')], "Material: 1. Text"),
    ],
)
def test_every_field_of_a_lesson_is_checked(field, value, place):
    lesson = LessonFactory(parent=CourseFactory())
    if field in {"search_description", "seo_title"}:
        Page.objects.filter(pk=lesson.pk).update(**{field: value})
    else:
        LessonPage.objects.filter(pk=lesson.pk).update(**{field: value})

    assert places() == [place]


def test_catalogue_courses_and_sections_are_checked():
    course = CourseFactory()
    section = SectionFactory(parent=course)
    CourseIndexPage.objects.update(introduction=EVIL)
    CoursePage.objects.update(
        description=f'<p><a href="{EVIL}">x</a></p>', objectives=[("objective", f"Read {EVIL}")]
    )
    Page.objects.filter(pk=section.pk).update(title=f"See {EVIL}")

    assert sorted(places()) == ["Description", "Introduction", "Objectives: 1. Objective", "Title"]


def test_drafts_are_checked_and_say_only_what_is_new():
    lesson = LessonFactory(parent=CourseFactory())
    LessonPage.objects.filter(pk=lesson.pk).update(introduction=EVIL)
    lesson.introduction = EVIL
    lesson.body = [("heading", EVIL)]
    lesson.save_revision(clean=False)

    lines = findings()

    assert [line for line in lines if not line.startswith(" ")] == [
        f"Page {lesson.pk} “{lesson.title}” (published)",
        f"Page {lesson.pk} “{lesson.title}” (draft)",
    ]
    assert [line for line in lines if line in {"  Introduction", "  Material: 1. Heading"}] == [
        "  Introduction",
        "  Material: 1. Heading",
    ]


def test_a_draft_that_waits_for_its_time_is_checked_though_a_newer_one_is_clean():
    lesson = LessonFactory(parent=CourseFactory())
    lesson.introduction = EVIL
    lesson.save_revision(approved_go_live_at=datetime(2030, 1, 1, tzinfo=UTC), clean=False)
    lesson.introduction = "Fine."
    lesson.save_revision()

    assert findings()[0] == f"Page {lesson.pk} “{lesson.title}” (scheduled)"


def test_a_superseded_draft_is_not_checked():
    lesson = LessonFactory(parent=CourseFactory())
    lesson.introduction = EVIL
    lesson.save_revision(clean=False)
    lesson.introduction = "Fine."
    lesson.save_revision().publish()

    check_links()


def test_topics_and_notes_about_changes_are_checked():
    topic = TopicFactory(name="www.evil.example")
    course = CourseFactory(topic=topic)
    CourseChange.objects.create(
        course=course,
        page=course,
        title="Gardening",
        kind=CourseChange.Kind.CHANGED,
        note=f"See {EVIL}",
        published_at=datetime(2026, 3, 2, tzinfo=UTC),
    )

    lines = findings()

    assert [line for line in lines if not line.startswith(" ")] == [
        f"Course topic {topic.pk} “www.evil.example” (published)",
        f"Change {CourseChange.objects.get().pk} “Gardening” (told on 2026-03-02)",
    ]
    assert CourseTopic.objects.count() == 1


def test_a_picture_described_anew_is_found_in_the_lesson(media_folder):
    lesson = LessonFactory(parent=CourseFactory())
    lesson.body = [("picture", {"image": ImageFactory(), "caption": ""})]
    lesson.save()
    PortalImage.objects.update(description=EVIL)

    assert places() == ["Material: 1. Picture: Picture"]


def test_a_redirect_made_after_materials_linked_there_is_found():
    lesson = LessonFactory(parent=CourseFactory())
    lesson.body = [("text", '<p><a href="/sponsor/">us</a></p>')]
    lesson.save()
    check_links()
    Redirect.add_redirect("/sponsor", redirect_to=EVIL)

    lines = findings()

    assert "  Material: 1. Text" in lines
    assert "    link: /sponsor/" in lines


def test_a_redirect_in_place_of_a_course_is_found_and_others_are_left_alone():
    path = catalogue_page().url
    redirect = Redirect.add_redirect(f"{path}old-course", redirect_to=EVIL)
    Redirect.add_redirect(f"{path}older", redirect_to=VIDEO)
    Redirect.add_redirect("/donate", redirect_to=EVIL)

    lines = findings()

    assert lines[:3] == [
        f"Redirect {redirect.pk} “{path}old-course”",
        "  Redirect to",
        f"    link: {EVIL}",
    ]
    assert len(lines) == 5


def test_thirty_pages_take_as_many_queries_as_one():
    course = CourseFactory()

    def queries_with(more):
        for _ in range(more):
            lesson = LessonFactory(parent=course)
            lesson.body = [
                ("text", f'<p><a linktype="page" id="{course.pk}">course</a> <a href="/x/">x</a></p>')
            ]
            lesson.save_revision()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            check_links()
        return len(queries)

    check_links()

    assert queries_with(1) == queries_with(29) <= 25
