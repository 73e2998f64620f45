"""The documentation of the API, made from its code."""

from collections.abc import Sequence
from typing import Any

from django.urls import include, path
from drf_yasg import openapi
from drf_yasg.generators import OpenAPISchemaGenerator
from drf_yasg.views import get_schema_view
from rest_framework.permissions import AllowAny

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


schema = get_schema_view(
    INFO, public=True, patterns=PATTERNS, permission_classes=[AllowAny], authentication_classes=[]
)
