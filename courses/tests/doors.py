"""Every way to a lesson's material: its page, the API, search and its documents."""

from __future__ import annotations

from django.test import Client
from rest_framework.test import APIClient

from courses.models import LessonPage
from courses.tests.factories import DocumentFactory, LessonFactory

SHUT = {"page": 403, "api": 403, "mark": 403, "document": 403, "search": 0}
OPEN = {"page": 200, "api": 200, "mark": 204, "document": 200, "search": 1}


def lesson_with_everything(**fields) -> LessonPage:
    """A lesson with a word to search for and a document to fetch; the test keeps documents on disk."""
    document = DocumentFactory()
    body = [("text", "<p>Wisteria climbs.</p>"), ("download", {"document": document, "title": "Worksheet"})]
    lesson = LessonFactory(body=body, **fields)
    lesson.document = document
    return lesson


def doors(member, lesson: LessonPage) -> dict[str, int]:
    """What member gets at each door of a lesson that lesson_with_everything made."""
    browser, api = Client(), APIClient()
    browser.force_login(member)
    api.force_authenticate(member)
    found = browser.get("/search/?q=wisteria").content.decode()
    return {
        "page": browser.get(lesson.url).status_code,
        "api": api.get(f"/api/v1/learning/lessons/{lesson.pk}/").status_code,
        "mark": api.delete(f"/api/v1/learning/lessons/{lesson.pk}/completion/").status_code,
        "document": browser.get(lesson.document.url).status_code,
        "search": found.count(f'href="{lesson.url}"'),
    }
