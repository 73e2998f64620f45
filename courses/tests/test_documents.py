"""Documents leave private storage for those who may open what they belong to."""

import pytest
from django.core.files.storage import FileSystemStorage

from accounts.tests.factories import UserFactory
from courses.tests.factories import (
    CompletionFactory,
    CourseFactory,
    DocumentFactory,
    EnrolmentFactory,
    LessonFactory,
)
from courses.tests.test_permissions import editor_below
from portal.content.models import PortalDocument

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def documents_on_disk(monkeypatch, tmp_path):
    """Wagtail sends files from a disk; the storage in memory of the other tests claims to be one."""
    field = PortalDocument._meta.get_field("file")
    monkeypatch.setattr(field, "storage", FileSystemStorage(location=tmp_path, base_url=None))


def lesson_with(document, **fields):
    fields.setdefault("parent", CourseFactory())
    return LessonFactory(body=[("download", {"document": document, "title": "Worksheet"})], **fields)


def fetch(client, document, person=None):
    client.logout()
    if person is not None:
        client.force_login(person)
    return client.get(document.url).status_code


def test_a_document_of_a_lesson_is_for_those_who_may_open_it(client):
    author = UserFactory()
    document = DocumentFactory()
    lesson = lesson_with(document, parent=CourseFactory(owner=author))
    other_course = EnrolmentFactory()

    assert fetch(client, document) == 403
    assert fetch(client, document, UserFactory()) == 403
    assert fetch(client, document, EnrolmentFactory(course=lesson.course, pending=True).member) == 403
    assert fetch(client, document, EnrolmentFactory(course=lesson.course, revoked=True).member) == 403
    assert fetch(client, document, other_course.member) == 403
    assert fetch(client, document, EnrolmentFactory(course=lesson.course).member) == 200
    assert fetch(client, document, author) == 200
    assert fetch(client, document, UserFactory(superuser=True)) == 200
    assert fetch(client, document, editor_below(lesson.course)) == 200


def test_its_content_arrives(client):
    document = DocumentFactory()
    lesson_with(document, preview=True)

    response = client.get(document.url)

    assert b"".join(response.streaming_content) == b"Worksheet"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_a_document_of_two_lessons_is_for_those_who_may_open_either(client):
    document = DocumentFactory()
    lesson_with(document)
    second = lesson_with(document)

    assert fetch(client, document, EnrolmentFactory(course=second.course).member) == 200


def test_a_document_linked_in_running_text_is_guarded_too(client):
    document = DocumentFactory()
    text = f'<p><a linktype="document" id="{document.pk}">worksheet</a></p>'
    lesson = LessonFactory(parent=CourseFactory(), body=[("text", text)])

    assert fetch(client, document, UserFactory()) == 403
    assert fetch(client, document, EnrolmentFactory(course=lesson.course).member) == 200


def test_a_document_of_an_unpublished_lesson_stays_in(client):
    document = DocumentFactory()
    lesson = lesson_with(document, draft=True, preview=True)

    assert fetch(client, document) == 403
    assert fetch(client, document, EnrolmentFactory(course=lesson.course).member) == 403


def test_a_document_of_a_course_page_is_for_everyone_once_it_is_published(client):
    document, hidden = DocumentFactory(), DocumentFactory()
    link = '<p><a linktype="document" id="{}">syllabus</a></p>'
    CourseFactory(description=link.format(document.pk))
    CourseFactory(description=link.format(hidden.pk), draft=True)

    assert fetch(client, document) == 200
    assert fetch(client, hidden) == 403


def test_a_document_that_no_page_names_is_for_the_cms(client):
    document = DocumentFactory()
    uploader = UserFactory()
    own = DocumentFactory(uploaded_by_user=uploader)

    assert fetch(client, document) == 403
    assert fetch(client, document, UserFactory()) == 403
    assert fetch(client, document, UserFactory(superuser=True)) == 200
    assert fetch(client, own, uploader) == 200


def test_having_completed_a_lesson_opens_nothing(client):
    document = DocumentFactory()
    completion = CompletionFactory(lesson=lesson_with(document))

    assert fetch(client, document, completion.member) == 403
