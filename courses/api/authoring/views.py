"""The authors' door: courses and lessons as they are written. What is published, the catalogue shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.core.exceptions import ValidationError as Refusal
from django.core.serializers.json import DjangoJSONEncoder
from django.http import Http404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import parse_etags
from drf_yasg import openapi
from drf_yasg.utils import swagger_auto_schema
from rest_framework import generics, status, viewsets
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from wagtail.models import Page

from courses.api.authoring.serializers import (
    COURSE_ORDERINGS,
    LESSON_ORDERINGS,
    CourseListQuerySerializer,
    CourseSerializer,
    LessonListQuerySerializer,
    LessonSerializer,
    ManuscriptSerializer,
)
from courses.models import CoursePage, LessonPage
from courses.services import authoring

INVALID = "A field is missing or wrong, or links outside the portal and YouTube; `errors` says which."
BAD_FILTER = "A filter, or the value of one, is not known; `errors` says which."
NO_PAGE = "There is no such page of the list."
NOT_FOUND = "There is no such thing, or it is somebody else's."
OUTDATED = "It is not what `If-Match` names: it has been changed since. Read it again, and repeat."
LOCKED = "It awaits moderation, is scheduled to be published, or somebody has locked it."
IF_MATCH = openapi.Parameter(
    "If-Match",
    openapi.IN_HEADER,
    type=openapi.TYPE_STRING,
    description="The `ETag` of the answer that you have read: then nobody else's changes are lost.",
)


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT


class PreconditionFailed(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED


@contextmanager
def refusals(serializer: ManuscriptSerializer | None = None) -> Iterator[None]:
    """Turn what the service refuses into what the API answers."""
    try:
        yield
    except Page.DoesNotExist:
        raise Http404 from None
    except authoring.Forbidden as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except authoring.Conflict as refusal:
        raise Conflict(str(refusal)) from refusal
    except authoring.ChangedMeanwhile as refusal:
        raise PreconditionFailed(str(refusal)) from refusal
    except Refusal as refusal:
        if serializer is None:
            raise
        raise serializer.refused(refusal.message_dict) from refusal


class AuthoringMixin:
    """What the doors of courses and of lessons have in common."""

    permission_classes: ClassVar[list[Any]] = [IsAuthenticated]
    filter_backends: ClassVar[list[Any]] = []
    route: ClassVar[str]

    def pages(self) -> Any:
        """What the asker sees, as a query set."""
        raise NotImplementedError

    def manuscripts(self, pages: Any) -> Any:
        """Pages of the query set, as their writers see them."""
        raise NotImplementedError

    def get_object(self) -> Any:
        # By `id`: Django knows how great it can be, where `pk`, a relation here, fails with an overflow.
        page = self.pages().filter(id=self.kwargs["pk"]).first()
        if page is None:
            raise Http404
        return self.manuscripts([page])[0]

    def answer_list(self, pages: Any) -> Response:
        page = self.paginate_queryset(pages)
        return self.get_paginated_response(self.get_serializer(self.manuscripts(page), many=True).data)

    def answer(self, page: Any, *, code: int = status.HTTP_200_OK) -> Response:
        shown = self.get_serializer(page).data
        response = Response(shown, status=code, headers={"ETag": entity_tag(page, shown)})
        if code == status.HTTP_201_CREATED:
            response["Location"] = self.request.build_absolute_uri(
                reverse(f"api:{self.route}", args=[page.pk])
            )
        return response

    def created(self, pk: int) -> Response:
        self.kwargs["pk"] = pk
        return self.answer(self.get_object(), code=status.HTTP_201_CREATED)

    def is_current(self) -> bool:
        """Whether the page is still what the request's `If-Match` names; true without one."""
        asked = self.request.headers.get("If-Match")
        if asked is None:
            return True
        tags = parse_etags(asked)
        if tags == ["*"]:
            return True
        page = self.get_object()
        # Weak tags never match: they do not say that nothing has changed.
        return entity_tag(page, self.get_serializer(page).data) in tags

    def change(self, request: Request, *, is_partial: bool) -> Response:
        page = self.get_object()
        if not authoring.may_edit(request.user, page):
            raise PermissionDenied(str(authoring.NOT_YOURS))
        changes = self.get_serializer(page, data=request.data, partial=is_partial)
        changes.is_valid(raise_exception=True)
        with refusals(changes):
            authoring.change(
                page.pk,
                by=request.user,
                content=changes.content,
                live=changes.validated_data.get("live"),
                is_current=self.is_current,
                **getattr(changes, "place", {}),
            )
        return self.answer(self.get_object())

    def remove(self, request: Request) -> Response:
        page = self.get_object()
        with refusals():
            authoring.delete(page.pk, by=request.user, is_current=self.is_current)
        return Response(status=status.HTTP_204_NO_CONTENT)


def entity_tag(page: Any, shown: Any) -> str:
    """A strong tag: another revision or another answer has another one."""
    state = [page.pk, page.latest_revision_id, page.latest_revision_created_at, page.live_revision_id, shown]
    return f'"{hashlib.sha256(json.dumps(state, cls=DjangoJSONEncoder).encode()).hexdigest()[:32]}"'


def narrowed(pages: Any, asked: dict[str, Any], orderings: dict[str, tuple[str, ...]]) -> Any:
    if "live" in asked:
        pages = pages.filter(live=asked["live"])
    if "owner" in asked:
        pages = pages.filter(owner=asked["owner"])
    return pages.order_by(*orderings[asked["ordering"]])


class CourseViewSet(AuthoringMixin, viewsets.GenericViewSet):
    """Courses that the asker writes."""

    queryset = CoursePage.objects.none()
    serializer_class = CourseSerializer
    route = "course"

    def pages(self) -> Any:
        return authoring.courses_seen_by(self.request.user).with_subscription_of(self.request.user)

    def manuscripts(self, pages: Any) -> Any:
        return authoring.manuscripts_of_courses(pages)

    @swagger_auto_schema(
        operation_id="courses_list",
        operation_summary="Courses that you write",
        operation_description=(
            "Your own, published or not, in their latest draft; moderators see everybody's. "
            "The public list of what is published is `catalogue/`."
        ),
        query_serializer=CourseListQuerySerializer,
        responses={400: BAD_FILTER, 404: NO_PAGE},
        tags=["courses"],
    )
    def list(self, request: Request) -> Response:
        query = CourseListQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        return self.answer_list(narrowed(self.pages(), query.validated_data, COURSE_ORDERINGS))

    @swagger_auto_schema(
        operation_id="courses_create",
        operation_summary="Begin a course",
        operation_description=(
            "It is yours, and a draft. `live: true` submits it to the moderators, or publishes it at once "
            "where you may publish. JSON, or a multipart form with a picture as `preview`."
        ),
        responses={
            201: CourseSerializer,
            400: INVALID,
            403: "Moderators create no courses.",
            409: "There is no catalogue that the course could stand in.",
        },
        tags=["courses"],
    )
    def create(self, request: Request) -> Response:
        if not authoring.may_create_courses(request.user):
            raise PermissionDenied(str(authoring.MODERATORS_CREATE_NOTHING))
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with refusals(asked):
            pk = authoring.create_course(
                by=request.user, content=asked.content, live=asked.validated_data.get("live", False)
            )
        return self.created(pk)

    @swagger_auto_schema(
        operation_id="courses_read",
        operation_summary="A course that you write",
        operation_description="Its latest draft, with all its lessons. The `ETag` goes into `If-Match`.",
        responses={200: CourseSerializer, 404: NOT_FOUND},
        tags=["courses"],
    )
    def retrieve(self, request: Request, pk: int) -> Response:
        return self.answer(self.get_object())

    @swagger_auto_schema(
        operation_id="courses_update",
        operation_summary="Change a course",
        operation_description=(
            "Makes a new draft, if anything is new. `live: true` publishes it, or submits it to the "
            "moderators; `live: false` takes the course down (moderators only). What is not sent stays."
        ),
        manual_parameters=[IF_MATCH],
        responses={
            200: CourseSerializer,
            400: INVALID,
            403: "You may not take it down.",
            404: NOT_FOUND,
            409: LOCKED,
            412: OUTDATED,
        },
        tags=["courses"],
    )
    def update(self, request: Request, pk: int) -> Response:
        return self.change(request, is_partial=False)

    @swagger_auto_schema(
        operation_id="courses_partial_update",
        operation_summary="Change parts of a course",
        operation_description="As PUT, without the fields that a new course needs.",
        manual_parameters=[IF_MATCH],
        responses={
            200: CourseSerializer,
            400: INVALID,
            403: "You may not take it down.",
            404: NOT_FOUND,
            409: LOCKED,
            412: OUTDATED,
        },
        tags=["courses"],
    )
    def partial_update(self, request: Request, pk: int) -> Response:
        return self.change(request, is_partial=True)

    @swagger_auto_schema(
        operation_id="courses_delete",
        operation_summary="Delete a course with its lessons",
        manual_parameters=[IF_MATCH],
        responses={
            204: "It is deleted.",
            403: "Moderators delete nothing; nor does anybody a course of which others have written a part.",
            404: NOT_FOUND,
            409: "People are or were enrolled.",
            412: OUTDATED,
        },
        tags=["courses"],
    )
    def destroy(self, request: Request, pk: int) -> Response:
        return self.remove(request)


class LessonMixin(AuthoringMixin):
    queryset = LessonPage.objects.none()
    serializer_class = LessonSerializer
    route = "lesson"

    def pages(self) -> Any:
        return authoring.lessons_seen_by(self.request.user)

    def manuscripts(self, pages: Any) -> Any:
        return authoring.manuscripts_of_lessons(pages)


@method_decorator(
    name="get",
    decorator=swagger_auto_schema(
        operation_id="lessons_list",
        operation_summary="Lessons that you write",
        operation_description=(
            "Your own and all those of your courses, published or not, in their latest draft; "
            "moderators see everybody's."
        ),
        query_serializer=LessonListQuerySerializer,
        responses={400: BAD_FILTER, 404: NO_PAGE},
        tags=["lessons"],
    ),
)
@method_decorator(
    name="post",
    decorator=swagger_auto_schema(
        operation_id="lessons_create",
        operation_summary="Add a lesson to a course of yours",
        operation_description=(
            "At the end of the course, or of a section of it. It is a draft; `live: true` submits it to the "
            "moderators, or publishes it where you may publish. JSON, or a multipart form with a picture."
        ),
        responses={
            201: LessonSerializer,
            400: INVALID,
            403: "The course is somebody else's; or you moderate: moderators create nothing.",
        },
        tags=["lessons"],
    ),
)
class LessonListView(LessonMixin, generics.ListCreateAPIView):
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        query = LessonListQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        pages = narrowed(self.pages(), asked, LESSON_ORDERINGS)
        if "course" in asked:
            course = authoring.courses_seen_by(request.user).filter(id=asked["course"]).first()
            pages = pages.none() if course is None else pages.descendant_of(course)
        return self.answer_list(pages)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not authoring.may_create_courses(request.user):
            raise PermissionDenied(str(authoring.MODERATORS_CREATE_NOTHING))
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with refusals(asked):
            pk = authoring.create_lesson(
                by=request.user,
                content=asked.content,
                live=asked.validated_data.get("live", False),
                **asked.place,
            )
        return self.created(pk)


CHANGE_RESPONSES = {
    200: LessonSerializer,
    400: INVALID,
    403: "It is another's lesson; or you may not take it down, or not move it.",
    404: NOT_FOUND,
    409: f"{LOCKED} Or it is to be moved, and people have got it by itself.",
    412: OUTDATED,
}


@method_decorator(
    name="get",
    decorator=swagger_auto_schema(
        operation_id="lessons_read",
        operation_summary="A lesson that you write",
        operation_description="Its latest draft, with its material. The `ETag` goes into `If-Match`.",
        responses={200: LessonSerializer, 404: NOT_FOUND},
        tags=["lessons"],
    ),
)
@method_decorator(
    name="put",
    decorator=swagger_auto_schema(
        operation_id="lessons_update",
        operation_summary="Change a lesson",
        operation_description=(
            "As a course. Another `course` or `section` moves the lesson to its end: within your own "
            "courses, and once it is published only if you may publish."
        ),
        manual_parameters=[IF_MATCH],
        responses=CHANGE_RESPONSES,
        tags=["lessons"],
    ),
)
@method_decorator(
    name="patch",
    decorator=swagger_auto_schema(
        operation_id="lessons_partial_update",
        operation_summary="Change parts of a lesson",
        operation_description="As PUT, without the fields that a new lesson needs.",
        manual_parameters=[IF_MATCH],
        responses=CHANGE_RESPONSES,
        tags=["lessons"],
    ),
)
@method_decorator(
    name="delete",
    decorator=swagger_auto_schema(
        operation_id="lessons_delete",
        operation_summary="Delete a lesson",
        manual_parameters=[IF_MATCH],
        responses={
            204: "It is deleted.",
            403: "It is another's lesson; or you moderate: moderators delete nothing.",
            404: NOT_FOUND,
            409: "People are or were enrolled in it.",
            412: OUTDATED,
        },
        tags=["lessons"],
    ),
)
class LessonView(LessonMixin, generics.RetrieveUpdateDestroyAPIView):
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(self.get_object())

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.change(request, is_partial=kwargs.get("partial", False))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.remove(request)
