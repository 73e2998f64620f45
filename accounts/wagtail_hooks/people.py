"""People in the CMS: what happens to an account there is what happens to it elsewhere."""

from __future__ import annotations

from typing import Any

from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail import hooks
from wagtail.admin.ui.tables import Column
from wagtail.users.forms import UserCreationForm, UserEditForm
from wagtail.users.views.users import EditView, IndexView, UserViewSet

from accounts.forms import OwnAddress
from accounts.models import User
from accounts.services import credentials, inactivity, privacy
from accounts.validators import validate_one_line

PEOPLE = "wagtailusers_users:index"


# --- The list and the form ---------------------------------------------------------------------------------
class NamesMayBeMissing(forms.Form):
    """Sign-up asks nobody for a last name: to give such a person a role must not mean to invent one."""

    first_name = forms.CharField(
        required=False, max_length=150, label=gettext_lazy("First name"), validators=[validate_one_line]
    )
    last_name = forms.CharField(
        required=False, max_length=150, label=gettext_lazy("Last name"), validators=[validate_one_line]
    )


class NewPersonForm(NamesMayBeMissing, OwnAddress, UserCreationForm):
    pass


class PersonForm(NamesMayBeMissing, OwnAddress, UserEditForm):
    pass


class PeopleView(IndexView):
    """People, with their roles."""

    def get_base_queryset(self) -> QuerySet[User]:
        return super().get_base_queryset().prefetch_related("groups")

    @cached_property
    def columns(self) -> list[Column]:
        *columns, active, last_login = super().columns
        return [*columns, Column("roles", label=gettext_lazy("Roles"), accessor=roles), active, last_login]


class PersonView(EditView):
    """A person's form: what signs them in does not change in silence."""

    def save_instance(self) -> User:
        former = self.form.initial["email"]
        person: User = super().save_instance()
        if person.email != former:
            credentials.address_given(user=person, former=former)
        if "password1" in self.form.changed_data:
            credentials.password_given(user=person)
            if person == self.request.user:
                UserSession.objects.create_from_request(self.request)
        return person


class PeopleViewSet(UserViewSet):
    index_view_class = PeopleView
    edit_view_class = PersonView

    def get_form_class(self, for_update: bool = False) -> type[forms.ModelForm]:
        return PersonForm if for_update else NewPersonForm


def roles(user: User) -> str:
    return ", ".join(sorted(group.name for group in user.groups.all()))


# --- What happens to an account ----------------------------------------------------------------------------
@hooks.register("register_account_menu_item")
def lead_to_the_profile(request: HttpRequest) -> dict[str, str]:
    return {
        "url": reverse("accounts:profile"),
        "label": _("Your profile"),
        "help_text": _("Name, picture, e-mail addresses, password and second factor: on the site."),
    }


@hooks.register("get_avatar_url")
def show_the_portals_picture(user: User | None, size: int) -> str | None:
    return user.avatar.url if user and user.avatar else None


@hooks.register("before_edit_user")
def note_who_is_blocked(request: HttpRequest, user: User) -> None:
    request.META["accounts.was_blocked"] = not user.is_active


@hooks.register("after_edit_user")
def begin_the_month_anew(request: HttpRequest, user: User) -> None:
    """Somebody ticked “active” for an account that was blocked: or the next night would block it again."""
    if user.is_active and request.META["accounts.was_blocked"]:
        User.objects.filter(pk=user.pk).update(is_active=False)
        inactivity.open_again(user=user, at=timezone.now())


@hooks.register("after_bulk_action")
def block_and_open_as_elsewhere(
    request: HttpRequest, action_type: str, objects: list[Any], action: Any
) -> None:
    """“Set active state” writes that column alone: who was blocked so could open the account again."""
    if action_type != "set_active_state":
        return
    is_opening = action.cleaned_form.cleaned_data["mark_as_active"]
    for user in objects:  # as they were before
        if not is_opening:
            inactivity.block(user=user)
        elif not user.is_active:
            User.objects.filter(pk=user.pk).update(is_active=False)
            inactivity.open_again(user=user, at=timezone.now())


@hooks.register("before_delete_user")
def delete_the_account(request: HttpRequest, user: User) -> HttpResponse | None:
    """Delete as the owner's own request would: what accounting keeps stays, without the person."""
    if request.method != "POST":
        return None
    email = user.email
    try:
        privacy.delete_account(user=user, at=timezone.now())
    except privacy.DeletionRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The account of %(email)s was deleted.") % {"email": email})
    return redirect(PEOPLE)


@hooks.register("before_bulk_action")
def delete_one_by_one(
    request: HttpRequest, action_type: str, objects: list[Any], action: Any
) -> HttpResponse | None:
    if action_type != "delete" or not any(isinstance(each, User) for each in objects):
        return None
    messages.error(request, _("Delete accounts one by one: it cannot be undone."))
    return redirect(PEOPLE)
