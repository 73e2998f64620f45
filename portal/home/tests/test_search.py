"""Search finds what one may read, and never answers for the words of a locked lesson."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.tests.factories import UserFactory
from courses.models import Enrolment
from portal.home.services.searching import Result, find
from portal.home.tests.pages import make_course, make_lesson

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOBODY = AnonymousUser()


def titles(query, user=NOBODY):
    return [result.title for result in find(query, user=user)]


def enrol(member, course):
    Enrolment.objects.create(
        member=member, course=course, status=Enrolment.Status.ACTIVE, created_at=NOW, activated_at=NOW
    )


def test_the_words_of_a_locked_lesson_find_nothing_for_a_visitor():
    make_lesson(make_course("Baking"), "Dough", text="The secret is sourdough.")

    assert titles("sourdough") == []


def test_the_words_of_a_locked_lesson_find_nothing_for_a_member_of_another_course():
    make_lesson(make_course("Baking"), "Dough", text="The secret is sourdough.")
    reader = UserFactory()
    enrol(reader, make_course("Brewing"))

    assert titles("sourdough", user=reader) == []


def test_who_is_enrolled_finds_the_words_of_the_lesson():
    course = make_course("Baking")
    make_lesson(course, "Dough", text="The secret is sourdough.")
    reader = UserFactory()
    enrol(reader, course)

    assert titles("sourdough", user=reader) == ["Dough"]


def test_a_free_preview_is_searched_for_everyone():
    make_lesson(make_course("Baking"), "Dough", text="The secret is sourdough.", is_preview=True)

    assert titles("sourdough") == ["Dough"]


def test_a_locked_lesson_is_found_by_title_and_introduction():
    course = make_course("Baking")
    make_lesson(course, "Dough", introduction="Rising and resting.")

    assert titles("dough") == ["Dough"]
    assert titles("resting") == ["Dough"]


def test_a_hit_in_a_locked_title_cannot_be_narrowed_by_words_of_the_lesson():
    make_lesson(make_course("Baking"), "Dough", text="The secret is sourdough.")

    assert titles("dough secret") == []


def test_a_result_shows_the_introduction_and_nothing_of_the_lesson():
    make_lesson(make_course("Baking"), "Dough", text="A secret.", introduction="Rising and resting.")

    assert list(find("dough", user=NOBODY)) == [
        Result(title="Dough", url="/courses/baking/dough/", introduction="Rising and resting.", kind="Lesson")
    ]


def test_unpublished_pages_are_not_found():
    make_course("Baking at home", live=False)
    make_lesson(make_course("Cooking"), "Baking for cooks", live=False)

    assert titles("baking") == []


def test_a_lesson_of_an_unpublished_course_is_not_found():
    make_lesson(make_course("Cooking", live=False), "Baking for cooks", is_preview=True)

    assert titles("baking") == []


def test_titles_come_before_introductions_and_these_before_the_material():
    third = make_course("Cooking", description="<p>Also baking.</p>")
    second = make_course("Kitchen", introduction="Before baking.")
    first = make_course("Baking")

    assert titles("baking") == [first.title, second.title, third.title]


@pytest.mark.parametrize(
    "query", ["", " ", '"', "'", 'a"b', "*", "(", "NEAR(", "title:x", "%", "_", "\\", "x" * 5000]
)
def test_odd_questions_find_nothing_and_break_nothing(query):
    make_course("Baking")

    assert titles(query) == []


# --- The page ----------------------------------------------------------------------------------------------
def test_the_page_is_not_for_search_engines(client):
    answer = client.get("/search/", {"q": "baking"})

    assert answer.headers["X-Robots-Tag"] == "noindex"


def test_an_empty_question_shows_the_form(client):
    answer = client.get("/search/")

    assert answer.status_code == 200
    assert answer.context["total"] == 0


def test_results_come_in_pages(client, settings):
    settings.CATALOGUE_PAGE_SIZE = 2
    for number in range(3):
        make_course(f"Baking {number}")

    answer = client.get("/search/", {"q": "baking", "page": 2})

    assert [result.title for result in answer.context["results"]] == ["Baking 2"]
    assert answer.context["total"] == 3


def test_the_page_costs_the_same_with_one_result_and_with_many(client, django_assert_num_queries):
    make_lesson(make_course("Baking"), "Baking bread")
    client.get("/search/", {"q": "baking"})
    with django_assert_num_queries(17):
        client.get("/search/", {"q": "baking"})

    for number in range(3):
        make_lesson(make_course(f"Baking {number}"), f"Baking bread {number}")

    with django_assert_num_queries(17):
        client.get("/search/", {"q": "baking"})
