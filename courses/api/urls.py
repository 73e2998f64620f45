"""The course part of /api/v1/."""

from django.urls import path

from courses.api import views

urlpatterns = [
    path("catalogue/", views.CatalogueView.as_view(), name="catalogue"),
    path("catalogue/<int:pk>/", views.CatalogueCourseView.as_view(), name="catalogue_course"),
    path("learning/lessons/<int:pk>/", views.LearningLessonView.as_view(), name="learning_lesson"),
    path(
        "learning/lessons/<int:pk>/completion/",
        views.LessonCompletionView.as_view(),
        name="learning_lesson_completion",
    ),
]
