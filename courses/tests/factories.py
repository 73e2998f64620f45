"""Courses for tests. Pages grow below the catalogue that migrations planted."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import factory
from django.core.files.base import ContentFile
from PIL import Image
from wagtail.models import Page

from accounts.tests.factories import UserFactory
from courses.models import (
    CourseIndexPage,
    CoursePage,
    CourseSectionPage,
    CourseTopic,
    Enrolment,
    LessonCompletion,
    LessonPage,
)
from portal.content.models import PortalDocument, PortalImage

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
VIDEO = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
SECRET = "The answer is forty-two."


def catalogue_page() -> CourseIndexPage:
    """The catalogue there is, or a new one below the first page."""
    found = CourseIndexPage.objects.first()
    if found is not None:
        return found
    home = Page.objects.filter(depth=2).first()
    return home.add_child(instance=CourseIndexPage(title="Courses", slug="courses", show_in_menus=True))


class TopicFactory(factory.django.DjangoModelFactory[CourseTopic]):
    class Meta:
        model = CourseTopic

    name = factory.Sequence(lambda n: f"Topic {n}")
    slug = factory.Sequence(lambda n: f"topic-{n}")


class ImageFactory(factory.django.DjangoModelFactory[PortalImage]):
    class Meta:
        model = PortalImage

    title = factory.Sequence(lambda n: f"Picture {n}")
    file = factory.LazyFunction(lambda: ContentFile(_png(), name="cover.png"))


class DocumentFactory(factory.django.DjangoModelFactory[PortalDocument]):
    class Meta:
        model = PortalDocument

    title = factory.Sequence(lambda n: f"Document {n}")
    file = factory.LazyFunction(lambda: ContentFile(b"Worksheet", name="worksheet.txt"))


class PageFactory(factory.django.DjangoModelFactory[Any]):
    """Adds a page below `parent`. Trait `draft`: not published."""

    class Meta:
        abstract = True

    class Params:
        draft = factory.Trait(live=False)

    @classmethod
    def _create(cls, model_class: type[Page], *args: Any, parent: Page, **fields: Any) -> Page:
        # Looked up again: treebeard counts children on the object it is given.
        return Page.objects.get(pk=parent.pk).specific.add_child(instance=model_class(**fields))


class CourseFactory(PageFactory):
    """A published course for 49.00 USD. Traits: draft, free."""

    class Meta:
        model = CoursePage

    class Params:
        free = factory.Trait(price=Decimal("0.00"))

    parent = factory.LazyFunction(catalogue_page)
    title = factory.Sequence(lambda n: f"Course {n}")
    introduction = "Learn it in a week."
    price = Decimal("49.00")
    currency = "USD"


class SectionFactory(PageFactory):
    class Meta:
        model = CourseSectionPage

    title = factory.Sequence(lambda n: f"Section {n}")


class LessonFactory(PageFactory):
    """A published lesson of ten minutes, with a video and a text. Traits: draft, preview, sold_alone."""

    class Meta:
        model = LessonPage

    class Params:
        preview = factory.Trait(is_preview=True)
        sold_alone = factory.Trait(price=Decimal("9.00"))

    title = factory.Sequence(lambda n: f"Lesson {n}")
    introduction = "What this lesson is about."
    duration_minutes = 10
    video_url = VIDEO
    body = factory.LazyFunction(lambda: [("text", f"<p>{SECRET}</p>")])


class EnrolmentFactory(factory.django.DjangoModelFactory[Enrolment]):
    """An active enrolment in a whole course. Traits: pending, cancelled, revoked."""

    class Meta:
        model = Enrolment

    class Params:
        pending = factory.Trait(status=Enrolment.Status.PENDING, activated_at=None)
        cancelled = factory.Trait(status=Enrolment.Status.CANCELLED, activated_at=None)
        revoked = factory.Trait(status=Enrolment.Status.REVOKED)

    member = factory.SubFactory(UserFactory)
    course = factory.SubFactory(CourseFactory)
    status = Enrolment.Status.ACTIVE
    created_at = NOON
    activated_at = NOON


class CompletionFactory(factory.django.DjangoModelFactory[LessonCompletion]):
    class Meta:
        model = LessonCompletion

    member = factory.SubFactory(UserFactory)
    completed_at = NOON


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (640, 360), "navy").save(buffer, "PNG")
    return buffer.getvalue()
