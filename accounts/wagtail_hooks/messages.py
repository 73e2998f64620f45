"""The outbox in the CMS: what waits, what went wrong, and the button that tries it again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import SimpleListFilter, display
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail import hooks
from wagtail_modeladmin.helpers import ButtonHelper, PermissionHelper
from wagtail_modeladmin.options import ModelAdmin, ModelAdminGroup, modeladmin_register
from wagtail_modeladmin.views import InspectView

from accounts.models import Message, StoppedAddress
from accounts.notifications import kinds, shown_of
from accounts.services import notifying, stopping

AGAIN = (Message.Status.FAILED, Message.Status.PENDING)


class SeenOnly(PermissionHelper):
    """Rows that services make: nobody writes them by a form."""

    def user_can_list(self, user: Any) -> bool:
        return user.has_perm(f"accounts.view_{self.opts.model_name}")

    def user_can_inspect_obj(self, user: Any, obj: Any) -> bool:
        return self.user_can_list(user)

    def user_can_create(self, user: Any) -> bool:
        return False

    def user_can_edit_obj(self, user: Any, obj: Any) -> bool:
        return False

    def user_can_delete_obj(self, user: Any, obj: Any) -> bool:
        return False


class OneMoreButton(ButtonHelper):
    """Beside the usual buttons that of the one thing which can be done to a row."""

    def get_buttons_for_obj(self, obj: Any, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        buttons = super().get_buttons_for_obj(obj, *args, **kwargs)
        url, label = deed(obj)
        if url and self.request.user.has_perm(may_change(obj)):
            classes = self.finalise_classname([*(kwargs.get("classnames_add") or []), "button-secondary"])
            buttons.append({"url": url, "label": label, "title": label, "classname": classes})
        return buttons


def deed(row: Any) -> tuple[str, str]:
    """Where the one thing is done that can be done to a row, and its name; empty when there is none."""
    if isinstance(row, StoppedAddress):
        return reverse("accounts_cms_lift", args=[row.pk]), _("Send mail again")
    if row.status in AGAIN:
        return reverse("accounts_cms_again", args=[row.pk]), _("Send again")
    return "", ""


def may_change(row: Any) -> str:
    return f"accounts.change_{row._meta.model_name}"


class KindFilter(SimpleListFilter):
    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.name, str(kind.label or kind.name)) for kind in kinds()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class MessageInspect(InspectView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        message = self.instance
        return {
            **super().get_context_data(**kwargs),
            "message": message,
            "contents": shown_of(message).items(),
            "deliveries": message.deliveries.all(),
        }


class MessageList(ModelAdmin):
    model = Message
    menu_label = gettext_lazy("Messages")
    menu_icon = "mail"
    permission_helper_class = SeenOnly
    button_helper_class = OneMoreButton
    inspect_view_enabled = True
    inspect_view_class = MessageInspect
    inspect_template_name = "accounts/cms/message.html"
    inspect_view_fields = ["kind"]
    list_display = ["what", "reader", "state", "attempts", "created_at", "sent_at", "last_error"]
    list_filter = ["status", KindFilter, "created_at"]
    list_select_related = ["recipient"]
    list_per_page = 50
    search_fields = ["recipient__email", "kind", "subject_of", "title", "last_error"]
    empty_value_display = "–"

    @display(description=gettext_lazy("message"), ordering="kind")
    def what(self, message: Message) -> str:
        return message.title or message.kind

    @display(description=gettext_lazy("recipient"), ordering="recipient__email")
    def reader(self, message: Message) -> str:
        return message.recipient.email if message.recipient else _("staff chat")

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, message: Message) -> str:
        return str(message.get_status_display())


class StoppedAddressList(ModelAdmin):
    model = StoppedAddress
    menu_label = gettext_lazy("Addresses without mail")
    menu_icon = "warning"
    permission_helper_class = SeenOnly
    button_helper_class = OneMoreButton
    inspect_view_enabled = True
    list_display = ["email", "reason", "details", "stopped_at"]
    list_filter = ["reason"]
    search_fields = ["email", "details"]
    list_per_page = 50


@modeladmin_register
class MessageLists(ModelAdminGroup):
    menu_label = gettext_lazy("Messages")
    menu_icon = "mail"
    menu_order = 450
    items = (MessageList, StoppedAddressList)


# --- What is done ------------------------------------------------------------------------------------------
@hooks.register("register_admin_urls")
def addresses() -> list[URLPattern]:
    return [
        path("messages/<int:pk>/again/", send_again, name="accounts_cms_again"),
        path("messages/addresses/<int:pk>/lift/", lift, name="accounts_cms_lift"),
    ]


def send_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and by POST have a message tried again."""
    message = get_object_or_404(Message, pk=pk)
    _require(request, message)
    index = reverse("accounts_message_modeladmin_index")
    if request.method != "POST":
        question = _("Have this message tried again at once? It goes by the ways that it has not gone by.")
        return _ask(request, message, question=question, back=index)
    if notifying.send_again(message=message, at=timezone.now()):
        messages.success(request, _("The message will be sent in a moment."))
    else:
        messages.error(request, _("It was sent meanwhile, or is no longer wanted."))
    return redirect(index)


def lift(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and by POST let mail go to an address again."""
    address = get_object_or_404(StoppedAddress, pk=pk)
    _require(request, address)
    index = reverse("accounts_stoppedaddress_modeladmin_index")
    if request.method != "POST":
        return _ask(request, address, question=_("Send mail to this address again?"), back=index)
    stopping.lift(email=address.email)
    messages.success(request, _("Mail goes to %(email)s again.") % {"email": address.email})
    return redirect(index)


def _require(request: HttpRequest, row: Any) -> None:
    if not request.user.has_perm(may_change(row)):
        raise PermissionDenied


def _ask(request: HttpRequest, row: Any, *, question: str, back: str) -> HttpResponse:
    words = {"row": row, "question": question, "button": deed(row)[1], "back": back}
    if not words["button"]:
        messages.error(request, _("It was sent meanwhile, or is no longer wanted."))
        return redirect(back)
    return render(request, "accounts/cms/deed.html", words)
