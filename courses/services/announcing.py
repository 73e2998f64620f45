"""What changed in a course: one row for each publication of which its readers have something."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction
from wagtail.fields import StreamField
from wagtail.models import Page, PageLogEntry, Revision

from courses.models import CourseChange, CoursePage
from courses.services import telling

#: Log entries of Wagtail's for what was put on the site.
PUBLICATIONS = ("wagtail.publish", "wagtail.publish.scheduled")
#: Of a page's own fields those that its readers do not read.
UNREAD = frozenset({"page_ptr", "social_image", "change_note", "is_minor_change"})
SHOWN_AT_MOST = 5


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """A line of “What changed”. page_url is empty for what cannot be opened."""

    title: str
    kind: str
    kind_label: str
    note: str
    published_at: datetime
    page_url: str


@transaction.atomic
def record(
    *, page: Any, revision: Revision, by: Any, at: datetime, act: UUID | None = None
) -> list[CourseChange]:
    """Note that a page of a course was put on the site, and take the editor's note off it: it has been said.

    page: a course, section or lesson as it stands on the site now; at: the moment of its publication; by: who
    published it, None for the clock, which does it for whoever set it; act: what the log says of everything
    that one person did at one stroke.
    One row for the page and for each of its aliases. None for what nobody could read before and cannot read
    now, for the opening of a course, which is its first publication with all that was published by the same
    act (there were no readers), and, unless the editor wrote a note, for what was published again as it was.
    A second call for the same publication adds nothing.
    """
    by = by or _scheduled_by(revision)
    before = _published_before(page)
    is_first = before is None and _is_first(page, revision)
    changes = []
    if page.change_note or is_first or before is None or _is_changed(page, before, revision):
        for place in (page, *_aliases(page)):
            change = _row(place, page=page, is_first=is_first, by=by, at=at, act=act)
            if change is not None:
                changes.append(change)
    _take_off(page, revision)
    return changes


def latest(
    *, course: CoursePage, url_of: Callable[[Any], str], at_most: int = SHOWN_AT_MOST
) -> list[Announcement]:
    """The last changes to tell of in what can be read now, newest first. One query."""
    changes = CourseChange.objects.of(course).notable().filter(page__live=True).select_related("page")
    return [
        Announcement(
            title=change.title,
            kind=change.kind,
            kind_label=change.get_kind_display(),
            note=change.note,
            published_at=change.published_at,
            page_url="" if change.page_id == course.pk else url_of(change.page),
        )
        for change in changes[:at_most]
    ]


# --- Is it news? -------------------------------------------------------------------------------------------
def _is_first(page: Any, revision: Revision) -> bool:
    """Whether a page without an entry in the log was never on the site: code may have put it there.

    What was live when its draft was saved was there. A copy is live then too, and has its draft's moment.
    """
    return page.first_published_at == revision.created_at or not revision.content.get("live")


def _published_before(page: Any) -> Revision | None:
    """What was on the site before; Wagtail writes its log after it has told us."""
    entry = (
        PageLogEntry.objects.filter(page=page.pk, action__in=PUBLICATIONS, revision__isnull=False)
        .select_related("revision")
        .order_by("-timestamp", "-pk")
        .first()
    )
    return None if entry is None else entry.revision


def _is_opened_by(act: UUID | None, course: CoursePage) -> bool:
    """Whether course was published for the first time by this act."""
    if act is None:
        return False
    entries = PageLogEntry.objects.filter(page=course.pk, action__in=PUBLICATIONS)
    opening = entries.order_by("timestamp", "pk").values_list("uuid", flat=True).first()
    return opening == act


def _scheduled_by(revision: Revision) -> Any:
    """Who told the clock to publish it."""
    entries = PageLogEntry.objects.filter(action="wagtail.publish.schedule", revision=revision)
    entry = entries.select_related("user").order_by("-timestamp", "-pk").first()
    return None if entry is None else entry.user


def _is_changed(page: Any, before: Revision, now: Revision) -> bool:
    """Whether readers have something else than before, in the fields that both know."""
    return any(
        _plain(field, before.content[field.name]) != _plain(field, now.content[field.name])
        for field in _material(page)
        if field.name in before.content and field.name in now.content
    )


def _material(page: Any) -> Iterator[models.Field[Any, Any]]:
    own = (field for field in page._meta.concrete_fields if field.model is type(page))
    yield page._meta.get_field("title")
    yield from (field for field in own if field.name not in UNREAD)


def _plain(field: models.Field[Any, Any], value: Any) -> Any:
    if isinstance(field, StreamField):
        return _without_ids(json.loads(value) if isinstance(value, str) and value else value)
    # A price is "49.00" when it comes from the database, and "49" when it was typed.
    return field.to_python(value) if isinstance(field, models.DecimalField) else value


def _without_ids(value: Any) -> Any:
    """Blocks without their names for themselves: a client of the API may send what it had without them."""
    if isinstance(value, list):
        return [_without_ids(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_ids(each) for name, each in value.items() if name != "id"}
    return value


# --- Where is it news? -------------------------------------------------------------------------------------
def _aliases(page: Any) -> Iterator[Any]:
    """Pages elsewhere that show this one; Wagtail brings them up to date with it."""
    for alias in type(page).objects.filter(alias_of=page.pk):
        yield alias
        yield from _aliases(alias)


def _row(
    place: Any, *, page: Any, is_first: bool, by: Any, at: datetime, act: UUID | None
) -> CourseChange | None:
    above = Page.objects.ancestor_of(place)
    course = CoursePage.objects.filter(pk__in=[place.pk, *above.values_list("pk", flat=True)]).first()
    if course is None or above.filter(path__startswith=course.path, live=False).exists():
        return None
    if (course.pk == place.pk and is_first) or _is_opened_by(act, course):
        return None
    change, is_new = CourseChange.objects.get_or_create(
        page=place,
        published_at=at,
        defaults={
            "course": course,
            "title": page.title,
            "kind": CourseChange.Kind.ADDED if is_first else CourseChange.Kind.CHANGED,
            "note": page.change_note,
            "is_minor": page.is_minor_change,
            "made_by": by,
        },
    )
    if is_new:
        telling.change(change, at=at)
    return change


# --- Said once ---------------------------------------------------------------------------------------------
def _take_off(page: Any, revision: Revision) -> None:
    """Empty the two fields on the page, in what was published and in drafts that go on from it."""
    note, tick = page.change_note, page.is_minor_change
    if not (note or tick):
        return
    page.change_note, page.is_minor_change = "", False
    type(page).objects.filter(pk=page.pk).update(change_note="", is_minor_change=False)
    later = Revision.objects.for_instance(page).filter(created_at__gte=revision.created_at)
    for draft in later.filter(content__change_note=note, content__is_minor_change=tick):
        _silence(draft)
    # Wagtail goes on with the one it gave us: its content is what aliases get.
    revision.content.update(change_note="", is_minor_change=False)


def _silence(draft: Revision) -> None:
    content = {**draft.content, "change_note": "", "is_minor_change": False}
    Revision.objects.filter(pk=draft.pk).update(content=content)
