"""The API, version 1. An app joins with its own `api.urls`; what stands here is what is documented."""

from django.urls import include, path

urlpatterns = [
    path("", include("accounts.api.urls")),
    path("", include("courses.api.urls")),
    path("", include("library.api.urls")),
    path("", include("commerce.api.urls")),
]
