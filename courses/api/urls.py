"""The course part of /api/v1/."""

from django.urls import path

from courses.api import enrolments, subscriptions, views
from courses.api.authoring import views as authoring

courses = authoring.CourseViewSet.as_view({"get": "list", "post": "create"})
course = authoring.CourseViewSet.as_view(
    {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
)

urlpatterns = [
    path("courses/", courses, name="courses"),
    path("courses/<int:pk>/", course, name="course"),
    path("lessons/", authoring.LessonListView.as_view(), name="lessons"),
    path("lessons/<int:pk>/", authoring.LessonView.as_view(), name="lesson"),
    path("courses/<int:pk>/subscription/", subscriptions.SubscriptionView.as_view(), name="subscription"),
    path("enrolments/", enrolments.EnrolmentsView.as_view(), name="enrolments"),
    path("catalogue/", views.CatalogueView.as_view(), name="catalogue"),
    path("catalogue/facets/", views.CatalogueFacetsView.as_view(), name="catalogue_facets"),
    path("catalogue/<int:pk>/", views.CatalogueCourseView.as_view(), name="catalogue_course"),
    path("learning/lessons/<int:pk>/", views.LearningLessonView.as_view(), name="learning_lesson"),
    path(
        "learning/lessons/<int:pk>/completion/",
        views.LessonCompletionView.as_view(),
        name="learning_lesson_completion",
    ),
]
