"""An editor looks at a draft as learners will see it, and leaves no trace."""

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from wagtail.models import PageLogEntry, Revision
from wagtail.signals import page_published

from accounts.models import Message
from accounts.tests.factories import UserFactory
from courses.models import LessonPage
from courses.tests.factories import CourseFactory, EnrolmentFactory, LessonFactory
from courses.tests.test_editing import edit_url, lesson_form

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(client):
    user = UserFactory(superuser=True)
    client.force_login(user)
    return user


@pytest.fixture
def course(editor):
    """A course in which the editor studies too: as a learner, opening a lesson would leave a trace."""
    course = CourseFactory(title="Gardening", free=True)
    EnrolmentFactory(course=course, member=editor)
    return course


def preview_of(page):
    return reverse("wagtailadmin_pages:preview_on_edit", args=[page.pk])


def written():
    models = [*apps.get_app_config("courses").get_models(), Revision, PageLogEntry, Message]
    return {model._meta.label: model.objects.count() for model in models}


def course_form(**fields):
    return {
        "title": "Gardening",
        "slug": "gardening",
        "introduction": "By the moon.",
        "level": "BEGINNER",
        "language": "en",
        "price": "0",
        "currency": "USD",
        "description": "null",
        "objectives-count": "0",
        "comments-TOTAL_FORMS": "0",
        "comments-INITIAL_FORMS": "0",
        **fields,
    }


def test_a_preview_of_a_lesson_writes_nothing(client, course):
    lesson = LessonFactory(parent=course, title="Sowing", slug="sowing")
    before, published = written(), []
    page_published.connect(lambda **kwargs: published.append(kwargs), weak=False, dispatch_uid="looking")

    client.post(preview_of(lesson), lesson_form([("heading", "Not saved yet")]))
    with CaptureQueriesContext(connection) as asked:
        text = client.get(preview_of(lesson)).content.decode()
    page_published.disconnect(dispatch_uid="looking")

    assert "Not saved yet" in text
    assert (written(), published) == (before, [])
    # The settings of the site are made by whoever looks at it first.
    writes = [each["sql"] for each in asked if each["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert [sql for sql in writes if "home_sitesettings" not in sql] == []


def test_a_preview_of_a_course_writes_nothing_and_shows_what_is_not_saved(client, course):
    before = written()

    posted = client.post(preview_of(course), course_form(introduction="Not saved yet"))
    text = client.get(preview_of(course)).content.decode()

    assert posted.json()["is_valid"]
    assert "Not saved yet" in text
    assert written() == before


def test_looking_at_a_saved_draft_writes_nothing(client, course):
    lesson = LessonFactory(parent=course, title="Sowing", slug="sowing")
    client.post(edit_url(lesson), lesson_form([("heading", "Saved draft")]))
    before = written()

    text = client.get(reverse("wagtailadmin_pages:view_draft", args=[lesson.pk])).content.decode()

    assert "Saved draft" in text
    assert written() == before


def test_a_draft_of_a_lesson_in_a_live_course_is_seen_by_nobody_else(client, course, editor):
    lesson = LessonFactory(parent=course, title="Sowing", slug="sowing", introduction="As it was.")

    client.post(edit_url(lesson), lesson_form(introduction="As it will be."))

    assert LessonPage.objects.get().introduction == "As it was."
    learner = EnrolmentFactory(course=course).member
    client.force_login(learner)
    text = client.get(lesson.url).content.decode()
    assert "As it was." in text
    assert "As it will be." not in text


@pytest.mark.parametrize("kind", ["course", "lesson"])
def test_nothing_can_be_sent_from_a_preview(client, course, kind):
    page = course if kind == "course" else LessonFactory(parent=course, slug="sowing")
    client.post(preview_of(page), course_form() if kind == "course" else lesson_form())

    answer = client.get(preview_of(page))

    assert answer.status_code == 200
    assert answer["Content-Security-Policy"] == "form-action 'none'; connect-src 'none'"


def test_the_page_itself_is_not_held_back(client, course):
    assert "form-action 'self'" in client.get(course.url)["Content-Security-Policy"]
