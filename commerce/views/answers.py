"""Parts of answers that pages share, of the shop and of apps that sell."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django_htmx.http import HttpResponseClientRedirect


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


def for_one_reader(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Keep shared caches from handing one member's page to another."""
    if not request.user.is_anonymous:
        patch_cache_control(response, private=True)
    return response


def refuse_get_and_visitors(request: HttpRequest, address: str) -> HttpResponse | None:
    """Send visitors to sign in and then back to an address; whoever comes by GET (from there) to it."""
    if request.user.is_anonymous:
        to_sign_in = redirect_to_login(address, reverse("account_login"))
        # HTMX would follow the redirect itself, and put the page to sign in where the button was.
        return HttpResponseClientRedirect(to_sign_in.url) if request.htmx else to_sign_in
    return None if request.method == "POST" else SeeOther(address)
