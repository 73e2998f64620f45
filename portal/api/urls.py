"""Everything below /api/."""

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import include, path, re_path

from portal.api import errors
from portal.api.schema import schema

# The two readers style themselves inline, and ReDoc works in a worker; neither may ask another host.
reader = csp_update({"style-src": [UNSAFE_INLINE], "worker-src": ["blob:"]})

app_name = "api"
urlpatterns = [
    path("v1/", include("portal.api.v1")),
    path("docs/", reader(schema.with_ui("swagger", cache_timeout=0)), name="docs"),
    path("redoc/", reader(schema.with_ui("redoc", cache_timeout=0)), name="redoc"),
    re_path(r"^swagger\.(?P<format>json|yaml)$", schema.without_ui(cache_timeout=0), name="schema"),
    re_path(r"^.*$", errors.not_found),
]
