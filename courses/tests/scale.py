"""A catalogue of any size in a second: pages written in bulk, with paths counted instead of asked for."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils.text import slugify
from wagtail.models import Locale, Page

from courses.models import CoursePage, CourseTopic, LessonPage
from courses.tests.factories import NOON, catalogue_page

WORDS = ("garden", "python", "sourdough", "astronomy", "chess", "guitar", "watercolour", "history")


def grow_catalogue(*, courses: int, lessons: int, picture: Any = None) -> list[CoursePage]:
    """Add so many published courses of eight topics and all levels, with so many lessons each.

    They are not in the search index, which takes far longer than the rows: `manage.py update_index`.
    """
    catalogue = catalogue_page()
    topics = [
        CourseTopic.objects.get_or_create(slug=word, defaults={"name": word.capitalize()})[0]
        for word in WORDS
    ]
    first = catalogue.numchild
    grown = [
        CoursePage(
            **_page_fields(catalogue, first + number, CoursePage, f"Course {number} on {WORDS[number % 8]}"),
            numchild=lessons,
            introduction=f"What there is to know about {WORDS[number % 8]}, in {lessons} lessons.",
            topic=topics[number % 8],
            preview=picture,
            level=CoursePage.Level.values[number % 3],
            language=("en", "ru")[number % 2],
            price=Decimal(number % 5 * 10),
            currency="USD",
        )
        for number in range(courses)
    ]
    _insert(grown)
    Page.objects.filter(pk=catalogue.pk).update(numchild=first + courses)
    _insert(
        [
            LessonPage(
                **_page_fields(course, number, LessonPage, f"Lesson {number} of {course.title}"),
                introduction=f"Step {number}.",
                duration_minutes=10,
                is_preview=number == 0,
                body=[("text", f"<p>The {WORDS[number % 8]} of step {number}.</p>")],
            )
            for course in grown
            for number in range(lessons)
        ]
    )
    return grown


def _page_fields(parent: Page, number: int, model: type[Page], title: str) -> dict[str, Any]:
    published_at = NOON + timedelta(minutes=number)
    slug = f"{slugify(title)}-{number}"
    return {
        "path": Page._get_path(parent.path, parent.depth + 1, number + 1),
        "depth": parent.depth + 1,
        "url_path": f"{parent.url_path}{slug}/",
        "title": title,
        "draft_title": title,
        "slug": slug,
        "live": True,
        "locale": Locale.get_active(),
        "content_type": ContentType.objects.get_for_model(model),
        "first_published_at": published_at,
        "last_published_at": published_at,
    }


def _insert(pages: Sequence[Page]) -> None:
    """Write the rows of both tables of every page; Django's own bulk_create refuses inherited models."""
    if not pages:
        return
    plain = [
        Page(**{f.attname: getattr(page, f.attname) for f in Page._meta.local_concrete_fields})
        for page in pages
    ]
    Page.objects.bulk_create(plain, batch_size=500)
    for page, row in zip(pages, plain, strict=True):
        page.pk = page.id = row.pk
        page.page_ptr_id = row.pk
    model = type(pages[0])
    model._base_manager.all()._batched_insert(pages, model._meta.local_concrete_fields, 500)
