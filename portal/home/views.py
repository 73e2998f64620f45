"""Pages of the whole site that are no Wagtail pages: search, health, robots, the developer's outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.contrib.sitemaps import Sitemap as PlainSitemap
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from health_check import checks
from health_check.views import HealthCheckView
from wagtail import views as wagtail_views
from wagtail.admin.auth import permission_denied
from wagtail.contrib.sitemaps import Sitemap
from wagtail.models import Page, Site
from wagtail.query import PageQuerySet

from courses.models import CourseIndexPage, CourseSectionPage, LessonPage
from courses.models.rights import hidden_among, sees_every_course
from library.models import Book, LibraryPage
from library.services import browsing
from portal.home import health
from portal.home.models import SiteSettings
from portal.home.services import outbox as letterbox
from portal.home.services import searching


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Courses, lessons and books with the words of `q`."""
    query = request.GET.get("q", "").replace("\x00", "").strip()
    page = Paginator(searching.find(query, user=request.user), settings.CATALOGUE_PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    response = render(
        request,
        "home/search.html",
        {"query": query, "results": page, "page_obj": page, "total": page.paginator.count},
    )
    response["X-Robots-Tag"] = "noindex"
    if not request.user.is_anonymous:
        patch_cache_control(response, private=True)  # what a member finds, others may not
    return response


@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The process is up. Asks nothing of anything else: a restart would not mend the database."""
    return JsonResponse({"status": "ok"})


@method_decorator(never_cache, name="dispatch")
class ReadyView(HealthCheckView):
    """Everything the portal needs to serve people works; 503 and the reasons when something does not.

    `schedules` says of each how it is, in the words of overseeing.Condition. One that is late or failed is no
    reason to send nobody here any more, so it changes no status: whoever watches the portal reads it.
    """

    http_method_names = ["get", "head", "options"]
    checks = {
        "database": health.Database,
        "migrations": health.Migrations,
        "cache": checks.Cache,
        "storage": checks.Storage,
        "broker": health.Broker,
        "worker": health.Worker,
    }

    async def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        results = await asyncio.gather(*(check().get_result() for check in self.checks.values()))
        answers = {
            name: "ok" if result.error is None else str(result.error)
            for name, result in zip(self.checks, results, strict=True)
        }
        is_ready = all(result.error is None for result in results)
        return JsonResponse(
            {
                "status": "ok" if is_ready else "failing",
                "checks": answers,
                "schedules": await sync_to_async(health.schedules)(at=timezone.now()),
            },
            status=200 if is_ready else 503,
        )


@require_safe
@never_cache
def outbox(request: HttpRequest) -> HttpResponse:
    """What the portal would have sent by mail and Telegram. On a developer's machine only: there are secret
    links in it."""
    if not settings.DEBUG:
        raise Http404
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    found = [
        *(letterbox.letters(Path(folder)) if folder else []),
        *letterbox.chats(Path(settings.TELEGRAM_FILE_PATH)),
    ]
    found.sort(key=lambda each: (each.sent_at is not None, each.sent_at), reverse=True)
    return render(request, "home/outbox.html", {"letters": found})


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """What crawlers should leave alone, and where the map of the site is."""
    closed = (
        "/accounts/",
        "/admin/",
        "/api/",
        "/buy/",
        "/cart/",
        "/checkout/",
        "/cms/",
        "/inbox/",
        "/learning/",
        "/library/charges/",
        "/library/holds/",
        "/library/loans/",
        "/my/",
        "/orders/",
        "/search/",
        "/v1/",
        "/v2/",
    )
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed), ""]
    lines.append(f"Sitemap: {request.build_absolute_uri(reverse('sitemap'))}")
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


class PublicPages(Sitemap):
    """The map of the site: published pages, without locked lessons, and sections only within courses."""

    def items(self) -> PageQuerySet:
        open_lessons = LessonPage.objects.order_by().open_to(AnonymousUser())
        pages = self.get_wagtail_site().root_page.get_descendants(inclusive=True).live().public()
        lessons = Page.objects.type(LessonPage)
        return (
            pages.not_type(CourseSectionPage)
            .filter(~Q(pk__in=lessons.values("pk")) | Q(pk__in=open_lessons.values("pk")))
            .order_by("path")
            .defer_streamfields()
            .specific()
        )


class Books(PlainSitemap):
    """The map of the library: every book, while the library is open."""

    def items(self) -> QuerySet[Book]:
        books = Book.objects.order_by("pk").only("pk", "title")
        return books if LibraryPage.objects.live().exists() else books.none()

    def location(self, obj: Book) -> str:
        return browsing.address_of(obj)


@never_cache
def cms_sign_in(request: HttpRequest) -> HttpResponse:
    """Wagtail's sign-in address: leads to the portal's own, and turns away those signed in without the right.

    Sending a signed-in learner to the sign-in page would send them straight back here, for ever.
    """
    if request.user.is_authenticated and not request.user.has_perm("wagtailadmin.access_admin"):
        raise PermissionDenied(_("Your account has no access to the content management."))
    return redirect_to_login(
        request.GET.get("next") or reverse("wagtailadmin_home"), reverse("account_login")
    )


#: Arguments of the CMS's addresses that are pages, and those of its queries.
PAGE_ARGUMENTS = ("page_id", "parent_page_id", "page_to_move_id", "destination_id", "page_pk")
PAGE_QUERIES = ("id", "childOf")
#: Views whose queries name pages, and reports that name pages of everybody.
ASKED_ABOUT_PAGES = ("wagtailadmin_choose_page_chosen_multiple", "wagtail_bulk_action")
ABOUT_ALL_PAGES = ("wagtailadmin_reports:page_types_usage", "wagtailadmin_reports:page_types_usage_results")


def only_what_one_sees(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Keep the views of the CMS from pages of courses that the explorer does not show to who asks.

    Most views ask for a right of their own; some, which only read, or ask “are you sure”, ask for none.
    """

    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user
        if not user.is_superuser and user.has_perm("wagtailadmin.access_admin"):
            name = request.resolver_match.view_name
            pages = Page.objects.filter(pk__in=_pages_named(request, name, kwargs))
            if (name in ABOUT_ALL_PAGES and not sees_every_course(user)) or hidden_among(pages, user):
                return permission_denied(request)
        return view(request, *args, **kwargs)

    return guarded


def _pages_named(request: HttpRequest, view_name: str, arguments: dict[str, Any]) -> set[int]:
    named = [arguments[each] for each in PAGE_ARGUMENTS if each in arguments]
    if view_name.startswith("wagtailadmin_pages:"):
        named.append(arguments.get("pk"))
    if view_name in ASKED_ABOUT_PAGES and arguments.get("model_name", "page") == "page":
        named += [value for name in PAGE_QUERIES for value in request.GET.getlist(name)]
    return {int(each) for each in named if str(each).isdecimal()}


def serve(request: HttpRequest, path: str) -> HttpResponse:
    """Wagtail's view of pages, told what it would ask for in many steps: site, settings, catalogue."""
    _remember_site(request)
    _remember_catalogue(request, path)
    return wagtail_views.serve(request, path)


def _remember_site(request: HttpRequest) -> None:
    """Fetch the site with its settings, when there is one only. With several, Wagtail chooses by the host."""
    root_paths = Site.get_site_root_paths()
    if len(root_paths) != 1 or hasattr(request, "_wagtail_site"):
        return
    found = SiteSettings.base_queryset().select_related("site__root_page", "social_image")
    site_settings = found.filter(site=root_paths[0].site_id).first()
    if site_settings is not None and site_settings.site.is_default_site:
        request._wagtail_site = site_settings.site
        site_settings._request = request
        setattr(request, SiteSettings.get_cache_attr_name(), site_settings)


def _remember_catalogue(request: HttpRequest, path: str) -> None:
    """Find the catalogue, and what is below it, without the first page. Other pages are left to Wagtail."""
    site = Site.find_for_request(request)
    first, *others = [step for step in path.split("/") if step] or [""]
    if site is None or not first:
        return
    catalogue = CourseIndexPage.objects.with_restrictions().filter(
        url_path=f"{site.root_page.url_path}{first}/"
    )
    found = catalogue.select_related("social_image").first()
    if found is not None:
        with suppress(Http404):
            request._wagtail_route_for_request = found.route(request, others)
