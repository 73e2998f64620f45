"""What people do with courses; the pages themselves Wagtail finds."""

from django.urls import path

from courses.views import learning

app_name = "courses"
urlpatterns = [
    path("learning/courses/<int:pk>/enrol/", learning.enrol, name="enrol"),
    path("learning/courses/<int:pk>/subscription/", learning.subscription, name="subscription"),
    path("learning/lessons/<int:pk>/buy/", learning.buy_lesson, name="buy_lesson"),
    path("learning/lessons/<int:pk>/completion/", learning.complete, name="complete"),
    path("my/", learning.my_learning, name="my_learning"),
]
