from django.urls import path
from django.views.i18n import set_language

from portal.home import views

app_name = "home"
urlpatterns = [
    path("search/", views.search, name="search"),
    path("language/", set_language, name="set_language"),
    path("health/live", views.live, name="live"),
    path("health/ready", views.ReadyView.as_view(), name="ready"),
    path("dev/outbox/", views.outbox, name="outbox"),
    path("robots.txt", views.robots, name="robots"),
]
