"""Tokens: sign in, renew, check, sign out. Guessing is slowed by the throttle scope `token`."""

from drf_yasg.utils import swagger_auto_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt import views

from portal.api.serializers import EmptySchema, ProblemSchema, TokenPairSchema, TokenRefreshSerializer

REFUSALS = {400: ProblemSchema, 401: ProblemSchema, 429: ProblemSchema}


class TokenView(views.TokenObtainPairView):
    throttle_scope = "token"

    @swagger_auto_schema(
        operation_id="token_create",
        operation_summary="Sign in",
        operation_description="E-mail address (in any case) and password for a pair of tokens.",
        responses={200: TokenPairSchema, **REFUSALS},
        security=[],
        tags=["token"],
    )
    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        return super().post(request, *args, **kwargs)


class TokenRefreshView(views.TokenRefreshView):
    throttle_scope = "token"
    serializer_class = TokenRefreshSerializer

    @swagger_auto_schema(
        operation_id="token_refresh",
        operation_summary="Renew the tokens",
        operation_description="A refresh token buys a new pair once; after that it is dead.",
        responses={200: TokenPairSchema, **REFUSALS},
        security=[],
        tags=["token"],
    )
    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        return super().post(request, *args, **kwargs)


class TokenVerifyView(views.TokenVerifyView):
    throttle_scope = "token"

    @swagger_auto_schema(
        operation_id="token_verify",
        operation_summary="Check a token",
        operation_description="200 when the token is ours and still good, 401 when it is not.",
        responses={200: EmptySchema, **REFUSALS},
        security=[],
        tags=["token"],
    )
    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        return super().post(request, *args, **kwargs)


class TokenBlacklistView(views.TokenBlacklistView):
    throttle_scope = "token"

    @swagger_auto_schema(
        operation_id="token_blacklist",
        operation_summary="Sign out",
        operation_description="The refresh token is dead from now on.",
        responses={200: EmptySchema, **REFUSALS},
        security=[],
        tags=["token"],
    )
    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        return super().post(request, *args, **kwargs)
