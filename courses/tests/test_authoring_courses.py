"""Writing courses by the API, as every role."""

import io
import json
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image
from wagtail.models import Page, PageLogEntry, WorkflowState

from courses.models import CoursePage, CourseSubscription
from courses.tests.crew import Crew
from courses.tests.factories import (
    CourseFactory,
    DocumentFactory,
    EnrolmentFactory,
    ImageFactory,
    LessonFactory,
    SectionFactory,
    TopicFactory,
    catalogue_page,
)
from courses.tests.test_pages import queries_of
from portal.content.models import PortalImage

pytestmark = pytest.mark.django_db

COURSES = "/api/v1/courses/"
NEW = {
    "title": "Beekeeping",
    "description": "How to keep bees.",
    "price": "49.00",
    "currency": "USD",
    "live": False,
}
PUBLISH = {"live": True}


@pytest.fixture
def crew():
    return Crew.gather()


@pytest.fixture
def course(crew):
    return CourseFactory(title="Gardening", owner=crew.people["owner"], draft=True)


def at(page):
    return f"{COURSES}{page.pk}/"


def picture(fmt="PNG", size=(1600, 900)):
    buffer = io.BytesIO()
    Image.new("RGB", size, "navy").save(buffer, fmt)
    return SimpleUploadedFile("../../etc/cover.php", buffer.getvalue(), content_type="text/html")


# --- Who ---


def test_who_may_create_a_course(crew):
    answers = crew.ask("post", COURSES, NEW)

    assert answers == {
        "anonymous": 401,
        "blocked": 401,
        "member": 201,
        "owner": 201,
        "author": 201,
        "moderator": 403,
        "librarian": 201,
        "shopkeeper": 201,
        "editor": 201,
        "staff": 201,
        "superuser": 201,
    }


def test_a_new_course_is_a_draft_of_whoever_made_it(crew):
    crew.clients["member"].post(COURSES, NEW)

    course = CoursePage.objects.get()
    assert (course.live, course.owner, course.slug) == (False, crew.people["member"], "beekeeping")


@pytest.mark.parametrize(("method", "body"), [("get", None), ("patch", {"title": "Bees"})])
def test_courses_are_read_and_changed_by_their_owner_and_moderators_and_are_nothing_to_others(
    crew, course, method, body
):
    answers = crew.ask(method, at(course), body)

    assert answers == {
        "anonymous": 401,
        "blocked": 401,
        "member": 404,
        "owner": 200,
        "author": 404,
        "moderator": 200,
        "librarian": 404,
        "shopkeeper": 404,
        "editor": 404,
        "staff": 404,
        "superuser": 200,
    }


def test_the_published_course_of_another_is_behind_the_catalogues_door_only(crew):
    course = CourseFactory(owner=crew.people["owner"])

    assert crew.clients["author"].patch(at(course), {"title": "Mine"}).status_code == 404
    assert crew.clients["author"].get(f"/api/v1/catalogue/{course.pk}/").status_code == 200
    assert CoursePage.objects.get().draft_title == course.title


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("anonymous", 401),
        ("blocked", 401),
        ("member", 404),
        ("author", 404),
        ("staff", 404),
        ("moderator", 403),
        ("owner", 204),
        ("superuser", 204),
    ],
)
def test_who_may_delete_a_course(crew, course, role, status):
    answer = crew.clients[role].delete(at(course))

    assert answer.status_code == status
    assert CoursePage.objects.exists() is (status != 204)


def test_a_moderator_does_not_delete_what_they_wrote_before(crew):
    course = CourseFactory(owner=crew.people["moderator"], draft=True)

    assert crew.clients["moderator"].delete(at(course)).status_code == 403


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("owner", ["Gardening"]),
        ("author", ["Sourdough"]),
        ("member", []),
        ("staff", []),
        ("moderator", ["Gardening", "Sourdough"]),
        ("superuser", ["Gardening", "Sourdough"]),
    ],
)
def test_the_list_holds_ones_own_and_for_moderators_all(crew, course, role, seen):
    CourseFactory(title="Sourdough", owner=crew.people["author"])

    answer = crew.clients[role].get(COURSES, {"ordering": "title"})

    assert [each["title"] for each in answer.json()["results"]] == seen


# --- What is answered ---


def test_a_course_is_answered_with_its_lessons_in_full(crew, course):
    lesson = LessonFactory(
        parent=SectionFactory(parent=course), title="Sowing", price="9.00", body=[("heading", "Soil")]
    )
    CourseSubscription.objects.create(course=course, member=crew.people["owner"], created_at=timezone.now())

    answer = crew.clients["owner"].get(at(course)).json()

    [shown] = answer.pop("lessons")
    assert answer == {
        "id": course.pk,
        "title": "Gardening",
        "introduction": "Learn it in a week.",
        "description": "",
        "objectives": [],
        "preview": None,
        "topic": None,
        "level": "BEGINNER",
        "language": "en",
        "price": "49.00",
        "currency": "USD",
        "is_sequential": False,
        "change_note": "",
        "is_minor_change": False,
        "live": False,
        "has_unpublished_changes": False,
        "workflow_status": None,
        "owner": crew.people["owner"].pk,
        "is_subscribed": True,
        "lessons_count": 1,
        "url": "http://testserver/courses/gardening/",
    }
    assert (shown["id"], shown["price"], shown["currency"]) == (lesson.pk, "9.00", "USD")
    assert [(block["type"], block["value"]) for block in shown["body"]] == [("heading", "Soil")]
    assert shown == crew.clients["owner"].get(f"/api/v1/lessons/{lesson.pk}/").json()


def test_the_answers_of_a_new_and_a_changed_course_are_what_is_read_later(crew):
    created = crew.clients["member"].post(COURSES, NEW)
    read = crew.clients["member"].get(created["Location"])

    assert (created.json(), created["ETag"]) == (read.json(), read["ETag"])
    assert {name: created.json()[name] for name in NEW} == NEW


def test_the_list_takes_as_many_queries_for_three_courses_as_for_one(crew):
    client = crew.clients["owner"]

    def write_one():
        pk = client.post(COURSES, {**NEW, "topic": TopicFactory().slug}).json()["id"]
        client.patch(f"{COURSES}{pk}/", {"preview": picture()}, format="multipart")
        for _ in range(2):
            client.post("/api/v1/lessons/", {"course": pk, "title": "Hive"})
        client.get(f"{COURSES}{pk}/")

    write_one()
    with_one = queries_of(client, COURSES)
    write_one()
    write_one()
    with_three = queries_of(client, COURSES)

    assert client.get(COURSES).json()["count"] == 3
    assert len(with_three) == len(with_one), with_three
    assert len(with_one) <= 14


def test_the_list_has_pages_with_a_greatest_size(crew, settings):
    settings.API_PAGE_SIZE_MAX = 2
    for _ in range(3):
        CourseFactory(owner=crew.people["owner"])
    client = crew.clients["owner"]

    first = client.get(COURSES, {"page_size": 2}).json()

    assert (first["count"], len(first["results"])) == (3, 2)
    assert len(client.get(first["next"]).json()["results"]) == 1
    assert client.get(COURSES, {"page_size": 3}).json()["errors"] == {
        "page_size": ["Give a number from 1 to 2."]
    }
    assert client.get(COURSES, {"page": 9}).status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"live": "maybe"}, "live"),
        ({"owner": "me"}, "owner"),
        ({"owner": 2**70}, "owner"),
        ({"ordering": "price"}, "ordering"),
    ],
)
def test_an_unknown_filter_or_value_is_an_error(crew, query, field):
    answer = crew.clients["moderator"].get(COURSES, query)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_filters_narrow_the_list(crew):
    CourseFactory(title="Live", owner=crew.people["owner"])
    CourseFactory(title="Draft", owner=crew.people["author"], draft=True)

    def titles(**query):
        answer = crew.clients["moderator"].get(COURSES, {"ordering": "-title", **query})
        return [each["title"] for each in answer.json()["results"]]

    assert titles() == ["Live", "Draft"]
    assert titles(live="true") == ["Live"]
    assert titles(live="false") == ["Draft"]
    assert titles(owner=crew.people["author"].pk) == ["Draft"]


# --- What is written ---


def test_only_the_content_can_be_set(crew):
    answer = crew.clients["member"].post(
        COURSES,
        {
            **NEW,
            "id": 77,
            "owner": crew.people["owner"].pk,
            "slug": "stolen",
            "path": "0001",
            "lessons_count": 9,
            "is_subscribed": True,
            "has_unpublished_changes": False,
            "latest_revision": 1,
            "first_published_at": "2020-01-01T00:00:00Z",
            "url": "https://evil.example/",
        },
    )

    course = CoursePage.objects.get()
    assert answer.status_code == 201
    assert (course.owner, course.slug) == (crew.people["member"], "beekeeping")
    assert course.first_published_at is None
    assert course.pk != 77
    assert course.get_parent().specific == catalogue_page()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("title", "", "blank"),
        ("title", "x" * 256, "255"),
        ("price", "-1", "greater"),
        ("price", "0.10", "The least that can be paid"),
        ("price", "lots", "number"),
        ("currency", "XXX", "not a valid choice"),
        ("level", "GURU", "not a valid choice"),
        ("topic", "unknown", "does not exist"),
        ("description", '<p>See <a href="https://evil.example/x">this</a></p>', "evil.example"),
        ("description", "<p>See evil.example.com/x</p>", "evil.example.com"),
        ("introduction", "See https://evil.example/x", "evil.example"),
        ("title", "https://evil.example/x", "evil.example"),
        ("change_note", "See https://evil.example/x", "evil.example"),
        ("objectives", ["See https://evil.example/x"], "evil.example"),
        ("objectives", "all", "list"),
        ("preview", "https://evil.example/x.png", "multipart form"),
        ("preview", 99999, "no such picture"),
        ("preview", True, "multipart form"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(crew, field, value, words):
    answer = crew.clients["member"].post(COURSES, {**NEW, field: value})

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    [(named, messages)] = answer.json()["errors"].items()
    assert named.split(".")[0] == field
    assert words in " ".join(messages)
    assert not CoursePage.objects.exists()


@pytest.mark.parametrize("character", ["\\u0000", "\\ud800"])
def test_characters_that_no_database_keeps_are_refused(crew, character):
    for name in ("title", "description", "introduction", "currency", "change_note"):
        body = json.dumps({**NEW, name: "%"}).replace("%", character)

        answer = crew.clients["member"].post(COURSES, body, content_type="application/json")

        assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_a_description_is_cleaned_to_what_the_editor_of_the_cms_knows(crew):
    source = (
        '<h2 onclick="x()">Bees</h2><script>x()</script><p>Keep <b>them</b><iframe src="/x"></iframe></p>'
    )

    answer = crew.clients["member"].post(COURSES, {**NEW, "description": source})

    assert answer.json()["description"] == "<h2>Bees</h2><p>Keep <b>them</b></p>"


@pytest.mark.parametrize("words", ["Bees", "Tom & Jerry", "1 < 2 is &lt;", "«Пчёлы»", ""])
def test_plain_words_come_back_as_they_were_sent(crew, words):
    answer = crew.clients["member"].post(COURSES, {**NEW, "description": words})

    assert answer.json()["description"] == words.replace("1 < 2 is &lt;", "1 &lt; 2 is &lt;")


def test_a_description_sent_back_as_it_was_read_is_not_written_anew(crew):
    client = crew.clients["member"]
    source = "<p>One</p><p>Two</p>"
    course = CoursePage.objects.get(pk=client.post(COURSES, {**NEW, "description": source}).json()["id"])

    client.patch(at(course), {"title": "Bees", "description": source})

    assert CoursePage.objects.get().description == course.description


def test_a_course_without_an_introduction_takes_it_from_its_description(crew):
    long = {**NEW, "description": "<h2>Bees</h2><p>" + "Keep them. " * 100 + "</p>"}

    written = crew.clients["member"].post(COURSES, NEW).json()
    shortened = crew.clients["member"].post(COURSES, long).json()
    bare = crew.clients["member"].post(COURSES, {"title": "Bare"}).json()

    assert written["introduction"] == "How to keep bees."
    assert shortened["introduction"].startswith("Bees Keep them. Keep")
    assert len(shortened["introduction"]) == 500
    assert bare["introduction"] == "Bare"


def test_addresses_are_unique_and_of_latin_letters(crew):
    client = crew.clients["member"]
    for title in ("Пчёлы", "Пчёлы", "!!!", "x" * 255):
        client.post(COURSES, {**NEW, "title": title})

    assert list(CoursePage.objects.order_by("pk").values_list("slug", flat=True)) == [
        "pchely",
        "pchely-1",
        "course",
        "x" * 100,
    ]


# --- Pictures ---


def test_an_uploaded_picture_is_drawn_anew_and_answered_as_an_address(crew):
    client = crew.clients["member"]

    answer = client.post(COURSES, {**NEW, "preview": picture(size=(4000, 2250))}, format="multipart")

    image = PortalImage.objects.get()
    assert answer.status_code == 201
    assert answer.json()["preview"].startswith("http://testserver/media/images/")
    assert (image.uploaded_by_user, image.width, image.height) == (crew.people["member"], 2400, 1350)
    assert (image.title, image.filename) == ("Beekeeping", "preview.jpg")
    assert (image.file_size > 0, bool(image.file_hash)) == (True, True)


def test_a_picture_keeps_its_transparency_and_loses_what_was_hidden_in_it(crew):
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    Image.new("RGBA", (40, 20), (1, 2, 3, 4)).save(buffer, "PNG", exif=exif)
    upload = SimpleUploadedFile("a.png", buffer.getvalue() + b"<?php secret place ?>")

    crew.clients["member"].post(COURSES, {**NEW, "preview": upload}, format="multipart")

    image = PortalImage.objects.get()
    content = image.file.read()
    assert image.filename == "preview.png"
    assert b"secret" not in content
    assert Image.open(io.BytesIO(content)).getpixel((0, 0)) == (1, 2, 3, 4)


@pytest.mark.parametrize("content", [b"<svg/>", b"", b"GIF89a", b"x" * 100])
def test_what_is_no_picture_is_refused(crew, content):
    upload = SimpleUploadedFile("cover.png", content, content_type="image/png")

    answer = crew.clients["member"].post(COURSES, {**NEW, "preview": upload}, format="multipart")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["preview"])
    assert not PortalImage.objects.exists()


def test_a_picture_of_a_refused_course_is_not_kept(crew):
    def files():
        folders = default_storage.listdir("images")[0] if default_storage.exists("images") else []
        return {
            f"{folder}/{name}"
            for folder in folders
            for name in default_storage.listdir(f"images/{folder}")[1]
        }

    before = files()
    body = {**NEW, "title": "Unkept", "price": "0.10", "preview": picture()}

    answer = crew.clients["member"].post(COURSES, body, format="multipart")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["price"])
    assert not PortalImage.objects.exists()
    assert files() == before


def test_a_picture_is_taken_away_by_null_and_kept_by_its_own_address(crew, course):
    client = crew.clients["owner"]
    address = client.patch(at(course), {"preview": picture()}, format="multipart").json()["preview"]

    assert client.patch(at(course), {"preview": address, "title": "Bees"}).json()["preview"] == address
    assert client.patch(at(course), {"preview": None}).json()["preview"] is None


def test_a_picture_is_chosen_by_its_id_by_those_who_may_choose_it(crew):
    foreign = ImageFactory()
    own = ImageFactory(uploaded_by_user=crew.people["member"])

    def choose(role, image):
        return crew.clients[role].post(COURSES, {**NEW, "preview": image.pk}).status_code

    assert (choose("author", foreign), choose("member", foreign), choose("member", own)) == (201, 400, 201)


def test_naming_a_document_of_another_does_not_open_it(crew):
    document = DocumentFactory()
    named = {**NEW, "description": f'<p><a linktype="document" id="{document.pk}">paper</a></p>'}

    refused = crew.clients["member"].post(COURSES, named)
    chosen = crew.clients["author"].post(COURSES, named)

    assert refused.json()["errors"] == {
        "description": [f"There is no document {document.pk} that you could choose."]
    }
    assert chosen.json()["description"] == named["description"]


# --- Publishing ---


def test_a_member_submits_and_a_superuser_publishes(crew):
    submitted = crew.clients["member"].post(COURSES, NEW | PUBLISH).json()
    published = crew.clients["superuser"].post(COURSES, NEW | PUBLISH).json()

    assert (submitted["live"], submitted["workflow_status"]) == (False, "in_progress")
    assert (published["live"], published["workflow_status"]) == (True, None)
    assert published["has_unpublished_changes"] is False


def test_a_moderator_publishes_what_an_author_submitted(crew):
    pk = crew.clients["author"].post(COURSES, NEW | PUBLISH).json()["id"]

    answer = crew.clients["moderator"].patch(f"{COURSES}{pk}/", PUBLISH).json()

    assert (answer["live"], answer["workflow_status"], answer["owner"]) == (
        True,
        None,
        crew.people["author"].pk,
    )


def test_what_awaits_moderation_is_locked_for_its_author(crew):
    client = crew.clients["author"]
    pk = client.post(COURSES, NEW | PUBLISH).json()["id"]

    answer = client.patch(f"{COURSES}{pk}/", {"title": "Better"})

    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert "awaits moderation" in answer.json()["detail"]
    assert crew.clients["moderator"].patch(f"{COURSES}{pk}/", {"title": "Better"}).status_code == 200


def test_an_author_submits_again_what_was_rejected(crew):
    client = crew.clients["author"]
    pk = client.post(COURSES, NEW | PUBLISH).json()["id"]
    state = WorkflowState.objects.get()
    state.current_task_state.specific.reject(user=crew.people["moderator"], comment="Too short")

    rejected = client.get(f"{COURSES}{pk}/").json()
    again = client.patch(f"{COURSES}{pk}/", {"title": "Longer", "live": True}).json()

    assert rejected["workflow_status"] == "needs_changes"
    assert (again["workflow_status"], again["live"]) == ("in_progress", False)
    assert WorkflowState.objects.count() == 1


def test_a_draft_of_a_published_course_is_seen_by_its_writers_only(crew):
    course = CourseFactory(title="Gardening", owner=crew.people["owner"])

    written = crew.clients["owner"].patch(at(course), {"title": "Secret", "price": "99.00"}).json()

    public = crew.clients["anonymous"].get(f"/api/v1/catalogue/{course.pk}/").json()
    assert (written["title"], written["price"], written["live"]) == ("Secret", "99.00", True)
    assert written["has_unpublished_changes"] is True
    assert (public["title"], public["price"]) == ("Gardening", "49.00")
    assert crew.clients["owner"].get(COURSES).json()["results"] == [written]


def test_an_author_publishes_no_change_of_a_published_course_but_submits_it(crew):
    course = CourseFactory(title="Gardening", owner=crew.people["owner"])

    answer = crew.clients["owner"].patch(at(course), {"title": "Changed", "live": True}).json()

    assert (answer["live"], answer["workflow_status"]) == (True, "in_progress")
    assert CoursePage.objects.get().title == "Gardening"


def test_only_who_may_publish_takes_a_course_down(crew):
    course = CourseFactory(owner=crew.people["owner"])

    refused = crew.clients["owner"].patch(at(course), {"live": False})
    taken_down = crew.clients["moderator"].patch(at(course), {"live": False, "title": "Hidden"})

    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "Only moderators take a published page down. Ask one of them.",
    )
    assert (taken_down.json()["live"], taken_down.json()["title"]) == (False, "Hidden")
    actions = PageLogEntry.objects.for_instance(course).values_list("action", flat=True)
    assert sorted(actions) == ["wagtail.create", "wagtail.edit", "wagtail.unpublish"]


def test_a_form_without_the_tick_does_not_take_a_course_down(crew):
    course = CourseFactory(owner=crew.people["owner"])

    answer = crew.clients["superuser"].put(at(course), {"title": "Bees"}, format="multipart")

    assert (answer.status_code, answer.json()["live"], answer.json()["title"]) == (200, True, "Bees")


def test_a_request_that_changes_nothing_leaves_no_trace(crew, course):
    client = crew.clients["owner"]
    read = client.get(at(course)).json()
    before = PageLogEntry.objects.count()

    answer = client.put(at(course), read)

    assert answer.json() == read
    assert PageLogEntry.objects.count() == before
    assert not course.revisions.exists()


def test_a_page_that_is_scheduled_is_locked(crew, course):
    course.go_live_at = timezone.now() + timedelta(days=1)
    course.save_revision().publish()

    answer = crew.clients["superuser"].patch(at(course), {"title": "Bees"})

    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "It is scheduled to be published, and cannot be changed until then.",
    )


def test_a_page_that_somebody_locked_is_locked(crew, course):
    Page.objects.filter(pk=course.pk).update(locked=True, locked_by=crew.people["moderator"])

    assert crew.clients["owner"].patch(at(course), {"title": "Bees"}).status_code == 409


def test_without_moderation_nothing_is_submitted_silently(crew):
    from wagtail.models import WorkflowPage

    WorkflowPage.objects.all().delete()

    answer = crew.clients["member"].post(COURSES, NEW | PUBLISH)

    assert answer.status_code == 403
    assert not CoursePage.objects.exists()


def test_without_a_catalogue_there_is_no_place_for_a_course(crew):
    catalogue_page().delete()

    answer = crew.clients["member"].post(COURSES, NEW)

    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "There is no catalogue that the course could stand in.",
    )


# --- Deleting ---


def test_what_people_study_is_not_deleted(crew, course):
    EnrolmentFactory(course=course)

    answer = crew.clients["owner"].delete(at(course))

    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "“Gardening” cannot be deleted: 1 person is or was enrolled. Unpublish it instead.",
    )
    assert CoursePage.objects.exists()


def test_the_owner_deletes_a_published_course_that_nobody_studies(crew):
    course = CourseFactory(owner=crew.people["owner"])
    LessonFactory(parent=course, owner=crew.people["owner"])

    assert crew.clients["owner"].delete(at(course)).status_code == 204
    assert PageLogEntry.objects.filter(action="wagtail.delete", user=crew.people["owner"]).count() == 2


def test_a_course_that_others_have_written_in_is_not_deleted_by_its_owner(crew, course):
    LessonFactory(parent=course, owner=crew.people["superuser"])

    assert crew.clients["owner"].delete(at(course)).status_code == 403


# --- Two at once ---


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_what_has_changed_since_it_was_read_is_not_overwritten(crew, course, method):
    client = crew.clients["owner"]
    tag = client.get(at(course))["ETag"]
    crew.clients["moderator"].patch(at(course), {"title": "Theirs"})

    answer = getattr(client, method)(at(course), {"title": "Mine"}, headers={"If-Match": tag})

    assert (answer.status_code, answer["Content-Type"]) == (412, "application/problem+json")
    assert CoursePage.objects.get().title == "Theirs"


def test_what_is_as_it_was_read_is_changed_and_has_another_tag(crew, course):
    client = crew.clients["owner"]
    tag = client.get(at(course))["ETag"]

    answer = client.patch(at(course), {"title": "Mine"}, headers={"If-Match": f'"old", {tag}'})

    assert (answer.status_code, answer["ETag"] != tag) == (200, True)
    assert answer["ETag"] == client.get(at(course))["ETag"]


@pytest.mark.parametrize(("header", "status"), [("*", 200), ("W/{tag}", 412), ("nonsense", 412)])
def test_other_forms_of_the_precondition(crew, course, header, status):
    client = crew.clients["owner"]
    tag = client.get(at(course))["ETag"]

    answer = client.patch(at(course), {"title": "Mine"}, headers={"If-Match": header.format(tag=tag)})

    assert answer.status_code == status


def test_a_changed_lesson_is_a_change_of_the_course(crew, course):
    lesson = LessonFactory(parent=course, owner=crew.people["owner"])
    client = crew.clients["owner"]
    tag = client.get(at(course))["ETag"]
    client.patch(f"/api/v1/lessons/{lesson.pk}/", {"title": "New"})

    assert client.patch(at(course), {"title": "Mine"}, headers={"If-Match": tag}).status_code == 412


def test_an_address_that_no_page_can_have_is_not_found(crew):
    assert crew.clients["superuser"].get(f"{COURSES}{2**80}/").status_code == 404
