"""The API and the CMS write the same pages: what one writes the other reads, and the history cannot tell."""

import json

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from wagtail.models import PageLogEntry, PageSubscription, WorkflowState
from wagtail.test.utils.form_data import inline_formset, nested_form_data, rich_text, streamfield

from accounts.tests.factories import UserFactory
from courses.models import CoursePage, LessonPage
from courses.tests.crew import client_of
from courses.tests.factories import VIDEO, CourseFactory, ImageFactory, TopicFactory, catalogue_page

pytestmark = pytest.mark.django_db

COURSES, LESSONS = "/api/v1/courses/", "/api/v1/lessons/"


@pytest.fixture
def editor(client):
    person = UserFactory(superuser=True)
    client.force_login(person)
    return person


@pytest.fixture
def api(editor):
    return client_of(editor)


@pytest.fixture
def gardening():
    return {
        "title": "Gardening",
        "introduction": "Grow your own.",
        "description": "<h2>Why</h2><p>Because it is <b>good</b> &amp; cheap.</p>",
        "objectives": ["Dig", "Sow & reap"],
        "preview": ImageFactory().pk,
        "topic": TopicFactory(slug="nature").slug,
        "level": "ADVANCED",
        "language": "ru",
        "price": "12.50",
        "currency": "EUR",
        "is_sequential": True,
    }


def edit_url(page):
    return reverse("wagtailadmin_pages:edit", args=[page.pk])


def course_form(*, objectives=(), **fields):
    """What the browser posts from the course form."""
    return nested_form_data(
        {
            "title": "Gardening",
            "slug": "gardening",
            "introduction": "Grow your own.",
            "description": rich_text("<p>All about it.</p>"),
            "preview": "",
            "topic": "",
            "level": "BEGINNER",
            "language": "en",
            "price": "0",
            "currency": "USD",
            "seo_title": "",
            "search_description": "",
            "change_note": "",
            "comments": inline_formset([]),
            "objectives": streamfield([("objective", line) for line in objectives]),
            **fields,
        }
    )


def lesson_form(body=(), **fields):
    return nested_form_data(
        {
            "title": "Sowing",
            "slug": "sowing",
            "introduction": "When and how.",
            "preview": "",
            "video_url": VIDEO,
            "duration_minutes": "10",
            "price": "",
            "seo_title": "",
            "search_description": "",
            "change_note": "",
            "comments": inline_formset([]),
            "body": streamfield(list(body)),
            **fields,
        }
    )


def as_the_form_shows_it(client, page):
    """The form of the CMS as a browser would send it back unchanged."""
    form = client.get(edit_url(page)).context["form"]
    posted = {}
    for name, field in form.fields.items():
        value = form[name].value()
        if name in ("objectives", "body"):
            blocks = [
                (block["type"], block["value"])
                for block in form.instance._meta.get_field(name)
                .to_python(json.dumps(value.get_prep_value()))
                .get_prep_value()
            ]
            value = streamfield(
                [
                    (kind, rich_text(inner, features=None) if kind == "text" else inner)
                    for kind, inner in blocks
                ]
            )
        elif name == "description":
            value = rich_text(value, features=list(CoursePage._meta.get_field(name).features))
        elif value is None or value is False:
            value = ""
        posted[name] = value
        assert field is not None
    posted["comments"] = inline_formset([])
    return nested_form_data({name: value for name, value in posted.items() if value != "" or name == "price"})


def history(page):
    """What the CMS's history shows of a page, oldest first."""
    entries = PageLogEntry.objects.filter(page=page.pk).order_by("timestamp", "pk")
    return [
        (entry.action, entry.user_id, entry.content_changed, entry.revision_id is not None, entry.deleted)
        for entry in entries
    ]


def content(answer, *without):
    apart = {"id", "url", "has_unpublished_changes", "live", "workflow_status", "owner", *without}
    return {name: value for name, value in answer.items() if name not in apart}


# --- Made in the API, edited in the CMS, read in the API ---


def test_a_course_made_by_the_api_and_saved_in_the_cms_unchanged_is_the_same(client, api, gardening):
    made = api.post(COURSES, gardening).json()
    course = CoursePage.objects.get()

    saved = client.post(edit_url(course), {**as_the_form_shows_it(client, course), "action-publish": "1"})

    assert saved.status_code == 302
    read = api.get(f"{COURSES}{course.pk}/").json()
    assert content(read) == content(made)
    assert {name: read[name] for name in gardening if name != "preview"} == {
        name: value for name, value in gardening.items() if name != "preview"
    }
    assert (read["live"], read["has_unpublished_changes"]) == (True, False)


def test_a_course_made_by_the_api_and_edited_in_the_cms_reads_as_it_was_edited(client, api, gardening):
    api.post(COURSES, gardening)
    course = CoursePage.objects.get()
    form = course_form(
        title="Beekeeping",
        objectives=["Smoke"],
        description=rich_text("<p>Buzz</p>"),
        price="3.00",
        level="INTERMEDIATE",
    )

    client.post(edit_url(course), form)

    read = api.get(f"{COURSES}{course.pk}/").json()
    assert content(read, "lessons", "lessons_count", "is_subscribed") == {
        "title": "Beekeeping",
        "introduction": "Grow your own.",
        "description": "Buzz",
        "objectives": ["Smoke"],
        "preview": None,
        "topic": None,
        "level": "INTERMEDIATE",
        "language": "en",
        "price": "3.00",
        "currency": "USD",
        "is_sequential": False,
        "change_note": "",
        "is_minor_change": False,
    }


def test_a_lesson_made_by_the_api_and_edited_in_the_cms_reads_as_it_was_edited(client, api):
    course = CourseFactory()
    body = [{"type": "heading", "value": "Soil"}]
    pk = api.post(LESSONS, {"course": course.pk, "title": "Sowing", "body": body}).json()["id"]
    lesson = LessonPage.objects.get(pk=pk)
    form = lesson_form([("heading", "Water"), ("text", rich_text("<p>Dig</p>"))], price="4.00", title="Sown")

    client.post(edit_url(lesson), {**form, "action-publish": "1"})

    read = api.get(f"{LESSONS}{pk}/").json()
    [heading, text] = read.pop("body")
    assert (heading["value"], text["type"], "Dig" in text["value"]) == ("Water", "text", True)
    assert content(read) == {
        "course": course.pk,
        "section": None,
        "title": "Sown",
        "description": "When and how.",
        "preview": None,
        "video_url": VIDEO,
        "price": "4.00",
        "currency": "USD",
        "is_preview": False,
        "duration_minutes": 10,
        "change_note": "",
        "is_minor_change": False,
    }
    assert (read["live"], read["has_unpublished_changes"]) == (True, False)


# --- Made in the CMS, edited by the API, shown in the CMS ---


def test_a_lesson_made_in_the_cms_keeps_what_the_api_does_not_name(client, api, editor):
    course = CourseFactory()
    add = reverse("wagtailadmin_pages:add", args=["courses", "lessonpage", course.pk])
    made = lesson_form(
        [("heading", "Soil"), ("quote", {"text": "Simple.", "attribution": "Tim"})],
        search_description="About seeds",
        seo_title="Seeds",
    )
    client.post(add, {**made, "action-publish": "1"})
    lesson = LessonPage.objects.get()
    ids = [block.id for block in lesson.body]

    api.patch(f"{LESSONS}{lesson.pk}/", {"title": "Sown", "live": True})

    after = LessonPage.objects.get()
    assert (after.title, after.slug, after.seo_title, after.search_description) == (
        "Sown",
        "sowing",
        "Seeds",
        "About seeds",
    )
    assert [(block.block_type, block.id) for block in after.body] == [("heading", ids[0]), ("quote", ids[1])]
    form = client.get(edit_url(after)).context["form"]
    assert (form["title"].value(), form["introduction"].value()) == ("Sown", "When and how.")


def test_a_draft_of_the_cms_is_what_the_api_goes_on_from(client, api, editor):
    course = CourseFactory(title="Gardening", slug="gardening", owner=editor)
    client.post(edit_url(course), course_form(title="Draft of the CMS"))

    answer = api.patch(f"{COURSES}{course.pk}/", {"price": "7.00"}).json()

    assert (answer["title"], answer["price"]) == ("Draft of the CMS", "7.00")
    assert CoursePage.objects.get().title == "Gardening"
    shown = client.get(edit_url(course)).context["form"]
    assert (shown["title"].value(), str(shown["price"].value())) == ("Draft of the CMS", "7.00")


def test_an_address_that_an_editor_changed_in_a_draft_stays_changed(client, api, editor):
    course = CourseFactory(title="Gardening", slug="gardening", owner=editor)
    client.post(edit_url(course), course_form(slug="horticulture"))

    api.patch(f"{COURSES}{course.pk}/", {"price": "7.00", "live": True})

    assert CoursePage.objects.get().slug == "horticulture"


@pytest.mark.parametrize(("price", "is_saved"), [("4.00", True), ("0.10", False)])
def test_the_price_of_a_new_lesson_is_checked_in_the_cms(client, api, price, is_saved):
    add = reverse("wagtailadmin_pages:add", args=["courses", "lessonpage", CourseFactory().pk])

    answer = client.post(add, lesson_form(price=price))

    assert answer.status_code == (302 if is_saved else 200)
    assert LessonPage.objects.exists() is is_saved


# --- The history ---


@pytest.mark.parametrize("action", [{}, {"action-publish": "1"}])
def test_the_history_of_a_course_made_and_edited_is_that_of_an_editor(client, api, editor, action):
    add = reverse("wagtailadmin_pages:add", args=["courses", "coursepage", catalogue_page().pk])
    live = bool(action)
    client.post(add, {**course_form(slug="by-cms"), **action})
    by_cms = CoursePage.objects.get()
    client.post(edit_url(by_cms), {**course_form(slug="by-cms", introduction="Better."), **action})

    pk = api.post(COURSES, {"title": "Gardening", "live": live}).json()["id"]
    body = {"introduction": "Better.", **({"live": True} if live else {})}
    api.patch(f"{COURSES}{pk}/", body)

    by_api = CoursePage.objects.get(pk=pk)
    by_cms.refresh_from_db()
    assert history(by_api) == history(by_cms)
    for name in ("live", "has_unpublished_changes", "owner_id", "locale_id", "draft_title", "introduction"):
        assert getattr(by_api, name) == getattr(by_cms, name)
    assert by_api.revisions.count() == by_cms.revisions.count() == 2
    assert (by_api.live_revision_id is None) == (by_cms.live_revision_id is None) == (not live)
    assert set(PageSubscription.objects.values_list("page", "user")) == {
        (by_api.pk, editor.pk),
        (by_cms.pk, editor.pk),
    }


def test_the_history_of_a_submission_is_that_of_an_author(client):
    author = UserFactory()
    author.groups.add(Group.objects.get(name="Authors"))
    client.force_login(author)
    add = reverse("wagtailadmin_pages:add", args=["courses", "coursepage", catalogue_page().pk])
    client.post(add, {**course_form(slug="by-cms"), "action-submit": "1"})
    by_cms = CoursePage.objects.get()

    pk = client_of(author).post(COURSES, {"title": "Gardening", "live": True}).json()["id"]

    by_api = CoursePage.objects.get(pk=pk)
    assert history(by_api) == history(by_cms)
    assert list(WorkflowState.objects.values_list("status", "requested_by")) == [
        ("in_progress", author.pk),
        ("in_progress", author.pk),
    ]


def test_the_history_of_taking_down_and_deleting_is_that_of_an_editor(client, api):
    by_cms, by_api = CourseFactory(), CourseFactory()
    client.post(reverse("wagtailadmin_pages:unpublish", args=[by_cms.pk]))
    client.post(reverse("wagtailadmin_pages:delete", args=[by_cms.pk]))

    api.patch(f"{COURSES}{by_api.pk}/", {"live": False})
    api.delete(f"{COURSES}{by_api.pk}/")

    assert history(by_api) == history(by_cms)
    assert history(by_api)[-1][0] == "wagtail.delete"
