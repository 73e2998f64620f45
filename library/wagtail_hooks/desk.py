"""The desk: one field for cards, copies and names, and beneath it all that concerns the member who is here.

It works without scripts: a scanner types a number and presses Enter, the page comes back with what was done,
and the field is ready for the next one.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail import hooks
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.log_actions import log

from accounts.models import User
from commerce.wagtail_hooks.actions import NothingDone
from library.models import Borrowing, Copy, LendingRules
from library.services import counter
from library.services.days import day_of
from library.wagtail_hooks.actions import (
    CONDITIONS,
    REFUSALS,
    TAKE_MONEY,
    WORK_AT_DESK,
    BackOnShelf,
    CancelHold,
    HandOut,
    Renew,
    TakeBack,
    TakeCash,
    Waive,
    day,
    hand_out,
    lend,
    name_of,
    take_back,
)

NAME = "library_desk"
# A scanner that reads twice must not take back what it has just lent.
SECOND_READING = timedelta(seconds=60)


class ScanForm(forms.Form):
    """What was scanned or typed, for whom it is, and how."""

    scan = forms.CharField(
        label=gettext_lazy("Card, copy or name"),
        required=False,
        max_length=200,
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "off", "spellcheck": "false", "enterkeyhint": "go"}
        ),
    )
    until = forms.DateField(
        label=gettext_lazy("Lend until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    condition = forms.ChoiceField(label=gettext_lazy("What comes back is"), choices=CONDITIONS)
    member = forms.ModelChoiceField(User.objects.all(), required=False, widget=forms.HiddenInput)


class DeskView(WagtailAdminTemplateMixin, TemplateView):
    template_name = "library/cms/desk.html"
    page_title = gettext_lazy("Desk")
    header_icon = "user"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(WORK_AT_DESK):
            raise PermissionDenied
        self.at = timezone.now()
        self.on = day_of(self.at)
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [*super().get_breadcrumbs_items(), {"url": "", "label": str(self.page_title)}]

    # --- Showing ---
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        member = kwargs.pop("member", None) or self.member_named()
        visitor = counter.visitor(member, on=self.on, at=self.at) if member is not None else None
        here = here_for(member)
        context = super().get_context_data(**kwargs)
        context.setdefault("form", ScanForm(initial=self.initial(member)))
        return {
            **context,
            "visitor": visitor,
            "name": name_of(member) if member is not None else "",
            "on": self.on,
            "desk": reverse(NAME),
            "next": urlencode({"next": here}),
            "deeds": {
                "hand_out": HandOut,
                "take_back": TakeBack,
                "renew": Renew,
                "cancel_hold": CancelHold,
                "take_cash": TakeCash,
                "waive": Waive,
            },
            "conditions": CONDITIONS,
            "may_take_money": self.request.user.has_perm(TAKE_MONEY),
        }

    def member_named(self) -> User | None:
        pk = self.request.GET.get("member", "")
        return get_object_or_404(User, pk=pk) if pk.isascii() and pk.isdecimal() and len(pk) < 19 else None

    def initial(self, member: User | None) -> dict[str, Any]:
        return {
            "until": self.until_asked() or self.on + timedelta(days=LendingRules.current().usual_loan_days),
            "condition": Copy.Status.AVAILABLE.value,
            "member": member,
        }

    def until_asked(self) -> date | None:
        """The day chosen for this visitor's loans, which holds until they leave."""
        try:
            return date.fromisoformat(self.request.GET.get("until", ""))
        except ValueError:
            return None

    # --- Scanning ---
    def post(self, request: HttpRequest) -> HttpResponse:
        form = ScanForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        given = form.cleaned_data
        member, until = given["member"], given["until"]
        found = counter.find(given["scan"])
        if found.people:
            context = {"people": found.people, "has_more": found.has_more, "typed": given["scan"]}
            return self.render_to_response(self.get_context_data(member=member, **context))
        if found.member is not None:
            return redirect(here_for(found.member))
        if found.copy is None:
            messages.error(request, found.problem)
        else:
            try:
                self.handle(found.copy, member=member, until=until, condition=Copy.Status(given["condition"]))
            except (*REFUSALS, NothingDone) as refusal:
                messages.error(request, str(refusal))
        usual = self.on + timedelta(days=LendingRules.current().usual_loan_days)
        return redirect(here_for(member, until=until if until != usual else None))

    def handle(self, copy: Copy, *, member: User | None, until: date, condition: Copy.Status) -> None:
        """Do what a copy on the counter asks for: take it back, hand it out, or lend it."""
        borrowing = counter.loan_of(copy)
        if borrowing is None:
            self.lend(copy, member=member, until=until)
        elif borrowing.handed_out_at is None:
            self.hand_out(borrowing, member=member)
        elif self.at - borrowing.handed_out_at < SECOND_READING:
            messages.warning(
                self.request,
                _("“%(book)s” (%(copy)s) was lent to %(member)s just now. Its button takes it back.")
                % {"book": copy.book, "copy": copy, "member": name_of(borrowing.member)},
            )
        else:
            said = take_back(borrowing=borrowing, condition=condition, by=self.request.user)
            self.logged(borrowing, "take_back", copy=copy.barcode, condition=str(condition))
            is_fined = borrowing.charges.filter(kind="FINE").exists()
            tell = messages.warning if is_fined or condition != Copy.Status.AVAILABLE else messages.success
            tell(self.request, said, buttons=self.way_to(borrowing.member, seen=member))

    def lend(self, copy: Copy, *, member: User | None, until: date) -> None:
        if copy.status not in (Copy.Status.AVAILABLE, Copy.Status.ON_HOLD_SHELF):
            words = _("Copy %(copy)s of “%(book)s” is: %(status)s. Put it back on the shelf to lend it.")
            facts = {"copy": copy, "book": copy.book, "status": copy.get_status_display()}
            back = f"{BackOnShelf.url(copy)}?{urlencode({'next': here_for(member)})}"
            button = messages.button(back, _("Back on the shelf"))
            messages.warning(self.request, words % facts, buttons=[button])
        elif member is None:
            self.say_where(copy)
        else:
            borrowing, said = lend(copy=copy, to=member, until=until, by=self.request.user)
            self.logged(
                borrowing, "lend", copy=copy.barcode, until=borrowing.expected_return_date.isoformat()
            )
            messages.success(self.request, said)

    def say_where(self, copy: Copy) -> None:
        hold = counter.hold_of(copy)
        if hold is None:
            words = _("“%(book)s” (%(copy)s) can be lent. Scan the card of whoever borrows it first.")
            messages.info(self.request, words % {"book": copy.book, "copy": copy})
            return
        words = _("“%(book)s” (%(copy)s) is set aside for %(member)s until %(day)s. Scan their card first.")
        facts = {
            "book": copy.book,
            "copy": copy,
            "member": name_of(hold.member),
            "day": day(hold.shelf_until),
        }
        messages.info(self.request, words % facts, buttons=self.way_to(hold.member))

    def hand_out(self, borrowing: Borrowing, *, member: User | None) -> None:
        if member is None or member.pk != borrowing.member_id:
            words = _(
                "“%(book)s” (%(copy)s) waits at the desk for %(member)s. Scan their card to hand it out."
            )
            facts = {
                "book": borrowing.book,
                "copy": borrowing.copy,
                "member": name_of(borrowing.member),
            }
            messages.warning(self.request, words % facts, buttons=self.way_to(borrowing.member))
            return
        said = hand_out(borrowing=borrowing, by=self.request.user)
        self.logged(borrowing, "hand_out")
        messages.success(self.request, said)

    def logged(self, borrowing: Borrowing, deed: str, **facts: str) -> None:
        log(instance=borrowing, action=f"library.{deed}", user=self.request.user, data=facts)

    def way_to(self, member: User, *, seen: User | None = None) -> list[Any]:
        """A button that leads to a member, unless they are seen already."""
        if seen is not None and seen.pk == member.pk:
            return []
        return [messages.button(here_for(member), name_of(member))]


def here_for(member: User | None, *, until: date | None = None) -> str:
    """The desk, with a member in front of it."""
    asked = {"member": member.pk} if member is not None else {}
    if until is not None:
        asked["until"] = until.isoformat()
    return f"{reverse(NAME)}?{urlencode(asked)}" if asked else reverse(NAME)


@hooks.register("register_admin_urls")
def route() -> list[URLPattern]:
    return [path("library/desk/", DeskView.as_view(), name=NAME)]
