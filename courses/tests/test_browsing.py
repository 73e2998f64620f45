"""The catalogue's filters, words and orders."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import text

from accounts.tests.factories import UserFactory
from courses.models import CoursePage, CourseTopic, LessonPage
from courses.services import browsing
from courses.tests.factories import (
    NOON,
    CourseFactory,
    EnrolmentFactory,
    LessonFactory,
    SectionFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db


def titles(**filters):
    return [course.title for course in browsing.catalogue(**filters)]


@pytest.fixture
def three_courses():
    garden, code = TopicFactory(slug="garden", name="A garden"), TopicFactory(slug="code", name="Code")
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


ODD = [
    "'",
    '"',
    "a'b",
    "%",
    "(",
    "AND",
    "*",
    "\\",
    "🌹",
    "a" * 10_000,
    "NEAR(",
    "roses:*",
    "!roses",
    "\x00",
    "_",
]


@pytest.mark.parametrize("search", [*ODD, "a b " * 2_500, "roses & | ! <-> 'apples"])
def test_no_words_break_the_search(three_courses, search):
    assert set(titles(search=search)) <= set(titles())


@pytest.mark.postgres
@given(search=text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@example("a" * 10_000)
@example("':*&|!()<->\\")
def test_no_search_fails_on_postgresql_either(three_courses, search):
    titles(search=search)

    # A statement that failed would have aborted the transaction.
    assert CoursePage.objects.count() == 4


def test_the_full_text_index_finds_descriptions_too():
    CourseFactory(title="Roses", description="<p>Pruning in winter.</p>")

    assert titles(search="pruning winter") == ["Roses"]


def both_databases(test):
    """Run a test here, and again where PostgreSQL is: the two search differently."""
    return pytest.mark.parametrize(
        "database", ["any", pytest.param("postgresql", marks=pytest.mark.postgres)]
    )(test)


@both_databases
def test_the_best_match_stands_first(database):
    in_lesson = CourseFactory(title="Winter")
    LessonFactory(parent=SectionFactory(parent=in_lesson), body=[("text", "<p>Tulips want frost.</p>")])
    CourseFactory(title="Tulipsmania", introduction="A history of money.")
    CourseFactory(title="Spring", introduction="All about tulips.")
    CourseFactory(title="Tulips")
    CourseFactory(title="Snow", introduction="Cold.")

    assert titles(search="tulips") == ["Tulips", "Spring", "Tulipsmania", "Winter"]
    assert sorted(titles(search="tuli")) == ["Spring", "Tulips", "Tulipsmania"]
    assert titles(search="tulips", ordering="title") == ["Spring", "Tulips", "Tulipsmania", "Winter"]
    assert titles(search="tulips frost") == ["Winter"]


@both_databases
@pytest.mark.parametrize("hidden", ["lesson", "section", "course"])
def test_what_is_not_published_finds_no_course(database, hidden):
    course = CourseFactory(draft=hidden == "course")
    section = SectionFactory(parent=course, draft=hidden == "section")
    LessonFactory(parent=section, draft=hidden == "lesson", title="Wisteria")

    assert titles(search="wisteria") == []


def test_words_of_locked_lessons_find_the_course_and_show_nothing_of_the_lesson(client):
    LessonFactory(
        parent=CourseFactory(title="Climbers"), body=[("text", "<p>Wisteria climbs leftwards.</p>")]
    )

    page = client.get("/courses/?search=wisteria")

    assert [card.title for card in page.context["cards"]] == ["Climbers"]
    assert "leftwards" not in page.content.decode()


def facets(search="", **chosen):
    return {
        facet.name: {option.value: option.count for option in facet.options}
        for facet in browsing.survey(search=search).facets(chosen)
    }


def test_every_facet_counts_what_the_others_leave(three_courses):
    topics = {topic.slug: topic.name for topic in CourseTopic.objects.all()}
    assert list(topics) == ["garden", "code"]

    assert facets() == {
        "topic": {"garden": 2, "code": 1},
        "level": {"BEGINNER": 2, "ADVANCED": 1},
        "language": {"en": 2, "ru": 1},
        "price": {"free": 1, "paid": 2},
    }
    assert facets(topic="garden") == {
        "topic": {"garden": 2, "code": 1},
        "level": {"BEGINNER": 1, "ADVANCED": 1},
        "language": {"en": 2},
        "price": {"paid": 2},
    }
    assert facets(search="roses", level="ADVANCED") == {
        "topic": {"garden": 1},
        "level": {"BEGINNER": 1, "ADVANCED": 1},
        "language": {"en": 1},
        "price": {"paid": 1},
    }


def test_a_chosen_option_stays_although_nothing_is_left_of_it(three_courses):
    assert facets(topic="garden", language="ru")["topic"] == {"garden": 0, "code": 1}


@pytest.mark.parametrize("search", ["", "roses"])
@pytest.mark.parametrize(
    "chosen", [{}, {"topic": "garden"}, {"price": "free"}, {"price": "paid", "level": "ADVANCED"}]
)
def test_the_count_is_of_the_courses_that_are_listed(three_courses, chosen, search):
    survey = browsing.survey(search=search)

    assert survey.count(chosen) == len(survey.courses(chosen))


@pytest.mark.parametrize(("search", "expected"), [("", 1), ("roses", 2)])
@pytest.mark.parametrize("how_many", [1, 3])
def test_a_survey_costs_the_same_for_any_number_of_courses(
    how_many, search, expected, django_assert_num_queries
):
    for _ in range(how_many):
        LessonFactory(parent=CourseFactory(topic=TopicFactory(), title="Roses"))
    browsing.survey(search="warm")

    with django_assert_num_queries(expected):
        survey = browsing.survey(search=search)

    assert survey.count({}) == how_many


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


def test_facets_and_courses_are_what_counting_by_hand_gives():
    topics = [TopicFactory(), TopicFactory()]
    courses = [CourseFactory(title="Roses" if number % 2 else "Apples") for number in range(5)]
    kind = st.tuples(
        st.sampled_from([None, *topics]),
        st.sampled_from(CoursePage.Level.values),
        st.sampled_from(["en", "ru"]),
        st.sampled_from([Decimal(0), Decimal(5)]),
        st.booleans(),
    )
    values = {
        "topic": [topic.slug for topic in topics],
        "level": CoursePage.Level.values,
        "language": ["en", "ru"],
        "price": ["free", "paid"],
    }
    choice = st.fixed_dictionaries({}, optional={n: st.sampled_from(v) for n, v in values.items()})

    @settings(max_examples=60, deadline=None)
    @given(kinds=st.lists(kind, min_size=5, max_size=5), chosen=choice, search=st.sampled_from(["", "roses"]))
    def check(kinds, chosen, search):
        rows = []
        for course, (topic, level, language, price, live) in zip(courses, kinds, strict=True):
            CoursePage.objects.filter(pk=course.pk).update(
                topic=topic, level=level, language=language, price=price, live=live
            )
            if live and (not search or course.title == "Roses"):
                paid = "paid" if price else "free"
                slug = topic.slug if topic else None
                row = {"pk": course.pk, "topic": slug, "level": level, "language": language, "price": paid}
                rows.append(row)

        def fitting(wanted):
            return {row["pk"] for row in rows if all(row[name] == value for name, value in wanted.items())}

        survey = browsing.survey(search=search)
        counted = {
            (facet.name, option.value): option.count
            for facet in survey.facets(chosen)
            for option in facet.options
        }

        assert set(survey.courses(chosen).values_list("pk", flat=True)) == fitting(chosen)
        assert survey.count(chosen) == len(fitting(chosen))
        assert counted == {
            (name, value): len(fitting({**chosen, name: value}))
            for name, known in values.items()
            for value in known
            if fitting({**chosen, name: value})
            or (chosen.get(name) == value and (name != "topic" or _is_a_topic(survey, value)))
        }

    check()


def _is_a_topic(survey, slug):
    """A topic without any published course is no choice at all."""
    return slug in dict(survey.topics)


@pytest.mark.parametrize("ordering", [*browsing.ORDERINGS, ""])
@pytest.mark.parametrize("search", ["", "same"])
def test_courses_alike_stand_in_one_order_on_all_pages(ordering, search):
    for _ in range(7):
        CourseFactory(title="Same")
    CoursePage.objects.update(first_published_at=NOON)

    whole = [each.pk for each in browsing.catalogue(search=search, ordering=ordering)]
    in_pages = [
        each.pk
        for start in range(0, 7, 2)
        for each in browsing.catalogue(search=search, ordering=ordering)[start : start + 2]
    ]

    assert in_pages == whole
    assert len(set(in_pages)) == 7


@pytest.mark.parametrize(
    "query",
    ["", "search=roses", "topic=garden&ordering=price", "level=ADVANCED", "price=paid&ordering=title"],
)
def test_page_and_api_list_the_same(client, three_courses, query):
    on_page = client.get(f"/courses/?{query}").context
    answer = client.get(f"/api/v1/catalogue/?{query}").json()

    assert [card.course.pk for card in on_page["cards"]] == [each["id"] for each in answer["results"]]
    assert on_page["total"] == answer["count"]
    assert [card.lessons_count for card in on_page["cards"]] == [
        each["lessons_count"] for each in answer["results"]
    ]


@pytest.mark.parametrize("page", ["-1", "0", "abc", "99999999", "9" * 40, "%00"])
def test_a_page_that_there_is_not_is_one_that_there_is_and_an_error_to_the_api(client, three_courses, page):
    shown = client.get(f"/courses/?page={page}")
    answer = client.get(f"/api/v1/catalogue/?page={page}")

    assert (shown.status_code, len(shown.context["cards"])) == (200, 3)
    assert answer.status_code == 404
