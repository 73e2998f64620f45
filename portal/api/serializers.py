"""What the token endpoints read and answer."""

from typing import Any

from django.contrib.auth import get_user_model
from rest_framework import serializers
from rest_framework_simplejwt import serializers as simplejwt
from rest_framework_simplejwt.exceptions import AuthenticationFailed


class TokenRefreshSerializer(simplejwt.TokenRefreshSerializer):
    """Turns away the token of a deleted account as that of a blocked one: simplejwt would fail with a 500."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        try:
            return super().validate(attrs)
        except get_user_model().DoesNotExist as error:
            raise AuthenticationFailed(
                self.error_messages["no_active_account"], "no_active_account"
            ) from error


class TokenPairSchema(serializers.Serializer):
    """A pair of tokens, as the documentation shows it."""

    access = serializers.CharField(help_text="Goes into the Authorization header; lives for minutes.")
    refresh = serializers.CharField(help_text="Buys a new pair once; lives for days.")


class EmptySchema(serializers.Serializer):
    """An empty object."""


class ProblemSchema(serializers.Serializer):
    """A problem document (RFC 9457)."""

    type = serializers.CharField(help_text="about:blank: the status says what kind of problem it is.")
    title = serializers.CharField(help_text="The status in words.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What went wrong this time, for people.")
    errors = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="For invalid input: messages by field.",
    )
