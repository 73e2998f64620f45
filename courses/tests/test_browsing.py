"""The catalogue's filters, words and orders."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.tests.factories import UserFactory
from courses.models import CoursePage, LessonPage
from courses.services import browsing
from courses.tests.factories import CourseFactory, EnrolmentFactory, LessonFactory, TopicFactory

pytestmark = pytest.mark.django_db


def titles(**filters):
    return [course.title for course in browsing.catalogue(**filters)]


@pytest.fixture
def three_courses():
    garden, code = TopicFactory(slug="garden"), TopicFactory(slug="code")
    CourseFactory(title="Roses", topic=garden, price=Decimal("20.00"), level="ADVANCED")
    CourseFactory(title="Python", topic=code, free=True, language="ru", introduction="Snakes and roses.")
    CourseFactory(title="Apples", topic=garden, price=Decimal("5.00"))
    CourseFactory(title="Draft about roses", draft=True)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["Apples", "Python", "Roses"]),
        ({"topic": "garden"}, ["Apples", "Roses"]),
        ({"level": "ADVANCED"}, ["Roses"]),
        ({"language": "ru"}, ["Python"]),
        ({"search": "roses"}, ["Python", "Roses"]),
        ({"search": "ROSE"}, ["Python", "Roses"]),
        ({"search": "snakes roses"}, ["Python"]),
        ({"search": "roses apples"}, []),
        ({"search": "  "}, ["Apples", "Python", "Roses"]),
        ({"search": "roses", "topic": "garden"}, ["Roses"]),
    ],
)
def test_the_catalogue_narrows_down(three_courses, filters, expected):
    assert titles(**filters, ordering="title") == expected


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("title", ["Apples", "Python", "Roses"]),
        ("-title", ["Roses", "Python", "Apples"]),
        ("price", ["Python", "Apples", "Roses"]),
        ("-price", ["Roses", "Apples", "Python"]),
        ("-published_at", ["Apples", "Python", "Roses"]),
        ("published_at", ["Roses", "Python", "Apples"]),
    ],
)
def test_the_catalogue_stands_in_the_order_asked_for(three_courses, ordering, expected):
    assert titles(ordering=ordering) == expected


@pytest.mark.parametrize("search", ["'", '"', "a'b", "%", "(", "AND", "*", "\\", "🌹", "a" * 500, "NEAR("])
def test_no_words_break_the_search(three_courses, search):
    assert set(titles(search=search)) <= set(titles())


def test_the_full_text_index_finds_descriptions_too():
    CourseFactory(title="Roses", description="<p>Pruning in winter.</p>")

    assert titles(search="pruning winter") == ["Roses"]


def test_lesson_texts_are_indexed_and_whose_lesson_it_is_decides_who_finds_them():
    course = CourseFactory()
    lesson = LessonFactory(parent=course, body=[("text", "<p>Wisteria climbs.</p>")])
    member, stranger = EnrolmentFactory(course=course).member, UserFactory()

    def found_by(person):
        mine = LessonPage.objects.live().filter(pk__in=LessonPage.objects.open_to(person).values("pk"))
        return [each.pk for each in mine.search("wisteria")]

    assert found_by(member) == [lesson.pk]
    assert found_by(stranger) == []


def test_the_form_says_what_is_wrong_and_how_to_get_rid_of_a_filter(client, three_courses):
    context = client.get("/courses/?topic=garden&level=ADVANCED&ordering=title&page=9").context

    assert [card.title for card in context["cards"]] == ["Roses"]
    assert [chip["remove_url"] for chip in context["active_filters"]] == [
        "/courses/?level=ADVANCED&ordering=title",
        "/courses/?topic=garden&ordering=title",
    ]
    assert [chip["label"] for chip in context["active_filters"]][1] == "Advanced"
    assert context["query_string"] == "topic=garden&level=ADVANCED&ordering=title"
    assert client.get("/courses/?topic=nonsense").context["form"].errors["topic"]


@pytest.mark.parametrize("how_many", [1, 4])
def test_cards_cost_the_same_for_any_number_of_courses(how_many, django_assert_num_queries):
    for _ in range(how_many):
        LessonFactory(parent=CourseFactory(topic=TopicFactory()))

    with django_assert_num_queries(1):
        cards = browsing.cards(
            browsing.for_cards(CoursePage.objects.live(), viewer=AnonymousUser()),
            url_of=lambda course: course.slug,
        )

    assert [card.lessons_count for card in cards] == [1] * how_many
