"""Places in courses: those one has, and a new one in a free course."""

from collections.abc import Sequence
from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_yasg import openapi
from drf_yasg.utils import swagger_auto_schema
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.services.checkout import CheckoutRefused
from courses.api.serializers import PAGE_PARAMETERS
from courses.models import CoursePage, Enrolment
from courses.services import enrolling, studying

GREATEST_ID = 2**31 - 1
INVALID = "`course` is missing or no id; `errors` says so."
BAD_FILTER = "A filter, or the value of one, is not known; `errors` says which."
NOT_FOUND = "There is no such course, or it is not published."
UNDER_WAY = "An order for it, made when it was not free yet, is being paid; `detail` says more."
PAYMENT_REQUIRED = "The course costs something; `payment` says what, and where it is bought."


class PaymentRequired(APIException):
    """The course is not free. The problem document says how to pay under `payment`."""

    status_code = status.HTTP_402_PAYMENT_REQUIRED

    def __init__(
        self, refusal: enrolling.PaymentRequired, *, course: CoursePage, url: str, payments_url: str
    ) -> None:
        super().__init__(str(refusal))
        price = course.price_money
        self.extensions = {
            "payment": {
                "course": course.pk,
                "amount": str(price.amount),
                "currency": price.currency,
                "url": url,
                "payments_url": payments_url,
            }
        }


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT


class EnrolmentQuerySerializer(serializers.Serializer):
    """The filter of the list. One that is not known is an error, never a full list."""

    status = serializers.ChoiceField(required=False, choices=Enrolment.Status.choices)

    def to_internal_value(self, asked: Any) -> Any:
        unknown = sorted(set(asked) - set(self.fields) - PAGE_PARAMETERS)
        if unknown:
            message = _("There is no such filter; there are: %(known)s.") % {"known": ", ".join(self.fields)}
            raise serializers.ValidationError({name: [message] for name in unknown})
        return super().to_internal_value(asked)


class EnrolmentRequestSerializer(serializers.Serializer):
    course = serializers.IntegerField(
        min_value=1, max_value=GREATEST_ID, help_text="Id of a published course."
    )


class EnrolmentSerializer(serializers.Serializer):
    """A place in a course, or at one lesson of it."""

    id = serializers.IntegerField(source="pk")
    course = serializers.IntegerField(source="course_id", help_text="Id of the course.")
    course_title = serializers.CharField(source="course.title")
    lesson = serializers.IntegerField(
        source="lesson_id", allow_null=True, help_text="Id of the lesson; null: the whole course."
    )
    lesson_title = serializers.CharField(source="lesson.title", default=None, allow_null=True)
    status = serializers.ChoiceField(choices=Enrolment.Status.choices)
    progress = serializers.SerializerMethodField(
        help_text="Percent of its published lessons that are complete; null when the place is not active."
    )
    created_at = serializers.DateTimeField()
    activated_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(
        allow_null=True, help_text="When everything was complete for the first time."
    )
    url = serializers.SerializerMethodField(help_text="Page of the course, or of the lesson.")

    def get_progress(self, enrolment: Enrolment) -> int | None:
        return self.context["progress"].get(enrolment.pk)

    def get_url(self, enrolment: Enrolment) -> str:
        request = self.context["request"]
        return request.build_absolute_uri((enrolment.lesson or enrolment.course).get_url(request._request))


class EnrolmentsView(generics.ListAPIView):
    """The asker's own places."""

    permission_classes = [IsAuthenticated]
    serializer_class = EnrolmentSerializer
    queryset = Enrolment.objects.none()
    filter_backends: list[type] = []

    @swagger_auto_schema(
        operation_id="enrolments_list",
        operation_summary="Your places in courses",
        operation_description="Newest first; also those that were refunded or never paid.",
        query_serializer=EnrolmentQuerySerializer,
        responses={400: BAD_FILTER, 404: "There is no such page of the list."},
        tags=["enrolments"],
    )
    def get(self, request: Request) -> Response:
        query = EnrolmentQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        mine = Enrolment.objects.by(request.user).filter(**query.validated_data)
        named = mine.select_related("course", "lesson").defer(
            "course__description", "course__objectives", "lesson__body"
        )
        page = self.paginate_queryset(named)
        return self.get_paginated_response(self.describe(page))

    @swagger_auto_schema(
        operation_id="enrolments_create",
        operation_summary="Enrol in a free course",
        operation_description="Asking again gives the place there is, with 200.",
        request_body=EnrolmentRequestSerializer,
        responses={
            201: EnrolmentSerializer,
            200: openapi.Response("You have a place in the course already.", EnrolmentSerializer),
            400: INVALID,
            402: PAYMENT_REQUIRED,
            404: NOT_FOUND,
            409: UNDER_WAY,
        },
        tags=["enrolments"],
    )
    def post(self, request: Request) -> Response:
        wish = EnrolmentRequestSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        course = get_object_or_404(CoursePage.objects.live(), id=wish.validated_data["course"])
        try:
            enrolment, is_new = enrolling.enrol(member=request.user, course=course, at=timezone.now())
        except enrolling.PaymentRequired as refusal:
            url = request.build_absolute_uri(course.get_url(request._request))
            payments_url = request.build_absolute_uri(reverse("api:payments"))
            raise PaymentRequired(refusal, course=course, url=url, payments_url=payments_url) from refusal
        except (enrolling.EnrolmentRefused, CheckoutRefused) as refusal:
            raise Conflict(str(refusal)) from refusal
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(self.describe([enrolment])[0], status=code)

    def describe(self, enrolments: Sequence[Enrolment]) -> list[dict[str, Any]]:
        progress = studying.progress(member=self.request.user, enrolments=enrolments)
        context = {**self.get_serializer_context(), "progress": progress}
        return EnrolmentSerializer(enrolments, many=True, context=context).data
