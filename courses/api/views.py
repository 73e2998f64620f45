"""The public catalogue, and studying. Writing courses is another door."""

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.decorators import method_decorator
from drf_yasg import openapi
from drf_yasg.utils import swagger_auto_schema
from rest_framework import generics, status
from rest_framework.exceptions import NotAuthenticated, NotFound, PermissionDenied
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from courses import permissions
from courses.api.serializers import (
    CatalogueCourseSerializer,
    CatalogueQuerySerializer,
    CompletionSerializer,
    FacetsQuerySerializer,
    FacetsSerializer,
    LearningLessonSerializer,
)
from courses.models import CoursePage, LessonPage
from courses.models.pages import CoursePageQuerySet
from courses.policies import LessonAccess
from courses.services import browsing, outlining, studying
from portal.content.catalogues import CountedPaginator

NOT_FOUND = openapi.Response("There is no such thing, or it is not published.")
UNAUTHORIZED = openapi.Response("No credentials, or none that hold.")
LOCKED = openapi.Response("The lesson is locked for the asker; `detail` says what opens it.")
BAD_FILTER = openapi.Response("A filter, or the value of one, is not known; `errors` says which.")


class SurveyPagination(api_settings.DEFAULT_PAGINATION_CLASS):  # type: ignore[misc]
    """Pages as of every list; the view says how many courses there are, so that nobody asks again."""

    count: int

    def django_paginator_class(self, courses: CoursePageQuerySet, per_page: int) -> Paginator:
        return CountedPaginator(courses, per_page, count=self.count)


class CatalogueMixin:
    """What a course says to the asker, fetched for all courses of an answer at once."""

    permission_classes = [AllowAny]
    serializer_class = CatalogueCourseSerializer

    def describe(self, courses: Sequence[CoursePage], **options: Any) -> CatalogueCourseSerializer:
        standings = permissions.standings(self.request.user, courses)
        outlines = outlining.outlines(standings=standings, url_of=lambda lesson: "")
        context = {**self.get_serializer_context(), "standings": standings, "outlines": outlines}
        return CatalogueCourseSerializer(courses, context=context, many=True)


@method_decorator(
    name="get",
    decorator=swagger_auto_schema(
        operation_id="catalogue_list",
        operation_summary="Published courses",
        operation_description="Open to everyone; with a token it says what the asker has and has done.",
        query_serializer=CatalogueQuerySerializer,
        responses={400: BAD_FILTER, 404: openapi.Response("There is no such page.")},
        security=[],
    ),
)
class CatalogueView(CatalogueMixin, generics.ListAPIView):
    queryset = CoursePage.objects.none()
    pagination_class = SurveyPagination
    filter_backends: list[type] = []

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        survey = browsing.survey(search=request.query_params.get("search", ""))
        query = CatalogueQuerySerializer(data=request.query_params, context={"topics": dict(survey.topics)})
        query.is_valid(raise_exception=True)
        chosen = {name: value for name, value in query.validated_data.items() if name in browsing.FACETS}
        ordering = query.validated_data.get("ordering", "")
        found = browsing.for_cards(survey.courses(chosen, ordering=ordering), viewer=request.user)
        found = found.with_subscription_of(request.user)
        self.paginator.count = survey.count(chosen)
        page = self.paginate_queryset(found)
        return self.get_paginated_response(self.describe(page).data)


@method_decorator(
    name="get",
    decorator=swagger_auto_schema(
        operation_id="catalogue_read",
        operation_summary="One published course with the outline of its lessons",
        responses={404: NOT_FOUND},
        security=[],
    ),
)
class CatalogueCourseView(CatalogueMixin, generics.RetrieveAPIView):
    queryset = CoursePage.objects.none()

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        found = browsing.for_cards(CoursePage.objects.live(), viewer=request.user)
        found = found.with_subscription_of(request.user)
        course = get_object_or_404(found, id=kwargs["pk"])
        return Response(self.describe([course]).data[0])


class CatalogueFacetsView(APIView):
    """How many courses there are of what."""

    permission_classes = [AllowAny]

    @swagger_auto_schema(
        operation_id="catalogue_facets",
        operation_summary="How many published courses there are by topic, level, language and price",
        operation_description=(
            "Takes the filters of the catalogue. Every option is counted among the courses that the other "
            "filters leave; options without courses are left out, unless chosen."
        ),
        query_serializer=FacetsQuerySerializer,
        responses={200: FacetsSerializer, 400: BAD_FILTER},
        security=[],
    )
    def get(self, request: Request) -> Response:
        query = FacetsQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        chosen = {name: value for name, value in query.validated_data.items() if value}
        survey = browsing.survey(search=chosen.pop("search", ""))
        options = {facet.name: facet.options for facet in survey.facets(chosen)}
        return Response(FacetsSerializer({"count": survey.count(chosen), **options}).data)


class LearningLessonView(APIView):
    """The material of a lesson."""

    permission_classes = [AllowAny]

    @swagger_auto_schema(
        operation_id="learning_lessons_read",
        operation_summary="A lesson's material",
        operation_description="For those enrolled; a free preview is open to everyone, token or not.",
        responses={200: LearningLessonSerializer, 401: UNAUTHORIZED, 403: LOCKED, 404: NOT_FOUND},
    )
    def get(self, request: Request, pk: int) -> Response:
        lesson = open_lesson(request, pk)
        leave_off(request, lesson)
        context = {"request": request}
        return Response(LearningLessonSerializer(lesson, context=context).data)


class LessonCompletionView(APIView):
    """Whether the asker has done a lesson."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="learning_lessons_complete",
        operation_summary="Mark a lesson as done",
        request_body=None,
        responses={
            201: CompletionSerializer,
            200: openapi.Response("It was done before.", CompletionSerializer),
            401: UNAUTHORIZED,
            403: LOCKED,
            404: NOT_FOUND,
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        lesson = open_lesson(request, pk)
        is_new = studying.complete(member=request.user, lesson=lesson, at=timezone.now())
        answer = CompletionSerializer({"lesson": lesson.pk, "is_completed": True})
        return Response(answer.data, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    @swagger_auto_schema(
        operation_id="learning_lessons_undo",
        operation_summary="Mark a lesson as not done",
        responses={204: "It is not done (any more).", 401: UNAUTHORIZED, 403: LOCKED, 404: NOT_FOUND},
    )
    def delete(self, request: Request, pk: int) -> Response:
        studying.undo(member=request.user, lesson=open_lesson(request, pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


def leave_off(request: Request, lesson: LessonPage) -> None:
    """Remember where the asker is, if they study here."""
    at = timezone.now()
    if request.method != "GET" or not studying.is_worth_noting(left_off_at=lesson.left_off_at, at=at):
        return
    if permissions.standing(request.user, lesson.course).studies(lesson):
        studying.leave_off(member=request.user, lesson=lesson, at=at)


def open_lesson(request: Request, pk: int) -> LessonPage:
    """The lesson, for one who may open it. Raises NotFound, NotAuthenticated and PermissionDenied."""
    lessons = LessonPage.objects.with_completion_of(request.user).with_position_of(request.user)
    # By `id`: Django knows how great it can be, where `pk`, a relation here, fails with an overflow.
    lesson = get_object_or_404(lessons, id=pk)
    access = permissions.lesson_access(request.user, lesson)
    if access.is_open:
        return lesson
    if access is LessonAccess.HIDDEN:
        raise NotFound
    undone_before = None
    if access is LessonAccess.LOCKED_SEQUENCE:
        undone_before = permissions.undone_before(request.user, lesson)
    reason = outlining.lock_reason(access, undone_before=undone_before)
    raise NotAuthenticated(reason) if access is LessonAccess.LOCKED_SIGN_IN else PermissionDenied(reason)
