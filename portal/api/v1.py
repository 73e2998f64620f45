"""The API, version 1. An app joins with its own `api.urls`; what stands here is what is documented."""

from django.urls import include, path

from portal.api import views

urlpatterns = [
    path("token/", views.TokenView.as_view(), name="token"),
    path("token/refresh/", views.TokenRefreshView.as_view(), name="token_refresh"),
    path("token/verify/", views.TokenVerifyView.as_view(), name="token_verify"),
    path("token/blacklist/", views.TokenBlacklistView.as_view(), name="token_blacklist"),
    path("", include("courses.api.urls")),
]
