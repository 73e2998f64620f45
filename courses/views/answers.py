"""Parts of answers that every page of courses shares."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django_htmx.http import HttpResponseClientRedirect
from wagtail.query import PageQuerySet

from commerce.views import SeeOther
from courses.models import CoursePage, LessonPage


def page_response(request: HttpRequest, page: Any, context: dict[str, Any]) -> TemplateResponse:
    return TemplateResponse(request, page.template, {"page": page, "self": page, **context})


def for_one_reader(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Keep shared caches from handing one member's page to another."""
    if not request.user.is_anonymous:
        patch_cache_control(response, private=True)
    return response


def address_in(request: HttpRequest) -> Callable[[CoursePage | LessonPage], str]:
    # With the request, Wagtail asks for the sites once and remembers them on it.
    return lambda page: page.get_url(request) or ""


def found(pages: PageQuerySet, pk: int) -> Any:
    # By `id`: Django knows how great it can be, where `pk`, a relation here, fails with an overflow.
    return get_object_or_404(pages, id=pk)


def refuse_get_and_visitors(request: HttpRequest, page: CoursePage | LessonPage) -> HttpResponse | None:
    """Send visitors to sign in and then back to the page; whoever comes by GET (from there) to the page."""
    address = page.get_url(request)
    if request.user.is_anonymous:
        to_sign_in = redirect_to_login(address, reverse("account_login"))
        # HTMX would follow the redirect itself, and put the page to sign in where the button was.
        return HttpResponseClientRedirect(to_sign_in.url) if request.htmx else to_sign_in
    return None if request.method == "POST" else SeeOther(address)
