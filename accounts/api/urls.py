"""The part of people and tokens of /api/v1/."""

from django.urls import path

from accounts.api import views

urlpatterns = [
    path("token/", views.TokenView.as_view(), name="token"),
    path("token/refresh/", views.TokenRefreshView.as_view(), name="token_refresh"),
    path("token/verify/", views.TokenVerifyView.as_view(), name="token_verify"),
    path("token/blacklist/", views.TokenBlacklistView.as_view(), name="token_blacklist"),
    path("users/", views.PeopleView.as_view(), name="users"),
    path("users/me/", views.OwnProfileView.as_view(), name="own_profile"),
    path("users/<int:pk>/", views.PersonView.as_view(), name="user"),
]
