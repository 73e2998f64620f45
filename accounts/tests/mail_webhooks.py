"""The mail provider's webhooks alone: the site has them only with a secret."""

from django.urls import include, path

urlpatterns = [path("webhooks/mail/", include("anymail.urls"))]
