"""Pages made of the demo's material, as an author would make them in the CMS."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar

from django.core.files.images import ImageFile
from django.utils.text import slugify
from wagtail.log_actions import LogContext
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


#: What followers hear of, by the lesson's slug: a line of its editor's.
CHANGES = {
    "logic-gates": "With the truth table of XOR.",
    "hashes-and-passwords": "Salt, and how a password is checked with it.",
    "p-values": "",
}


@dataclass(frozen=True)
class Editors:
    """Who writes and who publishes: two people, as it is meant to be."""

    author: User
    moderator: User

    def publish(self, page: Kind, *, below: Page) -> Kind:
        """Add page below another as the author's draft, and let the moderator publish it."""
        page.live = False
        page.owner = self.author
        below.add_child(instance=page)
        page.save_revision(user=self.author).publish(user=self.moderator)
        page.refresh_from_db()
        return page


def make_courses(*, editors: Editors) -> list[CoursePage]:
    """The demo's courses, published, each with its lessons."""
    catalogue = CourseIndexPage.objects.first()
    courses = []
    for course in COURSES:
        # One act each: what opens together with its course is no change of it.
        with LogContext(user=editors.moderator):
            courses.append(make_course(course, catalogue=catalogue, editors=editors))
    with LogContext(user=editors.moderator):
        tell_changes(editors=editors)
    return courses


def tell_changes(*, editors: Editors) -> None:
    """Publish some lessons once more, so that courses have something to tell."""
    for lesson in LessonPage.objects.filter(slug__in=CHANGES).order_by("path"):
        lesson.change_note = CHANGES[lesson.slug]
        lesson.duration_minutes += 5
        lesson.save_revision(user=editors.author).publish(user=editors.moderator)


def make_course(course: material.Course, *, catalogue: CourseIndexPage, editors: Editors) -> CoursePage:
    topic, _created = CourseTopic.objects.get_or_create(
        slug=slugify(course.topic), defaults={"name": course.topic}
    )
    page = editors.publish(
        CoursePage(
            title=course.title,
            slug=course.slug,
            introduction=course.introduction,
            description=course.description,
            objectives=[("objective", objective) for objective in course.objectives],
            preview=make_cover(course, author=editors.author),
            topic=topic,
            level=course.level,
            language="en",
            price=course.price,
            currency=course.currency,
        ),
        below=catalogue,
    )
    for entry in course.contents:
        if isinstance(entry, material.Section):
            section = editors.publish(CourseSectionPage(title=entry.title, slug=entry.slug), below=page)
            for lesson in entry.lessons:
                make_lesson(lesson, below=section, editors=editors)
        else:
            make_lesson(entry, below=page, editors=editors)
    return page


def make_lesson(lesson: material.Lesson, *, below: Page, editors: Editors) -> LessonPage:
    return editors.publish(
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
    )


def make_cover(course: material.Course, *, author: User) -> PortalImage:
    motif, palette = COVERS[course.slug]
    drawn = covers.draw_cover(motif=motif, palette=palette, seed=course.slug)
    picture = PortalImage(
        title=course.title,
        description=covers.DESCRIPTIONS[motif],
        file=ImageFile(BytesIO(drawn), name=f"{course.slug}.png"),
        uploaded_by_user=author,
    )
    picture.save()
    return picture


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
            heading = title if title.endswith(("?", "!")) else f"{title}."
            return "callout", {"kind": kind, "text": html.replace("<p>", f"<p><b>{heading}</b> ", 1)}
        case material.Video(url, title):
            return "youtube", {"url": url, "title": title}
