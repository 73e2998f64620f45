"""Pages made of the demo's material, as an author would make them in the CMS."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.files.base import ContentFile
from django.utils.text import slugify
from wagtail.models import Page

from accounts.models import User
from courses.models import CourseIndexPage, CoursePage, CourseSectionPage, CourseTopic, LessonPage
from portal.content.models import PortalImage
from portal.demo import covers, material
from portal.demo.material import computers, cryptography, statistics

Kind = TypeVar("Kind", bound=Page)

COURSES = [computers.COURSE, statistics.COURSE, cryptography.COURSE]
#: Motif and palette of each course's cover.
COVERS = {
    computers.COURSE.slug: ("tiles", "clay"),
    statistics.COURSE.slug: ("hills", "dusk"),
    cryptography.COURSE.slug: ("rings", "sand"),
}


def make_courses(*, author: User) -> list[CoursePage]:
    """The demo's courses, published and owned by author."""
    catalogue = CourseIndexPage.objects.first()
    return [make_course(course, catalogue=catalogue, author=author) for course in COURSES]


def make_course(course: material.Course, *, catalogue: CourseIndexPage, author: User) -> CoursePage:
    topic, _created = CourseTopic.objects.get_or_create(
        slug=slugify(course.topic), defaults={"name": course.topic}
    )
    page = publish(
        CoursePage(
            title=course.title,
            slug=course.slug,
            introduction=course.introduction,
            description=course.description,
            objectives=[("objective", objective) for objective in course.objectives],
            preview=make_cover(course, author=author),
            topic=topic,
            level=course.level,
            language="en",
            price=course.price,
            currency=course.currency,
        ),
        below=catalogue,
        author=author,
    )
    for entry in course.contents:
        if isinstance(entry, material.Section):
            section = publish(
                CourseSectionPage(title=entry.title, slug=entry.slug), below=page, author=author
            )
            for lesson in entry.lessons:
                make_lesson(lesson, below=section, author=author)
        else:
            make_lesson(entry, below=page, author=author)
    return page


def make_lesson(lesson: material.Lesson, *, below: Page, author: User) -> LessonPage:
    return publish(
        LessonPage(
            title=lesson.title,
            slug=lesson.slug,
            introduction=lesson.introduction,
            video_url=lesson.video,
            duration_minutes=lesson.minutes,
            body=[block(part) for part in lesson.body],
            is_preview=lesson.is_preview,
            price=lesson.price,
        ),
        below=below,
        author=author,
    )


def make_cover(course: material.Course, *, author: User) -> PortalImage:
    motif, palette = COVERS[course.slug]
    picture = PortalImage(title=course.title, uploaded_by_user=author)
    picture.file.save(
        f"{course.slug}.png",
        ContentFile(covers.draw_cover(motif=motif, palette=palette, seed=course.slug)),
        save=False,
    )
    picture.save()
    return picture


def publish(page: Kind, *, below: Page, author: User) -> Kind:
    """Add page below another as a draft of author's, and publish its first revision."""
    page.live = False
    page.owner = author
    below.add_child(instance=page)
    page.save_revision(user=author).publish(user=author)
    return page


def block(part: material.Block) -> tuple[str, Any]:
    """A part of the material as a block of `portal.content.blocks.LessonBody`."""
    match part:
        case material.Text(html):
            return "text", html
        case material.Heading(text):
            return "heading", text
        case material.Code(language, source):
            return "code", {"language": language, "code": source}
        case material.Quote(text, source):
            return "quote", {"text": text, "attribution": source}
        case material.Callout(title, html, kind):
            return "callout", {"kind": kind, "text": f"<p><b>{title}</b></p>{html}"}
        case material.Video(url, title):
            return "youtube", {"url": url, "title": title}
