"""Parts of answers that every page of the shop shares."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render


class SeeOther(HttpResponseRedirect):
    """303: whatever was posted, go on with GET."""

    status_code = 303


def wants_json(request: HttpRequest) -> bool:
    """Whether the asker would rather have JSON than a page; `*/*` is a page."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def refusal(words: object, *, status: int = HTTPStatus.CONFLICT, **facts: Any) -> JsonResponse:
    """Why something cannot be done, for a script to show."""
    return JsonResponse({**facts, "error": str(words)}, status=status)


def named(request: HttpRequest, name: str) -> str:
    """A parameter of the address; empty when it is missing, or nothing that a database can look for."""
    value = request.GET.get(name, "")
    return "" if "\x00" in value else value


def fragments(request: HttpRequest, template: str, context: dict[str, Any] | None = None) -> HttpResponse:
    """Parts of a page that HTMX puts into their places; never kept in place of the page itself."""
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response
