"""People and the letters to them in the Django admin."""

from __future__ import annotations

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.forms import OwnAddress
from accounts.models import Message, User
from accounts.notifications import shown_of
from accounts.services import avatars, credentials, inactivity, notifying, privacy


class BlockedFilter(admin.SimpleListFilter):
    """Who blocked an account: only what inactivity blocked may its owner open again."""

    title = _("blocked")
    parameter_name = "blocked"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, Any]]:
        return [("inactivity", _("For inactivity")), ("person", _("By a person"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[User]) -> models.QuerySet[User]:
        if self.value() == "inactivity":
            return queryset.filter(is_active=False, blocked_for_inactivity_at__isnull=False)
        if self.value() == "person":
            return queryset.filter(is_active=False, blocked_for_inactivity_at__isnull=True)
        return queryset


class NewPersonForm(OwnAddress, AdminUserCreationForm):
    pass


class PersonForm(OwnAddress, UserChangeForm):
    def clean_avatar(self) -> Any:
        avatar = self.cleaned_data["avatar"]
        if not isinstance(avatar, UploadedFile):
            return avatar
        try:
            return avatars.process(avatar)
        except avatars.AvatarRefused as refusal:
            raise ValidationError(str(refusal), code="avatar_refused") from refusal


@admin.register(User)
class UserAdmin(BaseUserAdmin):
    """People, by e-mail address. Deleting an account here is what its owner's own request does."""

    form = PersonForm
    add_form = NewPersonForm
    list_display = ["email", "first_name", "last_name", "roles", "is_active", "is_staff", "last_login"]
    list_filter = ["groups", "is_staff", "is_superuser", "is_active", BlockedFilter]
    search_fields = ["email", "first_name", "last_name", "phone", "city"]
    ordering = ["email"]
    date_hierarchy = "date_joined"
    actions = ["open_again", "block"]
    readonly_fields = [
        "last_login",
        "date_joined",
        "inactivity_warned_at",
        "blocked_for_inactivity_at",
        "reactivated_at",
    ]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        (
            _("Person"),
            {"fields": ["first_name", "last_name", "phone", "city", "avatar", "language", "time_zone"]},
        ),
        (_("Rights"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("Dates"), {"fields": readonly_fields}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["email", "password1", "password2"]})]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=_("roles"))
    def roles(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all()))

    @admin.action(description=_("Open the accounts again"), permissions=["change"])
    def open_again(self, request: HttpRequest, queryset: models.QuerySet[User]) -> None:
        at = timezone.now()
        opened = sum(inactivity.open_again(user=user, at=at) for user in queryset)
        said = ngettext("%(count)d account opened.", "%(count)d accounts opened.", opened)
        self.message_user(request, said % {"count": opened})

    @admin.action(description=_("Block the accounts; their owners cannot undo it"), permissions=["change"])
    def block(self, request: HttpRequest, queryset: models.QuerySet[User]) -> None:
        others = queryset.exclude(pk=request.user.pk)
        blocked = sum(inactivity.block(user=user) for user in others)
        said = ngettext("%(count)d account blocked.", "%(count)d accounts blocked.", blocked)
        self.message_user(request, said % {"count": blocked})

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        # Somebody ticked “active”: the owner's month begins anew, or the next night would block them again.
        is_opened = change and "is_active" in form.changed_data and obj.is_active
        if is_opened:
            obj.blocked_for_inactivity_at = None
            obj.reactivated_at = timezone.now()
        super().save_model(request, obj, form, change)
        if is_opened:
            credentials.sign_out(user=obj)
        if change and obj.email != form.initial["email"]:
            credentials.address_given(user=obj, former=form.initial["email"])
        former = form.initial.get("avatar")
        if former and "avatar" in form.changed_data:
            transaction.on_commit(lambda: former.storage.delete(former.name))

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        people = User.objects.filter(pk=unquote(id)).values_list("password", flat=True)
        former = people.first()
        answer = super().user_change_password(request, id, form_url)
        if people.first() != former:
            user = User.objects.get(pk=unquote(id))
            credentials.password_given(user=user)
            if user == request.user:
                UserSession.objects.create_from_request(request)
        return answer

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], Any, set[str], list[str]]:
        # What stays for accounting does not stand in the way: the account is emptied instead.
        people = [str(user.email) for user in objs]
        return people, {User._meta.verbose_name_plural: len(people)}, set(), []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        self._delete_accounts(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[User]) -> None:
        self._delete_accounts(request, list(queryset))

    def _delete_accounts(self, request: HttpRequest, people: list[User]) -> None:
        for user in people:
            try:
                privacy.forget(user=user, at=timezone.now())
            except privacy.DeletionRefused as refusal:
                self.message_user(request, str(refusal), messages.ERROR)


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    """The outbox, to look at, and to have a letter tried again."""

    list_display = ["kind", "reader", "status", "attempts", "created_at", "sent_at", "next_attempt_at"]
    list_filter = ["status", "kind"]
    list_select_related = ["recipient"]
    search_fields = ["recipient__email", "kind", "subject_of"]
    date_hierarchy = "created_at"
    actions = ["send_again"]
    fields = [
        *("reader", "kind", "subject_of", "dedupe", "contents", "status", "attempts", "next_attempt_at"),
        *("last_error", "created_at", "sent_at"),
    ]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_message")

    @admin.display(description=_("recipient"), ordering="recipient__email")
    def reader(self, message: Message) -> str:
        return message.recipient.email if message.recipient else str(_("staff chat"))

    @admin.display(description=_("contents"))
    def contents(self, message: Message) -> str:
        """What the letter says, without links that open an account."""
        return "; ".join(f"{name}: {value}" for name, value in shown_of(message).items())

    @admin.action(description=_("Send again what was given up"), permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: models.QuerySet[Message]) -> None:
        at = timezone.now()
        again = sum(notifying.send_again(message=message, at=at) for message in queryset)
        said = ngettext("%(count)d message will be sent.", "%(count)d messages will be sent.", again)
        self.message_user(request, said % {"count": again})
