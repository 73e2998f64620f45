"""Every error of the API as a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponsePermanentRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

CONTENT_TYPE = "application/problem+json"


def problem(*, code: int, detail: str, errors: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
    """The body of a problem document. The type is `about:blank`: the status code says what kind it is."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(code).phrase,
        "status": code,
        "detail": detail,
    }
    if errors is not None:
        document["errors"] = errors
    return document


def problem_details(exception: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler. None (then 500) for what is neither its nor Django's refusal."""
    if isinstance(exception, Http404):
        exception = exceptions.NotFound()  # Django's own message names the model that was asked for
    elif isinstance(exception, PermissionDenied):
        exception = exceptions.PermissionDenied(*exception.args[:1])
    if not isinstance(exception, exceptions.APIException):
        return None

    errors = None
    if isinstance(exception, exceptions.ValidationError):
        errors = by_field(exception.detail)
        detail = _("The request is not valid; “errors” says what to change.")
    else:
        detail = sentence(exception.detail)

    headers = {}
    if authenticate := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = authenticate
    if wait := getattr(exception, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)

    # RFC 9457 lets a kind of problem say more than the common members.
    extensions = getattr(exception, "extensions", {})
    set_rollback()
    return Response(
        {**problem(code=exception.status_code, detail=detail, errors=errors), **extensions},
        status=exception.status_code,
        headers=headers,
        content_type=CONTENT_TYPE,
    )


def by_field(detail: Any) -> dict[str, list[str]]:
    """Messages of a validation error by field, nested fields joined by dots: `lines.0.quantity`.

    What concerns no single field stands under REST framework's `non_field_errors`.
    """
    found: dict[str, list[str]] = {}

    def collect(part: Any, path: tuple[str, ...]) -> None:
        if isinstance(part, Mapping):
            for name, inner in part.items():
                collect(inner, (*path, str(name)))
        elif isinstance(part, (list, tuple)) and any(isinstance(each, (Mapping, list)) for each in part):
            for position, inner in enumerate(part):
                if inner:
                    collect(inner, (*path, str(position)))
        else:
            messages = part if isinstance(part, (list, tuple)) else [part]
            field = ".".join(path) or api_settings.NON_FIELD_ERRORS_KEY
            found.setdefault(field, []).extend(str(message) for message in messages)

    collect(detail, ())
    return found


def sentence(detail: Any) -> str:
    """One sentence out of an exception's detail, which may be a text, a list or (simplejwt) a mapping."""
    if isinstance(detail, Mapping):
        return sentence(detail.get("detail", next(iter(detail.values()), "")))
    if isinstance(detail, (list, tuple)):
        return " ".join(sentence(part) for part in detail)
    return str(detail)


def not_found(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
    """Any path below /api/ that leads nowhere. One that lacks only its closing slash is sent there."""
    if request.method in ("GET", "HEAD") and not request.path.endswith("/"):
        try:
            match = resolve(f"{request.path_info}/")
        except Resolver404:
            pass
        else:
            if match.func is not not_found:
                return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))
    return JsonResponse(
        problem(
            code=status.HTTP_404_NOT_FOUND,
            detail=_("There is nothing at %(path)s; /api/docs/ lists what there is.")
            % {"path": request.path},
        ),
        status=status.HTTP_404_NOT_FOUND,
        content_type=CONTENT_TYPE,
    )


def server_error(request: HttpRequest) -> JsonResponse:
    """An error of ours below /api/. It says nothing of its cause: that stands in the log."""
    return JsonResponse(
        problem(
            code=status.HTTP_500_INTERNAL_SERVER_ERROR,
            detail=_("Something went wrong on our side; it has been logged. Please try again later."),
        ),
        status=status.HTTP_500_INTERNAL_SERVER_ERROR,
        content_type=CONTENT_TYPE,
    )
