"""What the endpoints of people and tokens read and answer."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as Refusal
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from drf_yasg.utils import swagger_serializer_method
from rest_framework import serializers

from accounts.models import User
from accounts.personal_data import keeper_of
from accounts.services import avatars
from accounts.services.directory import PUBLIC_FACTS

# Query parameters of every list; what they may hold, pagination says.
PAGE_PARAMETERS = {"page", "page_size", "format"}
LONGEST_PASSWORD = 4096


# --- Tokens ---
class SignInSerializer(serializers.Serializer):
    """Who signs in."""

    email = serializers.CharField(write_only=True, max_length=254, help_text="In any case.")
    password = serializers.CharField(write_only=True, max_length=LONGEST_PASSWORD, trim_whitespace=False)
    code = serializers.CharField(
        write_only=True,
        required=False,
        allow_blank=True,
        max_length=32,
        help_text="Only for accounts with a second factor: from the authenticator app, or a recovery code.",
    )


class RefreshSerializer(serializers.Serializer):
    """A refresh token."""

    refresh = serializers.CharField(write_only=True)


class TokenSerializer(serializers.Serializer):
    """A token of either kind."""

    token = serializers.CharField(write_only=True)


class TokenPairSerializer(serializers.Serializer):
    """A pair of tokens."""

    access = serializers.CharField(help_text="Goes into the Authorization header; lives for minutes.")
    refresh = serializers.CharField(help_text="Buys a new pair once; lives for days.")


class ProofSerializer(serializers.Serializer):
    """Who acts, once more; may be left out a short while after signing in."""

    password = serializers.CharField(
        write_only=True,
        required=False,
        allow_blank=True,
        default="",
        max_length=LONGEST_PASSWORD,
        trim_whitespace=False,
    )
    code = serializers.CharField(
        write_only=True,
        required=False,
        allow_blank=True,
        default="",
        max_length=32,
        help_text="With the password, for accounts with a second factor.",
    )


class EmptySerializer(serializers.Serializer):
    """An empty object."""


# --- People ---
class PeopleQuerySerializer(serializers.Serializer):
    """The filter of the list of people."""

    search = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=200,
        help_text="People with all of these words in first name or city.",
    )

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields) - PAGE_PARAMETERS)
        if unknown:
            message = _("There is no such filter; there are: %(known)s.") % {"known": ", ".join(self.fields)}
            raise serializers.ValidationError({name: [message] for name in unknown})
        return super().to_internal_value(data)


class RegistrationSerializer(serializers.ModelSerializer):
    """A new account. The answer has an `id` only where addresses need not be confirmed first."""

    email = serializers.EmailField(max_length=254, help_text="Kept in lower case.")
    password = serializers.CharField(write_only=True, max_length=LONGEST_PASSWORD, trim_whitespace=False)

    class Meta:
        model = User
        fields = ["id", "email", "password", "first_name", "last_name", "phone", "city"]
        extra_kwargs = {name: {"default": ""} for name in ("first_name", "last_name", "phone", "city")}

    def validate_email(self, email: str) -> str:
        return email.lower()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        facts = {name: value for name, value in attrs.items() if name != "password"}
        try:
            validate_password(attrs["password"], User(**facts))
        except Refusal as refusal:
            raise serializers.ValidationError({"password": refusal.messages}) from refusal
        return attrs


class AvatarField(serializers.Field):
    """A picture: uploaded by multipart, answered as an address. Null or nothing takes it away."""

    class Meta:
        swagger_schema_fields = {
            "type": "string",
            "format": "uri",
            "x-nullable": True,
            "description": "Send a picture as a file of a multipart form, or null to take it away.",
        }

    def get_value(self, dictionary: Any) -> Any:
        return dictionary.get(self.field_name, serializers.empty)

    def to_internal_value(self, value: Any) -> UploadedFile | str:
        if isinstance(value, UploadedFile) or value == "":
            return value
        # An answer of ours sent back unchanged.
        if self.parent.instance is not None and value == self.to_representation(self.parent.instance.avatar):
            raise serializers.SkipField
        raise serializers.ValidationError(_("Send the picture as a file of a multipart form."))

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        if data is None:
            return True, ""
        return super().validate_empty_values(data)

    def to_representation(self, avatar: Any) -> str | None:
        return self.context["request"].build_absolute_uri(avatar.url) if avatar else None

    def get_attribute(self, instance: User) -> Any:
        return instance.avatar or None


class PublicProfileSerializer(serializers.ModelSerializer):
    """What everybody signed in may know of a person."""

    avatar = AvatarField(read_only=True)

    class Meta:
        model = User
        fields = PUBLIC_FACTS


class OwnPaymentSerializer(serializers.Serializer):
    """A payment in the asker's own history."""

    id = serializers.IntegerField()
    user = serializers.IntegerField(allow_null=True, help_text="Id of the buyer; null: a visitor.")
    status = serializers.CharField(
        help_text="PENDING, PAID, EXPIRED, FAILED, REFUNDED, PARTIALLY_REFUNDED or CANCELLED."
    )
    method = serializers.CharField(help_text="stripe, cash or transfer.")
    amount = serializers.CharField()
    currency = serializers.CharField()
    course = serializers.IntegerField(allow_null=True, help_text="Id of the course it pays; else null.")
    lesson = serializers.IntegerField(
        allow_null=True, help_text="Id of the single lesson it pays; else null."
    )
    borrowing = serializers.IntegerField(
        allow_null=True, help_text="Id of the borrowing whose fee, renewal or fine it pays; else null."
    )
    order = serializers.IntegerField()
    session_id = serializers.CharField(allow_null=True, help_text="At the payment provider.")
    session_url = serializers.CharField(allow_null=True, help_text="The provider's payment page.")
    created_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)


class OwnProfileSerializer(serializers.ModelSerializer):
    """All that a person may know of themselves."""

    avatar = AvatarField(required=False)
    payments = serializers.SerializerMethodField(help_text="The asker's payments, newest first.")

    class Meta:
        model = User
        fields = [
            "id",
            "email",
            "first_name",
            "last_name",
            "phone",
            "city",
            "avatar",
            "language",
            "time_zone",
            "date_joined",
            "last_login",
            "payments",
        ]
        read_only_fields = ["id", "email", "date_joined", "last_login"]

    @swagger_serializer_method(OwnPaymentSerializer(many=True))
    def get_payments(self, user: User) -> Any:
        keeper = keeper_of("payments")
        return [] if keeper is None else keeper.export(user)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what is changed elsewhere, rather than do nothing silently."""
        refused = {}
        email = self.initial_data.get("email", self.instance.email)
        if str(email).lower() != self.instance.email:
            refused["email"] = [
                _("The e-mail address is changed on the site, at /accounts/email/: it has to be confirmed.")
            ]
        if "password" in self.initial_data:
            refused["password"] = [_("The password is changed on the site, at /accounts/password/change/.")]
        if refused:
            raise serializers.ValidationError(refused)
        return attrs

    def update(self, user: User, attrs: dict[str, Any]) -> User:
        facts = {name: value for name, value in attrs.items() if name != "avatar"}
        if "avatar" in attrs:
            self._change_avatar(user, attrs["avatar"])
        for name, value in facts.items():
            setattr(user, name, value)
        user.save(update_fields=[*facts])
        return user

    def _change_avatar(self, user: User, upload: UploadedFile | str) -> None:
        if not upload:
            avatars.remove(user=user)
            return
        try:
            avatars.replace(user=user, upload=upload)
        except avatars.AvatarRefused as refusal:
            raise serializers.ValidationError({"avatar": [str(refusal)]}) from refusal
