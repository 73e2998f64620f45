"""URLs with one protected endpoint, for the tests of what holds for all of them."""

from django.http import Http404
from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.filters import one_of, refuse_unknown_parameters
from portal.api.pagination import PageNumberPagination


class WhoAmI(APIView):
    def get(self, request):
        return Response({"id": request.user.pk})


class LineSerializer(serializers.Serializer):
    quantity = serializers.IntegerField()


class OrderSerializer(serializers.Serializer):
    title = serializers.CharField()
    lines = LineSerializer(many=True)


class Open(APIView):
    permission_classes = []


class Numbers(Open):
    """The numbers from 1 to 30, in pages."""

    def get(self, request):
        refuse_unknown_parameters(request, known=["ordering"])
        ordering = one_of(request, "ordering", allowed=["number", "-number"], default="number")
        numbers = sorted(range(1, 31), reverse=ordering.startswith("-"))
        paginator = PageNumberPagination()
        return paginator.get_paginated_response(paginator.paginate_queryset(numbers, request, view=self))


class Orders(Open):
    def post(self, request):
        OrderSerializer(data=request.data).is_valid(raise_exception=True)
        raise ValidationError("Nothing is for sale today.")


class Missing(Open):
    def get(self, request):
        raise Http404("No CoursePage matches the given query.")


urlpatterns = [
    path("api/v1/whoami/", WhoAmI.as_view()),
    path("api/v1/numbers/", Numbers.as_view()),
    path("api/v1/orders/", Orders.as_view()),
    path("api/v1/missing/", Missing.as_view()),
]
