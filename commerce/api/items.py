"""Items of the shop: read by everyone, written by its staff."""

from __future__ import annotations

from functools import reduce
from typing import Any

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_yasg.utils import swagger_auto_schema
from rest_framework import generics, status
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from commerce import permissions
from commerce.api.doors import BAD_FILTER, INVALID, NO_ITEM, NO_PAGE, STAFF_ONLY, sorted_by
from commerce.api.refusals import refusals
from commerce.api.serializers import ItemQuerySerializer, ItemSerializer, PublicItemSerializer, asked_of
from commerce.models import Item
from commerce.services import stocking

ACTIONS = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}
ORDERED = 'It has been ordered, and orders are kept. Take it out of sale: `{"is_for_sale": false}`.'


class ReadOrStaff(BasePermission):
    """Everyone reads; staff and those whose role lets them write."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS:
            return True
        return permissions.may_write_items(request.user, action=ACTIONS.get(request.method, "change"))


def items_seen_by(user: Any) -> QuerySet[Item]:
    return Item.objects.all() if permissions.sees_all_items(user) else Item.objects.for_sale()


def serializer_for(user: Any) -> type[ItemSerializer] | type[PublicItemSerializer]:
    return ItemSerializer if permissions.sees_all_items(user) else PublicItemSerializer


class ItemsView(generics.ListAPIView):
    permission_classes = [ReadOrStaff]
    serializer_class = PublicItemSerializer
    queryset = Item.objects.none()
    filter_backends: list[type] = []

    @swagger_auto_schema(
        operation_id="items_list",
        operation_summary="What the shop sells",
        operation_description=(
            "Open to everyone. Staff also get what is not for sale, and of each item `stock` (null: it never "
            "runs out) and `is_for_sale`."
        ),
        query_serializer=ItemQuerySerializer,
        responses={400: BAD_FILTER, 404: NO_PAGE},
        security=[],
        tags=["items"],
    )
    def get(self, request: Request) -> Response:
        query = ItemQuerySerializer(data=asked_of(request.query_params))
        query.is_valid(raise_exception=True)
        asked = dict(query.validated_data)
        ordering, words = asked.pop("ordering"), asked.pop("search").split()
        found = items_seen_by(request.user).filter(**asked).filter(_with_all(words))
        page = self.paginate_queryset(sorted_by(found, ordering))
        return self.get_paginated_response(serializer_for(request.user)(page, many=True).data)

    @swagger_auto_schema(
        operation_id="items_create",
        operation_summary="Offer an item",
        request_body=ItemSerializer,
        responses={201: ItemSerializer, 400: INVALID, 403: STAFF_ONLY},
        tags=["items"],
    )
    def post(self, request: Request) -> Response:
        written = ItemSerializer(data=request.data)
        written.is_valid(raise_exception=True)
        item = written.save()
        address = request.build_absolute_uri(reverse("api:item", args=[item.pk]))
        return Response(
            ItemSerializer(item).data, status=status.HTTP_201_CREATED, headers={"Location": address}
        )


class ItemView(APIView):
    """One item."""

    permission_classes = [ReadOrStaff]

    @swagger_auto_schema(
        operation_id="items_read",
        operation_summary="An item",
        operation_description="Open to everyone; what is not for sale, to staff.",
        responses={200: PublicItemSerializer, 404: NO_ITEM},
        security=[],
        tags=["items"],
    )
    def get(self, request: Request, pk: int) -> Response:
        item = get_object_or_404(items_seen_by(request.user), pk=pk)
        return Response(serializer_for(request.user)(item).data)

    @swagger_auto_schema(
        operation_id="items_update",
        operation_summary="Change an item",
        operation_description="Orders that are placed keep its old name and price.",
        request_body=ItemSerializer,
        responses={200: ItemSerializer, 400: INVALID, 403: STAFF_ONLY, 404: NO_ITEM},
        tags=["items"],
    )
    def put(self, request: Request, pk: int) -> Response:
        return self.change(request, pk, is_partial=False)

    @swagger_auto_schema(
        operation_id="items_partial_update",
        operation_summary="Change parts of an item",
        operation_description="As PUT, without the fields that a new item needs.",
        request_body=ItemSerializer,
        responses={200: ItemSerializer, 400: INVALID, 403: STAFF_ONLY, 404: NO_ITEM},
        tags=["items"],
    )
    def patch(self, request: Request, pk: int) -> Response:
        return self.change(request, pk, is_partial=True)

    @swagger_auto_schema(
        operation_id="items_delete",
        operation_summary="Delete an item",
        responses={204: "It is deleted.", 403: STAFF_ONLY, 404: NO_ITEM, 409: ORDERED},
        tags=["items"],
    )
    def delete(self, request: Request, pk: int) -> Response:
        with refusals():
            stocking.delete_item(item=get_object_or_404(Item, pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def change(self, request: Request, pk: int, *, is_partial: bool) -> Response:
        item = get_object_or_404(Item, pk=pk)
        written = ItemSerializer(item, data=request.data, partial=is_partial)
        written.is_valid(raise_exception=True)
        return Response(ItemSerializer(written.save()).data)


def _with_all(words: list[str]) -> Q:
    """Each word somewhere in name or description."""
    return reduce(
        Q.__and__, (Q(name__icontains=word) | Q(description__icontains=word) for word in words), Q()
    )
