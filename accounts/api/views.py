"""People and their tokens."""

from __future__ import annotations

from typing import Any

from allauth.core import ratelimit
from django.conf import settings
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from drf_yasg.utils import swagger_auto_schema
from rest_framework import generics, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.api import sign_in
from accounts.api.serializers import (
    EmptySerializer,
    OwnProfileSerializer,
    PeopleQuerySerializer,
    ProofSerializer,
    PublicProfileSerializer,
    RefreshSerializer,
    RegistrationSerializer,
    SignInSerializer,
    TokenPairSerializer,
    TokenSerializer,
)
from accounts.models import User
from accounts.services import choosing, directory, privacy, tokens

INVALID = "A field is missing or wrong; `errors` says which."
DEAD = "The token has expired, was used, signed out or changed, or its account is blocked or deleted."
NO_PERSON = "There is no such person, or their account is blocked or deleted."


# --- Tokens ---
@method_decorator(sensitive_post_parameters(), name="dispatch")
class TokenEndpoint(generics.GenericAPIView):
    """Open to all. What is sent here is the proof; a token in the header would prove nothing."""

    permission_classes = [AllowAny]
    authentication_classes: list[type[BaseAuthentication]] = []
    throttle_scope = "token"

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'

    def read(self, request: Request) -> dict[str, Any]:
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data


def pair(refresh: RefreshToken) -> Response:
    return Response({"access": str(refresh.access_token), "refresh": str(refresh)})


class TokenView(TokenEndpoint):
    serializer_class = SignInSerializer

    @swagger_auto_schema(
        operation_id="token_create",
        operation_summary="Sign in",
        operation_description="E-mail address and password for a pair of tokens. Counts as a sign-in.",
        responses={
            200: TokenPairSerializer,
            400: f"{INVALID} Under `code`: the account has a second factor, and its code is missing.",
            401: "Wrong address, password or code; or the account is blocked, or its address not confirmed.",
        },
        security=[],
        tags=["token"],
    )
    def post(self, request: Request) -> Response:
        user = sign_in.authenticate(request._request, **self.read(request))
        return pair(tokens.issue(user=user, at=timezone.now()))


class TokenRefreshView(TokenEndpoint):
    serializer_class = RefreshSerializer

    @swagger_auto_schema(
        operation_id="token_refresh",
        operation_summary="Renew the tokens",
        operation_description=(
            "A refresh token buys a new pair once; after that it is dead. One that is used again later has "
            "been stolen: everything that came of the same sign-in dies with it."
        ),
        responses={200: TokenPairSerializer, 400: INVALID, 401: DEAD},
        security=[],
        tags=["token"],
    )
    def post(self, request: Request) -> Response:
        try:
            return pair(tokens.renew(self.read(request)["refresh"], at=timezone.now()))
        except tokens.TokenRefused as refusal:
            raise AuthenticationFailed(str(refusal)) from refusal


class TokenVerifyView(TokenEndpoint):
    serializer_class = TokenSerializer

    @swagger_auto_schema(
        operation_id="token_verify",
        operation_summary="Check a token",
        operation_description="200 when the token, access or refresh, is good now; 401 when it is not.",
        responses={200: EmptySerializer, 400: INVALID, 401: DEAD},
        security=[],
        tags=["token"],
    )
    def post(self, request: Request) -> Response:
        try:
            tokens.check(self.read(request)["token"])
        except tokens.TokenRefused as refusal:
            raise AuthenticationFailed(str(refusal)) from refusal
        return Response({})


class TokenBlacklistView(TokenEndpoint):
    serializer_class = RefreshSerializer

    @swagger_auto_schema(
        operation_id="token_blacklist",
        operation_summary="Sign out",
        operation_description=(
            "The refresh token is dead from now on, and so are the access tokens of the same sign-in."
        ),
        responses={200: EmptySerializer, 400: INVALID, 401: DEAD},
        security=[],
        tags=["token"],
    )
    def post(self, request: Request) -> Response:
        try:
            tokens.end(self.read(request)["refresh"], at=timezone.now())
        except tokens.TokenRefused as refusal:
            raise AuthenticationFailed(str(refusal)) from refusal
        return Response({})


# --- People ---
@method_decorator(sensitive_post_parameters(), name="dispatch")
class PeopleView(generics.ListCreateAPIView):
    """The people of the portal, and the way to become one of them."""

    queryset = User.objects.none()
    filter_backends: list[type] = []

    def get_authenticators(self) -> list[BaseAuthentication]:
        # Who registers is nobody yet; an expired token in the header is no reason to turn them away.
        return [] if self._is_registration() else super().get_authenticators()

    def get_permissions(self) -> list[Any]:
        return [AllowAny()] if self._is_registration() else [IsAuthenticated()]

    def get_serializer_class(self) -> type[BaseSerializer]:
        return RegistrationSerializer if self._is_registration() else PublicProfileSerializer

    def _is_registration(self) -> bool:
        return getattr(self.request, "method", None) == "POST"

    @swagger_auto_schema(
        operation_id="users_list",
        operation_summary="People of the portal",
        operation_description=(
            "Everybody whose account is open, with their public facts only; by first name, and who has none "
            "comes last."
        ),
        query_serializer=PeopleQuerySerializer,
        responses={400: "A filter is not known; `errors` says which.", 404: "There is no such page."},
        tags=["users"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        query = PeopleQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        page = self.paginate_queryset(directory.people(**query.validated_data))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @swagger_auto_schema(
        operation_id="users_create",
        operation_summary="Make an account",
        operation_description=(
            "Where addresses must be confirmed, the answer has no `id` and is the same whether or not the "
            "address has an account: its owner gets a letter. Elsewhere one may sign in at once."
        ),
        request_body=RegistrationSerializer,
        responses={
            201: RegistrationSerializer,
            400: f"{INVALID} Where addresses need not be confirmed, a known one stands under `email`.",
            403: "New accounts are not made at the moment.",
        },
        security=[],
        tags=["users"],
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = sign_in.register(request._request, **asked.validated_data)
        answer = {name: asked.validated_data[name] for name in asked.fields if name in asked.validated_data}
        del answer["password"]
        if user is not None and not sign_in.is_verification_mandatory():
            answer = {"id": user.pk, **answer}
        return Response(answer, status=status.HTTP_201_CREATED)


class OwnProfileView(generics.GenericAPIView):
    """Whoever asks."""

    permission_classes = [IsAuthenticated]
    serializer_class = OwnProfileSerializer

    @swagger_auto_schema(
        operation_id="users_me",
        operation_summary="Your own profile",
        responses={200: OwnProfileSerializer},
        tags=["users"],
    )
    def get(self, request: Request) -> Response:
        return Response(self.get_serializer(request.user).data)


class PersonView(generics.GenericAPIView):
    """One person: all of oneself, the public facts of others."""

    queryset = User.objects.none()
    permission_classes = [IsAuthenticated]
    serializer_class = OwnProfileSerializer

    @swagger_auto_schema(
        operation_id="users_read",
        operation_summary="A person's profile",
        operation_description=(
            "Your own: as `users/me/`. Another person's: exactly `id`, `first_name`, `city` and `avatar`."
        ),
        responses={200: PublicProfileSerializer, 404: NO_PERSON},
        tags=["users"],
    )
    def get(self, request: Request, pk: int) -> Response:
        person = self.find(pk)
        if person == request.user:
            return Response(self.get_serializer(request.user).data)
        return Response(PublicProfileSerializer(person, context=self.get_serializer_context()).data)

    @swagger_auto_schema(
        operation_id="users_update",
        operation_summary="Change your profile",
        operation_description=(
            "JSON, or a multipart form with a picture as `avatar`. A field that is not sent stays as it is. "
            "E-mail address and password are changed on the site."
        ),
        responses={200: OwnProfileSerializer, 400: INVALID, 403: "It is another's profile.", 404: NO_PERSON},
        tags=["users"],
    )
    def put(self, request: Request, pk: int) -> Response:
        return self.change(request, pk)

    @swagger_auto_schema(
        operation_id="users_partial_update",
        operation_summary="Change parts of your profile",
        operation_description="As PUT.",
        responses={200: OwnProfileSerializer, 400: INVALID, 403: "It is another's profile.", 404: NO_PERSON},
        tags=["users"],
    )
    def patch(self, request: Request, pk: int) -> Response:
        return self.change(request, pk)

    @swagger_auto_schema(
        operation_id="users_delete",
        operation_summary="Delete your account",
        operation_description=(
            "At once and for good: what accounting must keep is made anonymous, everything else is deleted, "
            "and all sessions and tokens end. A short while after signing in the token is proof enough; "
            "later (renewing a token is no signing in) the password has to be sent, and the code of a second "
            "factor where there is one."
        ),
        request_body=ProofSerializer,
        responses={
            204: "It is deleted.",
            400: f"{INVALID} Under `code`: the account has a second factor, and its code is missing.",
            403: (
                "It is another's account, or that of the only administrator; or the password is wrong, or is "
                "missing and the sign-in was not a short while ago."
            ),
            404: NO_PERSON,
        },
        tags=["users"],
    )
    def delete(self, request: Request, pk: int) -> Response:
        user, now = self.find_self(request, pk), timezone.now()
        asked = ProofSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if asked.validated_data["password"]:
            sign_in.prove(request._request, user=user, **asked.validated_data)
        elif not tokens.is_fresh(request.auth, at=now, within=settings.API_FRESH_SIGN_IN):
            raise PermissionDenied(
                _(
                    "You signed in some time ago. Send your password with this request, as "
                    '{"password": "…"}, or sign in again and use the new token.'
                )
            )
        try:
            privacy.delete_account(user=user, at=now)
        except privacy.DeletionRefused as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        return Response(status=status.HTTP_204_NO_CONTENT)

    def change(self, request: Request, pk: int) -> Response:
        user = self.find_self(request, pk)
        if "avatar" in request.FILES and not ratelimit.consume(request._request, action="avatar", user=user):
            raise sign_in.too_many("avatar")
        changed = self.get_serializer(user, data=request.data, partial=True)
        changed.is_valid(raise_exception=True)
        changed.save()
        if "time_zone" in changed.validated_data:
            choosing.reschedule(user=changed.instance, at=timezone.now())
        return Response(changed.data)

    def find(self, pk: int) -> User:
        """Anybody whose account is open. Raises Http404."""
        return get_object_or_404(directory.people(), pk=pk)

    def find_self(self, request: Request, pk: int) -> User:
        """The asker, if that is who is meant. Raises Http404 and PermissionDenied."""
        if self.find(pk) != request.user:
            raise PermissionDenied(_("Only its owner may change or delete an account."))
        return request.user
