"""Editors at work: the rules hold in the real views of the CMS."""

import json
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from wagtail.models import Page
from wagtail.test.utils.form_data import inline_formset, nested_form_data, rich_text, streamfield

from accounts.tests.factories import UserFactory
from courses.models import CourseIndexPage, CoursePage, CourseSectionPage, LessonPage
from courses.tests.factories import (
    VIDEO,
    CourseFactory,
    EnrolmentFactory,
    LessonFactory,
    SectionFactory,
    catalogue_page,
)

pytestmark = pytest.mark.django_db

EVIL = "https://evil.example/course"


@pytest.fixture
def editor(client):
    user = UserFactory(superuser=True)
    client.force_login(user)
    return user


def lesson_form(body=(), **fields):
    """What the browser posts from the lesson form; body is a list of (block, value)."""
    return nested_form_data(
        {
            "title": "Sowing",
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


def add_url(model, parent):
    return reverse("wagtailadmin_pages:add", args=[model._meta.app_label, model._meta.model_name, parent.pk])


def edit_url(page):
    return reverse("wagtailadmin_pages:edit", args=[page.pk])


def test_a_lesson_is_published_from_the_form(client, editor):
    course = CourseFactory(title="Gardening")

    response = client.post(
        add_url(LessonPage, course),
        {**lesson_form([("text", rich_text("<p>Dig.</p>"))]), "action-publish": "1"},
    )

    assert response.status_code == 302
    lesson = LessonPage.objects.get()
    assert (lesson.live, lesson.owner, lesson.url) == (True, editor, "/courses/gardening/sowing/")


@pytest.mark.parametrize("action", [{}, {"action-publish": "1"}, {"action-submit": "1"}])
@pytest.mark.parametrize(
    ("field", "form"),
    [
        ("body", {"body": [("text", rich_text(f'<p><a href="{EVIL}">more</a></p>'))]}),
        ("body", {"body": [("code", {"language": "text", "code": EVIL})]}),
        ("video_url", {"video_url": "https://vimeo.com/123456"}),
        ("introduction", {"introduction": f"See {EVIL}"}),
    ],
)
def test_the_form_refuses_a_foreign_link_on_draft_publish_and_submit(client, editor, field, form, action):
    lesson = LessonFactory(parent=CourseFactory(), title="Sowing", slug="sowing")
    before = lesson.revisions.count()

    response = client.post(edit_url(lesson), {**lesson_form(**form), **action})

    assert response.status_code == 200
    [message] = response.context["form"].errors[field]
    assert "evil.example" in message or "vimeo.com" in message
    assert lesson.revisions.count() == before
    assert "evil" not in LessonPage.objects.get().introduction


def test_autosave_refuses_a_foreign_link_too(client, editor):
    lesson = LessonFactory(parent=CourseFactory(), title="Sowing", slug="sowing")

    response = client.post(
        edit_url(lesson), lesson_form(introduction=EVIL), headers={"Accept": "application/json"}
    )

    assert response.status_code == 400
    assert response.json()["success"] is False
    assert lesson.revisions.count() == 0


def test_the_editor_sees_the_refusal_at_the_block(client, editor):
    lesson = LessonFactory(parent=CourseFactory(), title="Sowing", slug="sowing")
    body = [("heading", "Fine"), ("quote", {"text": f"See {EVIL}", "attribution": ""})]

    response = client.post(edit_url(lesson), lesson_form(body))

    error = response.context["form"].errors["body"].as_data()[0]
    assert (
        json.dumps(error.as_json_data()["blockErrors"][1]["blockErrors"]["text"]).count("evil.example") == 1
    )


def test_a_draft_may_be_unfinished(client, editor):
    course = CourseFactory()

    response = client.post(add_url(LessonPage, course), lesson_form(introduction="", video_url=""))

    assert response.status_code == 302
    assert not LessonPage.objects.get().live


@pytest.mark.parametrize(
    ("price", "currency", "message"),
    [
        ("0.20", "USD", "The least that can be paid by card is 0.50 USD."),
        ("10.50", "JPY", "JPY has no such small change."),
        ("-1", "USD", "The least that can be paid"),
    ],
)
def test_a_price_that_nobody_can_pay_is_refused(settings, price, currency, message):
    settings.CURRENCIES = ["USD", "EUR", "JPY"]
    course = CourseFactory()
    course.price, course.currency = Decimal(price), currency

    with pytest.raises(ValidationError) as caught:
        course.full_clean()

    assert message in caught.value.message_dict["price"][0]


def test_a_lesson_sold_alone_keeps_the_rule_for_prices_of_its_course(client, editor):
    lesson = LessonFactory(parent=CourseFactory(), title="Sowing", slug="sowing")

    response = client.post(edit_url(lesson), {**lesson_form(price="0.10"), "action-publish": "1"})

    assert "The least that can be paid" in response.context["form"].errors["price"][0]


def test_a_currency_in_which_a_lesson_cannot_be_paid_is_refused(settings):
    settings.CURRENCIES = ["USD", "JPY"]
    course = CourseFactory()
    LessonFactory(parent=course, title="Sowing", price=Decimal("9.50"))
    course.price, course.currency = Decimal("4900"), "JPY"

    with pytest.raises(ValidationError) as caught:
        course.full_clean()

    assert caught.value.message_dict["currency"] == [
        "The price of the lesson “Sowing” does not fit: JPY has no such small change. Write a whole amount."
    ]


def test_page_types_stand_where_they_make_sense():
    assert CourseIndexPage.allowed_subpage_models() == [CoursePage]
    assert set(CoursePage.allowed_subpage_models()) == {CourseSectionPage, LessonPage}
    assert CourseSectionPage.allowed_subpage_models() == [LessonPage]
    assert LessonPage.allowed_subpage_models() == []
    assert CoursePage.allowed_parent_page_models() == [CourseIndexPage]


def test_there_is_one_catalogue():
    catalogue = catalogue_page()

    assert not CourseIndexPage.can_create_at(catalogue.get_parent())


def test_the_explorer_lists_lessons_in_the_order_of_study(client, editor):
    course = CourseFactory()
    second, first = LessonFactory(parent=course, title="Second"), LessonFactory(parent=course, title="First")
    first.move(second, "left")

    response = client.get(reverse("wagtailadmin_explore", args=[course.pk]))

    assert [page.title for page in response.context["object_list"]] == ["First", "Second"]


def test_an_editor_previews_a_draft_as_learners_will_see_it(client, editor):
    lesson = LessonFactory(parent=CourseFactory(), title="Sowing", slug="sowing", draft=True)
    preview = reverse("wagtailadmin_pages:preview_on_edit", args=[lesson.pk])

    posted = client.post(preview, lesson_form([("heading", "Not saved yet")]))
    response = client.get(preview)

    assert posted.json()["is_valid"]
    assert "Not saved yet" in response.content.decode()
    assert response.context["may_complete"] is False


def test_an_editor_previews_a_lesson_that_is_not_saved(client, editor):
    course = CourseFactory()
    preview = reverse("wagtailadmin_pages:preview_on_add", args=["courses", "lessonpage", course.pk])

    client.post(preview, lesson_form([("heading", "Brand new")]))
    response = client.get(preview)

    assert "Brand new" in response.content.decode()


@pytest.mark.parametrize("is_in_bulk", [False, True])
def test_what_people_study_cannot_be_deleted(client, editor, is_in_bulk):
    course = CourseFactory(title="Gardening")
    LessonFactory(parent=course)
    EnrolmentFactory(course=course)
    url = (
        reverse("wagtail_bulk_action", args=["wagtailcore", "page", "delete"]) + f"?id={course.pk}"
        if is_in_bulk
        else reverse("wagtailadmin_pages:delete", args=[course.pk])
    )

    response = client.post(url, follow=True)

    assert "“Gardening” cannot be deleted: 1 person is or was enrolled." in response.content.decode()
    assert CoursePage.objects.filter(pk=course.pk).exists()


def test_a_course_without_members_can_be_deleted(client, editor):
    course = CourseFactory()
    SectionFactory(parent=course)

    client.post(reverse("wagtailadmin_pages:delete", args=[course.pk]))

    assert not Page.objects.filter(pk=course.pk).exists()


def test_topics_have_a_list_of_their_own(client, editor):
    response = client.get(reverse("wagtailsnippets_courses_coursetopic:list"))

    assert response.status_code == 200
