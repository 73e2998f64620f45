"""Parts of answers that every page of courses shares."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from wagtail.query import PageQuerySet

from commerce.views import answers
from courses.models import CoursePage, LessonPage


def page_response(request: HttpRequest, page: Any, context: dict[str, Any]) -> TemplateResponse:
    return TemplateResponse(request, page.template, {"page": page, "self": page, **context})


def address_in(request: HttpRequest) -> Callable[[CoursePage | LessonPage], str]:
    # With the request, Wagtail asks for the sites once and remembers them on it.
    return lambda page: page.get_url(request) or ""


def found(pages: PageQuerySet, pk: int) -> Any:
    # By `id`: Django knows how great it can be, where `pk`, a relation here, fails with an overflow.
    return get_object_or_404(pages, id=pk)


def refuse_get_and_visitors(request: HttpRequest, page: CoursePage | LessonPage) -> HttpResponse | None:
    """Send visitors to sign in and then back to the page; whoever comes by GET (from there) to the page."""
    return answers.refuse_get_and_visitors(request, page.get_url(request) or "")
