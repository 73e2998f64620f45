"""What people do with courses; the pages themselves Wagtail finds."""

from django.urls import path

from courses import views

app_name = "courses"
urlpatterns = [
    path("learning/courses/<int:pk>/enrol/", views.enrol, name="enrol"),
    path("learning/lessons/<int:pk>/buy/", views.buy_lesson, name="buy_lesson"),
    path("learning/lessons/<int:pk>/completion/", views.complete, name="complete"),
    path("my/", views.my_learning, name="my_learning"),
]
