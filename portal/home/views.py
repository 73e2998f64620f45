"""Pages of the whole site that are no Wagtail pages: search, health, robots, the developer's outbox."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from health_check import checks
from health_check.views import HealthCheckView
from wagtail.contrib.sitemaps import Sitemap
from wagtail.models import Page
from wagtail.query import PageQuerySet

from courses.models import CourseSectionPage, LessonPage
from portal.home import health
from portal.home.services import outbox as letterbox
from portal.home.services import searching


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Courses and lessons with the words of `q`."""
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
    return response


@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The process is up. Asks nothing of anything else: a restart would not mend the database."""
    return JsonResponse({"status": "ok"})


@method_decorator(never_cache, name="dispatch")
class ReadyView(HealthCheckView):
    """Everything the portal needs to serve people works; 503 and the reasons when something does not."""

    http_method_names = ["get", "head", "options"]
    checks = {
        "database": checks.Database,
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
            {"status": "ok" if is_ready else "failing", "checks": answers}, status=200 if is_ready else 503
        )


@require_safe
@never_cache
def outbox(request: HttpRequest) -> HttpResponse:
    """The letters the portal would have sent. On a developer's machine only: they hold secret links."""
    if not settings.DEBUG:
        raise Http404
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    found = letterbox.letters(Path(folder)) if folder else []
    return render(request, "home/outbox.html", {"letters": found, "keeps_letters": bool(folder)})


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """What crawlers should leave alone, and where the map of the site is."""
    closed = (
        "/accounts/",
        "/admin/",
        "/api/",
        "/checkout/",
        "/cms/",
        "/learning/",
        "/my/",
        "/orders/",
        "/search/",
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
