"""Courses in the CMS: topics, documents that ask who fetches them, deletions that must not happen."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.views.pages.bulk_actions import (
    DeleteBulkAction,
    MoveBulkAction,
    PublishBulkAction,
    UnpublishBulkAction,
)
from wagtail.admin.views.pages.bulk_actions.page_bulk_action import PageBulkAction
from wagtail.models import Page
from wagtail.permissions import policy_registry
from wagtail.query import PageQuerySet
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSet

from courses import permissions
from courses.models import CourseTopic
from courses.models.rights import sees_every_course
from courses.services.authoring import refusal_to_delete
from portal.content.models import PortalDocument


class CourseTopicViewSet(SnippetViewSet):
    model = CourseTopic
    icon = "tag"
    menu_label = _("Course topics")
    menu_order = 210
    add_to_admin_menu = True
    list_display = ["name", "slug"]
    search_fields = ["name"]


register_snippet(CourseTopicViewSet)


@hooks.register("before_serve_document")
def ask_before_serving(document: PortalDocument, request: HttpRequest) -> None:
    """Refuse a document to whoever may open none of the pages that it is for."""
    if not permissions.may_fetch(request.user, document):
        raise PermissionDenied


@hooks.register("construct_explorer_page_queryset")
def shut_the_folders_of_others(parent_page: Page, pages: PageQuerySet, request: HttpRequest) -> PageQuerySet:
    """Refuse the listing of a course that one does not see; the order of the listing stays as it is."""
    if parent_page.cached_content_type.app_label == "courses":
        policy = policy_registry.get_by_type(Page)
        if not policy.explorable_instances(request.user).filter(pk=parent_page.pk).exists():
            raise PermissionDenied
    return pages


@hooks.register("construct_page_chooser_queryset")
def choose_among_what_one_sees(pages: PageQuerySet, request: HttpRequest) -> PageQuerySet:
    """Offer for a link, or as a place to move to, what the explorer shows."""
    seen = policy_registry.get_by_type(Page).explorable_instances(request.user)
    return pages.filter(pk__in=seen.values_list("pk", flat=True))


def _page_of(entry: Page | dict[str, Any]) -> Page:
    """The page that a bulk action passes over: itself, or with whether one may edit it."""
    return entry["item"] if isinstance(entry, dict) else entry


def naming_what_one_sees(action: type[PageBulkAction]) -> type[PageBulkAction]:
    """A bulk action that says nothing of what one may neither change nor see, though “all” means that too."""

    class Discreet(action):  # type: ignore[misc, valid-type]
        def get_actionable_objects(self) -> tuple[list[Page], dict[str, list[Page]]]:
            pages, others = super().get_actionable_objects()
            seen = policy_registry.get_by_type(Page).explorable_instances(self.request.user)
            known = set(seen.values_list("pk", flat=True))
            return pages, {
                why: [entry for entry in passed_over if _page_of(entry).pk in known]
                for why, passed_over in others.items()
            }

    return Discreet


for action in (DeleteBulkAction, MoveBulkAction, PublishBulkAction, UnpublishBulkAction):
    # After Wagtail's own, whose places they take.
    hooks.register("register_bulk_action", naming_what_one_sees(action), order=1)


@hooks.register("construct_reports_menu")
def keep_reports_on_all_pages(request: HttpRequest, menu_items: list[Any]) -> None:
    """Hide the report that names the last edited page of each type from those who may not see each page."""
    if not sees_every_course(request.user):
        menu_items[:] = [item for item in menu_items if item.name != "page-types-usage"]


@hooks.register("before_move_page")
def ask_only_who_may_move(request: HttpRequest, page: Page, destination: Page) -> None:
    """Refuse to ask “are you sure” of those whose answer would be refused."""
    if not page.permissions_for_user(request.user).can_move_to(destination):
        raise PermissionDenied


@hooks.register("before_delete_page")
def keep_what_people_study(request: HttpRequest, page: Page) -> HttpResponse | None:
    """Say what to do instead of deleting what has members; the database would refuse without a word."""
    return _refuse_deletion(request, [page])


@hooks.register("before_bulk_action")
def keep_what_people_study_in_bulk(
    request: HttpRequest, action_type: str, objects: list[Any], action: Any
) -> HttpResponse | None:
    if action_type != "delete" or not all(isinstance(page, Page) for page in objects):
        return None
    return _refuse_deletion(request, objects)


def _refuse_deletion(request: HttpRequest, pages: list[Page]) -> HttpResponse | None:
    for page in pages:
        if refusal := refusal_to_delete(page):
            messages.error(request, refusal)
            return redirect("wagtailadmin_explore", page.get_parent().pk)
    return None
