"""Writing lessons by the API, as every role."""

import json
import uuid

import pytest
from wagtail.models import PageLogEntry

from courses.models import LessonPage
from courses.tests.crew import Crew
from courses.tests.factories import (
    VIDEO,
    CourseFactory,
    DocumentFactory,
    EnrolmentFactory,
    ImageFactory,
    LessonFactory,
    SectionFactory,
)
from courses.tests.test_pages import queries_of

pytestmark = pytest.mark.django_db

LESSONS = "/api/v1/lessons/"


@pytest.fixture
def crew():
    return Crew.gather()


@pytest.fixture
def course(crew):
    return CourseFactory(title="Gardening", owner=crew.people["owner"], draft=True)


@pytest.fixture
def lesson(crew, course):
    return LessonFactory(parent=course, title="Sowing", owner=crew.people["owner"], draft=True)


def new(course, /, **fields):
    return {
        "course": course.pk,
        "title": "Harvest",
        "description": "What to do in autumn.",
        "video_url": VIDEO,
        "price": "5.00",
        **fields,
    }


def at(page):
    return f"{LESSONS}{page.pk}/"


# --- Who: the four verbs under every role ---

NOT_FOUND_FOR_OTHERS = {
    "anonymous": 401,
    "blocked": 401,
    "member": 404,
    "author": 404,
    "librarian": 404,
    "shopkeeper": 404,
    "editor": 404,
    "staff": 404,
}


def test_who_may_add_a_lesson_to_a_draft_of_a_course(crew, course):
    answers = crew.ask("post", LESSONS, new(course))

    assert answers == {
        "anonymous": 401,
        "blocked": 401,
        # The course is none of their business: as if it were not there.
        "member": 400,
        "author": 400,
        "librarian": 400,
        "shopkeeper": 400,
        "editor": 400,
        "staff": 400,
        "moderator": 403,
        "owner": 201,
        "superuser": 201,
    }
    assert set(LessonPage.objects.values_list("owner__email", flat=True)) == {
        "owner@example.com",
        "superuser@example.com",
    }


def test_nobody_adds_a_lesson_to_the_published_course_of_another(crew):
    course = CourseFactory(owner=crew.people["owner"])

    answers = crew.ask("post", LESSONS, new(course))

    assert answers == dict.fromkeys(answers, 403) | {
        "anonymous": 401,
        "blocked": 401,
        "owner": 201,
        "superuser": 201,
    }


def test_who_may_read_a_lesson(crew, lesson):
    answers = crew.ask("get", at(lesson))

    assert answers == NOT_FOUND_FOR_OTHERS | {"owner": 200, "moderator": 200, "superuser": 200}


@pytest.mark.parametrize("method", ["put", "patch"])
def test_who_may_change_a_lesson(crew, course, lesson, method):
    answers = crew.ask(method, at(lesson), new(course))

    assert answers == NOT_FOUND_FOR_OTHERS | {"owner": 200, "moderator": 200, "superuser": 200}


@pytest.mark.parametrize(
    ("role", "status"),
    [*NOT_FOUND_FOR_OTHERS.items(), ("moderator", 403), ("owner", 204), ("superuser", 204)],
)
def test_who_may_delete_a_lesson(crew, lesson, role, status):
    answer = crew.clients[role].delete(at(lesson))

    assert answer.status_code == status
    assert LessonPage.objects.exists() is (status != 204)


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("owner", ["Sowing", "By another"]),
        ("author", ["Starter"]),
        ("member", []),
        ("moderator", ["Sowing", "By another", "Starter"]),
        ("superuser", ["Sowing", "By another", "Starter"]),
    ],
)
def test_the_list_holds_the_lessons_of_ones_courses_and_for_moderators_all(crew, course, lesson, role, seen):
    LessonFactory(parent=course, title="By another", owner=crew.people["superuser"])
    LessonFactory(parent=CourseFactory(owner=crew.people["author"]), title="Starter", owner=None)

    answer = crew.clients[role].get(LESSONS)

    assert [each["title"] for each in answer.json()["results"]] == seen


def test_what_another_wrote_in_ones_course_is_read_and_not_changed(crew, course):
    foreign = LessonFactory(parent=course, owner=crew.people["superuser"])
    client = crew.clients["owner"]

    statuses = [
        client.get(at(foreign)).status_code,
        client.patch(at(foreign), {"title": "Mine"}).status_code,
        client.delete(at(foreign)).status_code,
    ]

    assert statuses == [200, 403, 403]


# --- What is answered and written ---


def test_a_lesson_is_written_and_read(crew, course):
    created = crew.clients["owner"].post(LESSONS, new(course, body=[{"type": "heading", "value": "Soil"}]))

    answer = created.json()
    [block] = answer.pop("body")
    assert answer == {
        "id": LessonPage.objects.get().pk,
        "course": course.pk,
        "section": None,
        "title": "Harvest",
        "description": "What to do in autumn.",
        "preview": None,
        "video_url": VIDEO,
        "price": "5.00",
        "currency": "USD",
        "is_preview": False,
        "duration_minutes": 0,
        "change_note": "",
        "is_minor_change": False,
        "live": False,
        "has_unpublished_changes": True,
        "workflow_status": None,
        "owner": crew.people["owner"].pk,
        "url": "http://testserver/courses/gardening/harvest/",
    }
    assert (block["type"], block["value"]) == ("heading", "Soil")
    read = crew.clients["owner"].get(created["Location"])
    assert (read.json(), read["ETag"]) == ({**answer, "body": [block]}, created["ETag"])


def test_every_kind_of_block_survives_the_way_there_and_back(crew, course):
    image, document = ImageFactory(), DocumentFactory()
    body = [
        {"type": "text", "value": '<p data-block-key="a1b2c">Dig <b>deep</b>.</p>'},
        {"type": "heading", "value": "Soil & water"},
        {"type": "quote", "value": {"text": "Simple.", "attribution": "Tim"}},
        {"type": "callout", "value": {"kind": "tip", "text": '<p data-block-key="x1">Save.</p>'}},
        {"type": "code", "value": {"language": "python", "code": "print(1)"}},
        {"type": "picture", "value": {"image": image.pk, "caption": ""}},
        {"type": "youtube", "value": {"url": VIDEO, "title": "Bees"}},
        {"type": "download", "value": {"document": document.pk, "title": "Paper"}},
    ]
    sent = [{**block, "id": str(uuid.uuid4())} for block in body]

    answer = crew.clients["superuser"].post(LESSONS, new(course, body=sent)).json()
    again = crew.clients["superuser"].put(at(LessonPage.objects.get()), answer)

    assert answer["body"] == sent
    assert again.json() == answer


def test_the_body_is_cleaned_to_what_the_editor_of_the_cms_knows(crew, course):
    body = [
        {
            "type": "text",
            "value": '<p onclick="x()">Dig<script>x()</script> <a href="javascript:x">deep</a></p>',
        },
        {"type": "callout", "value": {"kind": "tip", "text": "<h2>Save</h2><img src=x onerror=x()>"}},
    ]

    answer = crew.clients["owner"].post(LESSONS, new(course, body=body)).json()

    text = json.dumps(answer["body"])
    assert "Dig" in text
    assert [bad for bad in ("script", "onclick", "onerror", "<img", "<h2") if bad in text] == []


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ("nonsense", "body", "JSON"),
        ({"type": "text"}, "body", "list"),
        ([5], "body.0", "object"),
        ([{"type": "text"}], "body.0", "object"),
        ([{"type": "iframe", "value": "x"}], "body.0.type", "no such block"),
        ([{"type": ["text"], "value": "x"}], "body.0.type", "no such block"),
        ([{"type": "text", "value": 5}], "body.0", "text"),
        ([{"type": "text", "value": "x", "id": "1"}], "body.0.id", "id of a block"),
        ([{"type": "heading", "value": "x" * 251}], "body.0", "250"),
        ([{"type": "quote", "value": "x"}], "body.0", "object"),
        ([{"type": "quote", "value": {"text": "x", "html": "y"}}], "body.0.html", "no such field"),
        ([{"type": "picture", "value": {"image": "1", "caption": ""}}], "body.0.image", "id"),
        ([{"type": "picture", "value": {"image": 2**40, "caption": ""}}], "body.0.image", "id"),
        ([{"type": "picture", "value": {"image": 4711, "caption": ""}}], "body.0.image", "required"),
        ([{"type": "code", "value": {"language": "cobol", "code": "x"}}], "body.0.language", "valid choice"),
        (
            [{"type": "youtube", "value": {"url": "https://vimeo.com/1", "title": "x"}}],
            "body.0.url",
            "vimeo.com",
        ),
        ([{"type": "text", "value": '<a href="https://evil.example/">x</a>'}], "body", "evil.example"),
        (
            [{"type": "code", "value": {"language": "text", "code": "https://evil.example/x"}}],
            "body",
            "evil.ex",
        ),
        (
            [{"type": "picture", "value": {"image": 1, "caption": "https://evil.example/x"}}],
            "body",
            "required",
        ),
    ],
)
def test_what_is_wrong_in_the_body_is_named_with_its_place(crew, course, body, place, words):
    answer = crew.clients["owner"].post(LESSONS, new(course, body=body))

    errors = answer.json()["errors"]
    assert answer.status_code == 400
    assert [name for name in errors if name.startswith(place)] == list(errors)
    assert words in " ".join(errors[next(iter(errors))])
    assert not LessonPage.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("video_url", "https://vimeo.com/123456", "vimeo.com"),
        ("video_url", "https://www.youtube.com@evil.example/watch?v=dQw4w9WgXcQ", "evil.example"),
        ("video_url", "javascript:alert(1)", "javascript:alert(1)"),
        ("description", "See https://evil.example/x", "evil.example"),
        ("description", "x" * 501, "500"),
        ("title", "www.evil.example.com", "evil.example"),
        ("price", "0.10", "The least that can be paid"),
        ("price", "-3", "greater"),
        ("change_note", "See https://evil.example/x", "evil.example"),
        ("duration_minutes", -1, "greater"),
        ("course", 4711, "no such course"),
        ("course", 2**80, "less than"),
        ("course", None, "null"),
        ("section", 4711, "no such section"),
        ("is_preview", "perhaps", "boolean"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(crew, course, field, value, words):
    answer = crew.clients["owner"].post(LESSONS, new(course, **{field: value}))

    [(named, messages)] = answer.json()["errors"].items()
    assert (answer.status_code, named) == (400, field)
    assert words in " ".join(messages)
    assert not LessonPage.objects.exists()


def test_a_body_nested_deeper_than_anybody_reads_is_no_json(crew, course):
    answer = crew.clients["owner"].post(LESSONS, new(course, body="[" * 100_000))

    assert (answer.status_code, answer.json()["errors"]) == (400, {"body": ["This is not JSON."]})


@pytest.mark.parametrize("nothing", ["0", "0.00", 0, None])
def test_a_price_of_nothing_means_that_a_lesson_is_not_sold_alone(crew, course, nothing):
    answer = crew.clients["owner"].post(LESSONS, new(course, price=nothing))

    assert (answer.status_code, answer.json()["price"]) == (201, None)
    assert LessonPage.objects.get().price is None


def test_a_price_of_nothing_takes_a_lesson_out_of_the_shop_and_says_it_once(crew, course):
    lesson = LessonFactory(parent=course, owner=crew.people["owner"], sold_alone=True, draft=True)

    answers = [crew.clients["owner"].patch(at(lesson), {"price": "0.00"}).json() for _time in (1, 2)]

    assert [answer["price"] for answer in answers] == [None, None]
    assert lesson.revisions.count() == 1


@pytest.mark.parametrize("character", ["\\u0000", "\\ud800"])
def test_characters_that_no_database_keeps_are_refused_in_the_body(crew, course, character):
    body = json.dumps(new(course, body=[{"type": "heading", "value": "%"}])).replace("%", character)

    answer = crew.clients["owner"].post(LESSONS, body, content_type="application/json")

    assert answer.json()["errors"] == {"body.0": ["Give a text."]}


def test_naming_a_document_in_a_lesson_does_not_open_it(crew, course):
    document = DocumentFactory()
    blocks = [
        {"type": "download", "value": {"document": document.pk, "title": ""}},
        {"type": "text", "value": f'<p><a linktype="document" id="{document.pk}">paper</a></p>'},
    ]

    answers = [crew.clients["owner"].post(LESSONS, new(course, body=[block])) for block in blocks]

    assert [answer.json()["errors"] for answer in answers] == [
        {"body": [f"There is no document {document.pk} that you could choose."]}
    ] * 2


def test_a_document_that_an_editor_put_there_stays_when_the_owner_writes(crew, course, lesson):
    document = DocumentFactory()
    lesson.body = [("download", {"document": document, "title": "Paper"}), ("heading", "Soil")]
    lesson.save()
    client = crew.clients["owner"]
    body = client.get(at(lesson)).json()["body"]
    body[1]["value"] = "Water"

    answer = client.patch(at(lesson), {"body": body})

    assert (answer.status_code, answer.json()["body"]) == (200, body)


def test_a_link_to_the_draft_of_another_is_refused(crew, course):
    secret = CourseFactory(owner=crew.people["author"], draft=True)
    body = [{"type": "text", "value": f'<p><a linktype="page" id="{secret.pk}">x</a></p>'}]

    answer = crew.clients["owner"].post(LESSONS, new(course, body=body))

    assert list(answer.json()["errors"]) == ["body"]


def test_what_is_left_out_of_a_put_stays(crew, course, lesson):
    answer = crew.clients["owner"].put(at(lesson), {"course": course.pk, "title": "Sown"}).json()

    assert (answer["title"], answer["description"], answer["video_url"], answer["duration_minutes"]) == (
        "Sown",
        "What this lesson is about.",
        VIDEO,
        10,
    )
    assert len(answer["body"]) == 1


# --- Lists ---


def test_the_list_takes_as_many_queries_for_three_lessons_as_for_one(crew):
    client = crew.clients["owner"]

    def write_one():
        course = CourseFactory(owner=crew.people["owner"], preview=ImageFactory())
        section = SectionFactory(parent=course)
        body = new(course, section=section.pk, preview=ImageFactory(uploaded_by_user=crew.people["owner"]).pk)
        assert client.post(LESSONS, body).status_code == 201

    write_one()
    with_one = queries_of(client, LESSONS)
    write_one()
    write_one()
    with_three = queries_of(client, LESSONS)

    assert client.get(LESSONS).json()["count"] == 3
    assert len(with_three) == len(with_one), with_three
    assert len(with_one) <= 13


def test_filters_narrow_the_list(crew, course, lesson):
    other = LessonFactory(parent=CourseFactory(owner=crew.people["author"]), title="Starter", owner=None)

    def titles(**query):
        return [each["title"] for each in crew.clients["moderator"].get(LESSONS, query).json()["results"]]

    assert titles(course=course.pk) == ["Sowing"]
    assert titles(course=4711) == []
    assert titles(live="true") == ["Starter"]
    assert titles(owner=crew.people["owner"].pk) == ["Sowing"]
    assert titles(ordering="-id") == ["Starter", "Sowing"]
    assert titles(page_size="1", page="2") == ["Starter"]
    assert other.live


@pytest.mark.parametrize("query", [{"section": "1"}, {"course": "x"}, {"ordering": "price"}])
def test_an_unknown_filter_or_value_is_an_error(crew, query):
    answer = crew.clients["owner"].get(LESSONS, query)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(query))


# --- Publishing ---


def test_a_lesson_of_a_published_course_waits_for_the_moderators(crew):
    course = CourseFactory(owner=crew.people["owner"])

    answer = crew.clients["owner"].post(LESSONS, new(course, live=True)).json()

    assert (answer["live"], answer["workflow_status"]) == (False, "in_progress")
    shown = crew.clients["anonymous"].get(f"/api/v1/catalogue/{course.pk}/").json()
    assert shown["lessons_count"] == 0


def test_a_superuser_publishes_a_lesson_at_once(crew, course):
    answer = crew.clients["superuser"].post(LESSONS, new(course, live=True)).json()

    assert (answer["live"], answer["has_unpublished_changes"], answer["workflow_status"]) == (
        True,
        False,
        None,
    )


def test_a_draft_of_a_published_lesson_does_not_leak(crew, course):
    lesson = LessonFactory(parent=course, title="Sowing", owner=crew.people["owner"])

    written = crew.clients["owner"].patch(at(lesson), {"title": "Secret"}).json()

    assert (written["title"], written["live"], written["has_unpublished_changes"]) == ("Secret", True, True)
    assert LessonPage.objects.get().title == "Sowing"


# --- Moving ---


def test_a_lesson_moves_to_the_end_of_another_course_of_its_owner(crew, lesson):
    target = CourseFactory(title="Fruit", owner=crew.people["owner"])
    first = LessonFactory(parent=target, title="Sowing")

    answer = crew.clients["owner"].patch(at(lesson), {"course": target.pk}).json()

    moved = LessonPage.objects.get(pk=lesson.pk)
    assert (answer["course"], answer["url"]) == (
        target.pk,
        "http://testserver/courses/fruit/sowing-1/",
    )
    assert list(LessonPage.objects.of(target)) == [first, moved]
    entry = PageLogEntry.objects.get(action="wagtail.move")
    assert (entry.user, entry.data["destination"]["title"]) == (crew.people["owner"], "Fruit")
    assert moved.get_latest_revision_as_object().slug == moved.slug


def test_a_lesson_moves_into_a_section_and_out_of_it(crew, course, lesson):
    section = SectionFactory(parent=course)
    client = crew.clients["owner"]

    into = client.patch(at(lesson), {"section": section.pk}).json()
    stayed = client.put(at(lesson), {"course": course.pk, "title": "Sown"}).json()
    out = client.patch(at(lesson), {"section": None}).json()

    assert [each["section"] for each in (into, stayed, out)] == [section.pk, section.pk, None]


def test_a_section_of_another_course_is_none(crew, lesson):
    section = SectionFactory(parent=CourseFactory(owner=crew.people["owner"]))

    answer = crew.clients["owner"].patch(at(lesson), {"section": section.pk})

    assert answer.json()["errors"] == {"section": ["There is no such section in this course."]}


@pytest.mark.parametrize(
    ("role", "target_is_live", "status"),
    [("owner", True, 403), ("owner", False, 400), ("moderator", True, 403), ("superuser", True, 200)],
)
def test_who_may_move_a_lesson_to_the_course_of_another(crew, lesson, role, target_is_live, status):
    target = CourseFactory(owner=crew.people["author"], live=target_is_live)

    answer = crew.clients[role].patch(at(lesson), {"course": target.pk})

    assert answer.status_code == status
    assert (LessonPage.objects.get().course.pk == target.pk) is (status == 200)


def test_a_moderator_moves_no_lesson_at_all(crew, lesson, course):
    section = SectionFactory(parent=course)

    answer = crew.clients["moderator"].patch(at(lesson), {"section": section.pk, "title": "Moved"})

    assert answer.status_code == 403
    assert LessonPage.objects.get().draft_title == "Sowing"


def test_who_may_not_publish_moves_no_published_lesson(crew, course):
    lesson = LessonFactory(parent=course, owner=crew.people["owner"])
    target = CourseFactory(owner=crew.people["owner"])

    assert crew.clients["owner"].patch(at(lesson), {"course": target.pk}).status_code == 403
    assert crew.clients["superuser"].patch(at(lesson), {"course": target.pk}).status_code == 200


def test_a_lesson_that_people_bought_alone_stays_in_its_course(crew, course, lesson):
    EnrolmentFactory(course=course, lesson=lesson)
    target = CourseFactory(owner=crew.people["owner"])

    assert crew.clients["owner"].patch(at(lesson), {"course": target.pk}).status_code == 409


def test_a_move_with_a_wrong_title_moves_nothing(crew, course, lesson):
    target = CourseFactory(owner=crew.people["owner"])

    answer = crew.clients["owner"].patch(at(lesson), {"course": target.pk, "title": "https://evil.example/x"})

    assert answer.status_code == 400
    assert LessonPage.objects.get().course == course


def test_a_price_must_fit_the_currency_of_the_course_it_moves_to(crew, lesson, settings):
    settings.CURRENCIES = ["USD", "JPY"]
    target = CourseFactory(owner=crew.people["owner"], currency="JPY", price=4900)

    answer = crew.clients["owner"].patch(at(lesson), {"course": target.pk, "price": "9.50"})

    assert answer.json()["errors"] == {"price": ["JPY has no such small change. Write a whole amount."]}
    assert LessonPage.objects.get().course != target


# --- Two at once, and deleting ---


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_what_has_changed_since_it_was_read_is_not_overwritten(crew, course, lesson, method):
    client = crew.clients["owner"]
    tag = client.get(at(lesson))["ETag"]
    crew.clients["moderator"].patch(at(lesson), {"title": "Theirs"})

    answer = getattr(client, method)(at(lesson), new(course), headers={"If-Match": tag})

    assert answer.status_code == 412
    assert LessonPage.objects.get().title == "Theirs"


def test_a_lesson_that_people_bought_is_not_deleted(crew, course, lesson):
    EnrolmentFactory(course=course, lesson=lesson)

    answer = crew.clients["owner"].delete(at(lesson))

    assert answer.status_code == 409
    assert "cannot be deleted: 1 person is or was enrolled" in answer.json()["detail"]


def test_a_price_is_checked_before_a_lesson_has_a_place():
    LessonPage(title="Loose", slug="loose", price="9.00").clean()
