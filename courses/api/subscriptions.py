"""Following a course by the API."""

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_yasg import openapi
from drf_yasg.utils import swagger_auto_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from courses.models import CoursePage
from courses.services import subscribing

NOT_FOUND = "There is no such course, or it is not published."


class SubscriptionSerializer(serializers.Serializer):
    course = serializers.IntegerField(help_text="Id of the course.")
    is_subscribed = serializers.BooleanField(help_text="Whether the asker hears of its changes.")


class SubscriptionView(APIView):
    """Whether the asker hears of a course's changes. It takes no place in the course."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="courses_subscribe",
        operation_summary="Hear of a course's changes",
        request_body=None,
        responses={
            201: SubscriptionSerializer,
            200: openapi.Response("You followed it before.", SubscriptionSerializer),
            404: NOT_FOUND,
        },
        tags=["courses"],
    )
    def post(self, request: Request, pk: int) -> Response:
        course = get_object_or_404(CoursePage.objects.live(), id=pk)
        is_new = subscribing.subscribe(member=request.user, course=course, at=timezone.now())
        answer = SubscriptionSerializer({"course": course.pk, "is_subscribed": True})
        return Response(answer.data, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    @swagger_auto_schema(
        operation_id="courses_unsubscribe",
        operation_summary="Hear of a course no more",
        operation_description="Also for a course that has been taken offline since.",
        responses={204: "You do not follow it (any more).", 404: NOT_FOUND},
        tags=["courses"],
    )
    def delete(self, request: Request, pk: int) -> Response:
        course = get_object_or_404(CoursePage.objects.known_to_follower(request.user), id=pk)
        subscribing.unsubscribe(member=request.user, course=course)
        return Response(status=status.HTTP_204_NO_CONTENT)
