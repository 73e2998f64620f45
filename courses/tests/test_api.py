"""The course endpoints as clients use them."""

import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.tests.factories import UserFactory
from courses.models import CourseSubscription, LessonCompletion
from courses.tests.factories import (
    NOON,
    SECRET,
    VIDEO,
    CompletionFactory,
    CourseFactory,
    DocumentFactory,
    EnrolmentFactory,
    ImageFactory,
    LessonFactory,
    SectionFactory,
    TopicFactory,
)
from courses.tests.test_pages import queries_of

pytestmark = pytest.mark.django_db


def client_of(person=None):
    client = APIClient()
    if person is not None:
        client.force_authenticate(person)
    return client


@pytest.fixture
def gardening():
    return CourseFactory(
        title="Gardening",
        topic=TopicFactory(name="Nature", slug="nature"),
        description="<p>All about it.</p>",
        preview=ImageFactory(),
    )


# --- The catalogue ---


def test_everyone_reads_the_catalogue(gardening):
    LessonFactory(parent=gardening, title="Hello", preview=True)
    LessonFactory(parent=SectionFactory(parent=gardening, title="Spring"), title="Sowing", duration_minutes=5)
    CourseFactory(draft=True)

    answer = client_of().get("/api/v1/catalogue/").json()

    assert (answer["count"], answer["next"], answer["previous"]) == (1, None, None)
    [course] = answer["results"]
    preview, lessons = course.pop("preview"), course.pop("lessons")
    assert preview.startswith("http://testserver/media/images/")
    assert course == {
        "id": gardening.pk,
        "title": "Gardening",
        "introduction": "Learn it in a week.",
        "description": "<p>All about it.</p>",
        "topic": {"name": "Nature", "slug": "nature"},
        "level": "BEGINNER",
        "language": "en",
        "price": "49.00",
        "currency": "USD",
        "is_sequential": False,
        "lessons_count": 2,
        "minutes": 15,
        "is_subscribed": False,
        "is_enrolled": False,
        "progress": None,
        "url": "http://testserver/courses/gardening/",
    }
    assert [
        (each["title"], each["section"], each["is_preview"], each["is_locked"], each["is_completed"])
        for each in lessons
    ] == [("Hello", "", True, False, False), ("Sowing", "Spring", False, True, False)]


def test_the_catalogue_knows_who_asks(gardening):
    lesson = LessonFactory(parent=gardening)
    member = EnrolmentFactory(course=gardening).member
    CompletionFactory(member=member, lesson=lesson)

    course = client_of(member).get(f"/api/v1/catalogue/{gardening.pk}/").json()

    assert (course["is_enrolled"], course["progress"]) == (True, 100)
    assert [(each["is_locked"], each["is_completed"]) for each in course["lessons"]] == [(False, True)]


def test_the_catalogue_gives_no_material_away(gardening):
    LessonFactory(parent=gardening)

    for path in ("/api/v1/catalogue/", f"/api/v1/catalogue/{gardening.pk}/"):
        answer = client_of().get(path).content.decode()
        assert SECRET not in answer
        assert "dQw4w9WgXcQ" not in answer


def test_an_unpublished_course_is_not_found():
    draft = CourseFactory(draft=True)

    assert client_of().get(f"/api/v1/catalogue/{draft.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("search=garden", ["Gardening"]),
        ("topic=nature", ["Gardening"]),
        ("level=ADVANCED", ["Cooking"]),
        ("language=ru", []),
        ("price=paid", ["Gardening"]),
        ("price=free", ["Cooking"]),
        ("search=gard", ["Gardening"]),
        ("ordering=title", ["Cooking", "Gardening"]),
        ("ordering=-title&page_size=1", ["Gardening"]),
        ("topic=&search=", ["Cooking", "Gardening"]),
    ],
)
def test_the_catalogue_narrows_down(gardening, query, titles):
    CourseFactory(title="Cooking", level="ADVANCED", free=True)

    answer = client_of().get(f"/api/v1/catalogue/?{query}").json()

    assert [course["title"] for course in answer["results"]] == titles


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("level=EXPERT", "level"),
        ("topic=nonsense", "topic"),
        ("language=xx", "language"),
        ("price=cheap", "price"),
        ("ordering=colour", "ordering"),
        ("colour=red", "colour"),
        ("page_size=0", "page_size"),
    ],
)
def test_what_the_catalogue_does_not_know_is_an_error(query, field):
    response = client_of().get(f"/api/v1/catalogue/?{query}")

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]


def test_the_catalogue_says_what_the_asker_follows(gardening):
    CourseFactory(title="Cooking")
    member = UserFactory()
    CourseSubscription.objects.create(member=member, course=gardening, created_at=NOON)

    of_member = client_of(member).get("/api/v1/catalogue/?ordering=title").json()["results"]
    of_visitor = client_of().get(f"/api/v1/catalogue/{gardening.pk}/").json()

    assert [course["is_subscribed"] for course in of_member] == [False, True]
    assert of_visitor["is_subscribed"] is False


def test_the_catalogue_counts_what_the_other_filters_leave(gardening):
    CourseFactory(title="Cooking", level="ADVANCED", free=True)

    answer = client_of().get("/api/v1/catalogue/facets/?level=ADVANCED").json()

    assert answer == {
        "count": 1,
        "topic": [],
        "level": [
            {"value": "BEGINNER", "label": "Beginner", "count": 1},
            {"value": "ADVANCED", "label": "Advanced", "count": 1},
        ],
        "language": [{"value": "en", "label": "English", "count": 1}],
        "price": [{"value": "free", "label": "Free", "count": 1}],
    }


@pytest.mark.parametrize("query", ["level=EXPERT", "ordering=title", "page=1"])
def test_counts_refuse_what_they_do_not_know(query):
    response = client_of().get(f"/api/v1/catalogue/facets/?{query}")

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [query.split("=")[0]]


@pytest.mark.parametrize("is_member", [False, True])
def test_the_catalogue_costs_the_same_with_one_course_and_with_many(is_member):
    member = UserFactory()
    client = client_of(member if is_member else None)
    picture = ImageFactory()
    LessonFactory(parent=CourseFactory(preview=picture))
    with_one = queries_of(client, "/api/v1/catalogue/?page_size=50")
    for _ in range(10):
        course = CourseFactory(preview=picture)
        EnrolmentFactory(member=member, course=course)
        LessonFactory(parent=SectionFactory(parent=course))
    with_many = queries_of(client, "/api/v1/catalogue/?page_size=50")

    assert len(with_many) == len(with_one), "\n".join(with_many)
    assert len(with_one) <= 8, "\n".join(with_one)


# --- A lesson ---


def test_a_member_gets_the_material(gardening):
    document, picture = DocumentFactory(), ImageFactory(description="A spade")
    lesson = LessonFactory(
        parent=gardening,
        title="Sowing",
        body=[
            ("heading", "Begin"),
            ("text", f'<p><a linktype="page" id="{gardening.pk}">course</a></p>'),
            ("youtube", {"url": f"{VIDEO}&t=10", "title": "How"}),
            ("picture", {"image": picture, "caption": "A spade"}),
            ("download", {"document": document, "title": ""}),
        ],
    )
    member = EnrolmentFactory(course=gardening).member

    answer = client_of(member).get(f"/api/v1/learning/lessons/{lesson.pk}/").json()

    assert {key: answer[key] for key in ("id", "title", "course", "is_completed", "url")} == {
        "id": lesson.pk,
        "title": "Sowing",
        "course": gardening.pk,
        "is_completed": False,
        "url": "http://testserver/courses/gardening/sowing/",
    }
    assert answer["video"]["embed_url"] == "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ"
    heading, text, youtube, image, download = answer["body"]
    assert (heading["type"], heading["value"]) == ("heading", "Begin")
    assert text["value"] == '<p><a href="/courses/gardening/">course</a></p>'
    assert youtube["value"] == {"url": f"{VIDEO}&t=10", "title": "How"}
    assert image["value"]["image"]["alt"] == "A spade"
    assert image["value"]["image"]["url"].startswith("http://testserver/media/images/")
    assert download["value"]["title"] == document.title
    assert download["value"]["document"]["url"] == f"http://testserver{document.url}"


def test_a_free_preview_needs_no_token(gardening):
    lesson = LessonFactory(parent=gardening, preview=True)

    response = client_of().get(f"/api/v1/learning/lessons/{lesson.pk}/")

    assert response.status_code == 200
    assert SECRET in response.content.decode()


def test_a_locked_lesson_is_refused_with_the_reason(gardening):
    lesson = LessonFactory(parent=gardening)
    path = f"/api/v1/learning/lessons/{lesson.pk}/"

    as_visitor, as_member = client_of().get(path), client_of(UserFactory()).get(path)

    assert (as_visitor.status_code, as_visitor.json()["detail"]) == (401, "Sign in to open this lesson.")
    assert (as_member.status_code, as_member.json()["detail"]) == (403, "Buy the course to open this lesson.")
    assert SECRET not in as_visitor.content.decode() + as_member.content.decode()


@pytest.mark.parametrize("hidden", ["lesson", "section", "course"])
def test_what_is_not_published_is_not_found(hidden):
    course = CourseFactory(draft=hidden == "course")
    section = SectionFactory(parent=course, draft=hidden == "section")
    lesson = LessonFactory(parent=section, draft=hidden == "lesson", preview=True)
    member = EnrolmentFactory(course=course).member

    for client in (client_of(), client_of(member)):
        assert client.get(f"/api/v1/learning/lessons/{lesson.pk}/").status_code == 404


@pytest.mark.parametrize("path", ["catalogue/{}/", "learning/lessons/{}/"])
def test_a_number_that_no_page_can_have_is_not_found(path):
    assert client_of().get(f"/api/v1/{path.format(2**63)}").status_code == 404


@pytest.mark.parametrize("header", ["Authorization", "Authorize"])
def test_no_cache_hands_a_lesson_to_the_next_asker(gardening, header):
    lesson = LessonFactory(parent=gardening)
    token = AccessToken.for_user(EnrolmentFactory(course=gardening).member)

    answer = APIClient().get(f"/api/v1/learning/lessons/{lesson.pk}/", headers={header: f"Bearer {token}"})

    assert SECRET in answer.content.decode()
    assert answer["Cache-Control"] == "private"
    assert {"Authorization", "Authorize"} <= set(answer["Vary"].split(", "))


def test_a_lesson_is_completed_and_undone(gardening):
    lesson = LessonFactory(parent=gardening)
    client = client_of(EnrolmentFactory(course=gardening).member)
    path = f"/api/v1/learning/lessons/{lesson.pk}/completion/"

    first, again = client.post(path), client.post(path)
    count = LessonCompletion.objects.count()
    undone, undone_again = client.delete(path), client.delete(path)

    assert (first.status_code, first.json()) == (201, {"lesson": lesson.pk, "is_completed": True})
    assert (again.status_code, count) == (200, 1)
    assert (undone.status_code, undone_again.status_code) == (204, 204)
    assert not LessonCompletion.objects.exists()


def test_completing_needs_a_token_and_an_open_lesson(gardening):
    locked, preview = LessonFactory(parent=gardening), LessonFactory(parent=gardening, preview=True)
    path = "/api/v1/learning/lessons/{}/completion/"

    assert client_of().post(path.format(preview.pk)).status_code == 401
    assert client_of(UserFactory()).post(path.format(locked.pk)).status_code == 403
    assert client_of(UserFactory()).post(path.format(preview.pk)).status_code == 201
