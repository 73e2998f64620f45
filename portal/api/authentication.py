"""Who asks: a JSON web token in any of the headers the portal accepts."""

from django.conf import settings
from rest_framework import HTTP_HEADER_ENCODING
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt import authentication
from rest_framework_simplejwt.tokens import Token

from accounts.models import User
from accounts.services import tokens


class JWTAuthentication(authentication.JWTAuthentication):
    """Reads `Bearer <access token>` from the first header of `settings.API_AUTH_HEADERS` that carries one.

    Clients of the library send `Authorize`, all others the standard `Authorization`. A header of another
    scheme (Basic, say, from a proxy) is passed over, so that it does not hide a token in the next one.
    """

    def get_header(self, request: Request) -> bytes | None:
        for name in settings.API_AUTH_HEADERS:
            value = request.headers.get(name)
            if value is None:
                continue
            header = value.encode(HTTP_HEADER_ENCODING, errors="replace")
            scheme = header.split(maxsplit=1)[:1]
            if scheme and scheme[0] in authentication.AUTH_HEADER_TYPE_BYTES:
                return header
        return None

    def get_user(self, validated_token: Token) -> User:
        try:
            return tokens.holder(validated_token)
        except tokens.TokenRefused as refusal:
            raise AuthenticationFailed(str(refusal)) from refusal
