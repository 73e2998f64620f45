"""The documentation of the API, made from its code."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import include, path
from drf_yasg import openapi
from drf_yasg.generators import OpenAPISchemaGenerator
from drf_yasg.inspectors import SwaggerAutoSchema
from drf_yasg.views import get_schema_view
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from portal.api.errors import CONTENT_TYPE
from portal.api.serializers import ProblemSerializer

DESCRIPTION = """\
Send `Authorization: Bearer <access token>` (or `Authorize: Bearer …`);
`POST /api/v1/token/` gives the token.

Lists answer `{"count", "next", "previous", "results"}` and take `page` and `page_size`. Money is a string
with its currency beside it; times are ISO 8601 with a zone. Errors are `application/problem+json` (RFC 9457).
"""


INFO = openapi.Info(title="Learning portal", default_version="v1", description=DESCRIPTION)
PATTERNS = [path("api/v1/", include("portal.api.v1"))]


class SchemaGenerator(OpenAPISchemaGenerator):
    """Describes exactly our API: drf-yasg, left to itself, would publish Wagtail's internal one too."""

    def __init__(
        self,
        info: openapi.Info,
        version: str = "",
        url: str | None = None,
        patterns: Sequence[Any] | None = None,
        urlconf: Any = None,
    ) -> None:
        super().__init__(info, version, url, patterns or PATTERNS, urlconf)

    def create_view(self, callback: Any, method: str, request: Request | None = None) -> Any:
        # The command that writes the schema has no request, and a view may differ by its method.
        return super().create_view(callback, method, request or Request(HttpRequest()))


class AutoSchema(SwaggerAutoSchema):
    """Describes the refusals that all endpoints share, and gives each its shape: a problem document.

    An endpoint says in words what its own refusals mean, `responses={404: "There is no such book."}`.
    """

    def get_response_serializers(self) -> dict[str, Any]:
        described = super().get_response_serializers()
        if self.view.get_authenticators():
            described.setdefault(
                "401", "No credentials where they are needed, or credentials that do not hold."
            )
        if self.view.get_throttles():
            described.setdefault(
                "429", "Too many requests; `Retry-After` says in how many seconds to come back."
            )
        return {
            code: as_problem(response) if code.isdigit() and int(code) >= 400 else response
            for code, response in sorted(described.items())
        }

    def get_produces(self) -> list[str]:
        return [*super().get_produces(), CONTENT_TYPE]


def as_problem(response: Any) -> Any:
    """A refusal that is described in words, with the shape that all refusals have."""
    if isinstance(response, openapi.Response) and "schema" not in response:
        response = response.description
    if isinstance(response, str):
        return openapi.Response(response, ProblemSerializer())
    return response


schema = get_schema_view(
    INFO, public=True, patterns=PATTERNS, permission_classes=[AllowAny], authentication_classes=[]
)
