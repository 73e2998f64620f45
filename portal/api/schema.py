"""The documentation of the API, made from its code."""

from collections.abc import Sequence
from typing import Any

from drf_yasg import openapi
from drf_yasg.views import get_schema_view
from rest_framework.permissions import AllowAny

DESCRIPTION = """\
Send `Authorization: Bearer <access token>` (or `Authorize: Bearer …`);
`POST /api/v1/token/` gives the token.

Lists answer `{"count", "next", "previous", "results"}` and take `page` and `page_size`. Money is a string
with its currency beside it; times are ISO 8601 with a zone. Errors are `application/problem+json` (RFC 9457).
"""


def schema_view(patterns: Sequence[Any]) -> Any:
    """drf-yasg's view of exactly these patterns; without them it would publish Wagtail's internal API too."""
    return get_schema_view(
        openapi.Info(title="Learning portal", default_version="v1", description=DESCRIPTION),
        public=True,
        patterns=list(patterns),
        permission_classes=[AllowAny],
        authentication_classes=[],
    )
