"""Ask the rule for links again of all that is stored: rules, redirects and hands in the database change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import models
from django.db.models import Q
from django.urls import reverse
from wagtail.admin.admin_url_finder import AdminURLFinder
from wagtail.contrib.redirects.models import Redirect
from wagtail.fields import StreamField
from wagtail.models import Page, Revision, get_page_models
from wagtail.snippets.models import get_snippet_models

from courses.models import CourseChange, CourseIndexPage
from courses.validators import (
    ForbiddenLink,
    forbidden_links,
    forbidden_players,
    is_player_address,
    links_into_portal,
)
from portal.content.links import PortalLinks
from portal.content.redirects import redirected_outside

# So many rows are in memory at a time, with their revisions.
BATCH = 50

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Written:
    """What one row says, or one revision of it."""

    what: str
    title: str
    state: str
    edit_path: str
    model: type[models.Model]
    values: dict[str, Any]


class Command(BaseCommand):
    help = (
        "Check the links in everything that courses hold: published pages, drafts, scheduled revisions, "
        "topics, notes about changes, redirects. Exit code 1 when one leads outside the portal and YouTube."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        checked = 0
        for batch in _everything():
            checked += len(batch)
            for written, links in _forbidden_in(batch):
                found += len(links)
                self._tell(written, links)
        for redirect in _redirected_courses():
            checked += 1
            found += 1
            self._write(
                f"Redirect {redirect.pk} “{redirect.old_path}”",
                [("Redirect to", redirect.redirect_link, "An address of the courses leads outside.")],
                reverse("wagtailredirects:edit", args=[redirect.pk]),
            )
        if found:
            raise CommandError(f"{found} forbidden links.", returncode=1)
        self.stdout.write(f"No forbidden links in {checked} pages, drafts and texts.")

    def _tell(self, written: Written, links: list[ForbiddenLink]) -> None:
        lines = [(found.field, found.link, str(found)) for found in links]
        self._write(f"{written.what} “{written.title}” ({written.state})", lines, written.edit_path)

    def _write(self, heading: str, lines: list[tuple[str, str, str]], edit_path: str) -> None:
        self.stdout.write(heading)
        for field, link, reason in lines:
            self.stdout.write(f"  {field}")
            self.stdout.write(f"    link: {link}")
            self.stdout.write(f"    why:  {reason}")
        self.stdout.write(f"  edit: {settings.WAGTAILADMIN_BASE_URL}{edit_path}")


def _everything() -> Iterator[list[Written]]:
    for model in get_page_models():
        if fields := _fields_of_page(model):
            for pages in _batches(model):
                yield [*(_of_page(page, fields) for page in pages), *_drafts(pages, fields)]
    for model in get_snippet_models():
        for snippets in _batches(model):
            yield [_of_snippet(snippet) for snippet in snippets]
    for changes in _batches(CourseChange):
        yield [_of_change(change) for change in changes]


def _forbidden_in(batch: list[Written]) -> Iterator[tuple[Written, list[ForbiddenLink]]]:
    links = PortalLinks()
    for written in batch:
        links |= links_into_portal(written.model, written.values)
    redirected = redirected_outside(links)
    told: dict[str, set[ForbiddenLink]] = {}
    for written in batch:
        if _keeps_rule(written.model):
            found = forbidden_links(written.model, written.values, redirected)
        else:
            found = forbidden_players(written.model, written.values)
        # A draft repeats what is published: tell it once.
        known = told.setdefault(written.what, set())
        if new := [link for link in found if link not in known]:
            known.update(new)
            yield written, new


# --- Pages ---


def _keeps_rule(model: type[models.Model]) -> bool:
    """Whether all of model's texts keep the rule; pages that are no course material only have players."""
    return not issubclass(model, Page) or hasattr(model, "material_fields")


def _fields_of_page(model: type[models.Model]) -> list[str]:
    own = [
        field.name
        for field in model._meta.get_fields()
        if isinstance(field, models.Field) and (is_player_address(field) or field.name == "change_note")
    ]
    if _keeps_rule(model):
        return list(dict.fromkeys([*model.material_fields, *own]))
    return own + [field.name for field in model._meta.get_fields() if isinstance(field, StreamField)]


def _of_page(page: Any, fields: list[str]) -> Written:
    state = "published" if page.live else "not published"
    values = {name: getattr(page, name) for name in fields}
    return _about_page(page, state, values)


def _about_page(page: Any, state: str, values: dict[str, Any]) -> Written:
    edit_path = reverse("wagtailadmin_pages:edit", args=[page.pk])
    title = values.get("title") or page.title
    return Written(f"Page {page.pk}", title, state, edit_path, type(page), values)


def _drafts(pages: list[Any], fields: list[str]) -> Iterator[Written]:
    """The newest drafts of pages, and what waits to be published at its time."""
    by_id = {str(page.pk): page for page in pages}
    newest = [page.latest_revision_id for page in pages if page.has_unpublished_changes or not page.live]
    revisions = Revision.page_revisions.filter(
        Q(pk__in=newest) | Q(object_id__in=list(by_id), approved_go_live_at__isnull=False)
    )
    for revision in revisions.order_by("pk").iterator(chunk_size=BATCH):
        page = by_id[revision.object_id]
        values = {
            name: page._meta.get_field(name).to_python(revision.content[name])
            for name in fields
            if name in revision.content
        }
        yield _about_page(page, "scheduled" if revision.approved_go_live_at else "draft", values)


def _redirected_courses() -> Iterator[Redirect]:
    """Redirects that send whoever opens an address of the courses outside."""
    catalogues = [url for page in CourseIndexPage.objects.all() if (url := page.get_url_parts())]
    below = Q(pk__in=[])
    for _site, _root, path in catalogues:
        below |= Q(old_path=path.rstrip("/")) | Q(old_path__startswith=path)
    for redirects in _batches(Redirect, below):
        outside = redirected_outside(PortalLinks(paths=frozenset(row.old_path for row in redirects)))
        yield from (row for row in redirects if row.old_path in outside and row.redirect_link)


# --- Other texts ---


def _of_snippet(snippet: models.Model) -> Written:
    values = {
        field.name: getattr(snippet, field.name)
        for field in snippet._meta.concrete_fields
        if isinstance(field, (models.CharField, models.TextField, StreamField))
        and not isinstance(field, models.SlugField)
    }
    edit_path = AdminURLFinder().get_edit_url(snippet) or ""
    what = f"{type(snippet)._meta.verbose_name} {snippet.pk}"
    return Written(
        f"{what[:1].upper()}{what[1:]}", str(snippet), "published", edit_path, type(snippet), values
    )


def _of_change(change: CourseChange) -> Written:
    page_id = change.page_id or change.course_id
    return Written(
        what=f"Change {change.pk}",
        title=change.title,
        state=f"told on {change.published_at:%Y-%m-%d}",
        edit_path=reverse("wagtailadmin_pages:edit", args=[page_id]),
        model=CourseChange,
        values={"title": change.title, "note": change.note},
    )


def _batches(model: type[Row], condition: Q | None = None) -> Iterator[list[Row]]:
    rows: Iterable[Row] = (
        model._default_manager.filter(condition or Q()).order_by("pk").iterator(chunk_size=BATCH)
    )
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        yield batch
