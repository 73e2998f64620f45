"""What people see and do with their own account, and what they see of each other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from allauth.account.internal.decorators import login_not_required
from allauth.core import ratelimit
from allauth.usersessions.views import ListUserSessionsView
from babel.numbers import format_currency
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe
from wagtail.admin.views.account import (
    AccountView,
    AvatarSettingsPanel,
    BaseSettingsPanel,
    ChangePasswordPanel,
    NameEmailSettingsPanel,
)

from accounts import personal_data
from accounts.adapter import at_home, remember_language
from accounts.forms import AvatarForm, DeletionForm, ProfileForm, ReactivationForm, SearchForm
from accounts.models import User
from accounts.services import avatars, choosing, directory, inactivity, privacy, tokens

PEOPLE_ON_A_PAGE = 24
PAYMENTS_ON_A_PAGE = 20
#: What is looked for in what a browser calls itself, in this order: most name others as well.
BROWSERS = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("YaBrowser/", "Yandex Browser"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
]
SYSTEMS = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
]


@dataclass(frozen=True)
class PaymentRow:
    """A payment as its payer reads it."""

    order: int | None
    method: str
    status: str
    amount: str
    created_at: datetime
    paid_at: datetime | None


@login_required
@never_cache
def profile(request: HttpRequest) -> HttpResponse:
    """One's own profile: see it, change it, and what one has paid."""
    # A copy of its own: what was typed wrong must not show in the page's header.
    user = User.objects.get(pk=request.user.pk)
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        user = form.save()
        if "time_zone" in form.changed_data:
            choosing.reschedule(user=user, at=timezone.now())
        with translation.override(user.language or translation.get_language()):
            messages.success(request, _("Your profile is saved."))
        response = redirect("accounts:profile")
        if user.language:
            remember_language(response, user.language)
        return response
    return render(request, "accounts/profile.html", profile_page(request, form=form))


@require_POST
@login_required
def avatar(request: HttpRequest) -> HttpResponse:
    """Change or remove one's own picture."""
    user = User.objects.get(pk=request.user.pk)
    if "remove" in request.POST:
        avatars.remove(user=user)
        messages.success(request, _("Your picture is removed."))
        return redirect("accounts:profile")
    if refused := ratelimit.consume_or_429(request, action="avatar", user=user):
        return refused
    form = AvatarForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            avatars.replace(user=user, upload=form.cleaned_data["picture"])
        except avatars.AvatarRefused as refusal:
            form.add_error("picture", str(refusal))
        else:
            messages.success(request, _("Your new picture is here."))
            return redirect("accounts:profile")
    return render(
        request,
        "accounts/profile.html",
        profile_page(request, form=ProfileForm(instance=user), avatar_form=form),
        status=422,
    )


@require_safe
@login_required
def people(request: HttpRequest) -> HttpResponse:
    """Everybody with an open account, by public facts alone."""
    form = SearchForm(request.GET)
    query = form.cleaned_data["q"].replace("\x00", "").strip() if form.is_valid() else ""
    page = Paginator(directory.people(search=query), PEOPLE_ON_A_PAGE).get_page(request.GET.get("page"))
    asked = request.GET.copy()
    asked.pop("page", None)
    return render(
        request,
        "accounts/people.html",
        {
            "form": form,
            "query": query,
            "page_obj": page,
            "total": page.paginator.count,
            "query_string": asked.urlencode(),
        },
    )


@require_safe
@login_required
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """What anybody signed in may know of a person; a blocked or deleted account is not there."""
    return render(
        request,
        "accounts/person.html",
        {"person": get_object_or_404(directory.people(), pk=pk), "is_self": request.user.pk == pk},
    )


class CmsAccountView(AccountView):
    """Wagtail's page of one's own preferences, without what the portal's pages ask more for.

    There a picture would be kept as it was uploaded, with the place where it was taken; an address would be
    changed without being confirmed.
    """

    not_here = (NameEmailSettingsPanel, AvatarSettingsPanel, ChangePasswordPanel)

    def get_panels(self) -> list[BaseSettingsPanel]:
        return [panel for panel in super().get_panels() if not isinstance(panel, self.not_here)]


class SessionsView(ListUserSessionsView):
    """Where one is signed in; and the way to sign out everywhere else, programs with tokens included."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        for session in context["sessions"]:
            session.browser = browser(session.user_agent)
        return context

    def form_valid(self, form: Any) -> HttpResponse:
        tokens.end_all(user=self.request.user)
        return super().form_valid(form)


@require_safe
@login_required
@never_cache
def privacy_page(request: HttpRequest) -> HttpResponse:
    """What the portal keeps of a person, and the ways to get it and to end it."""
    return render(request, "accounts/privacy.html", {"form": DeletionForm(user=request.user)})


@require_POST
@login_required
@never_cache
def export(request: HttpRequest) -> HttpResponse:
    """Everything the portal keeps of the asker, as a file."""
    if refused := ratelimit.consume_or_429(request, action="export", user=request.user):
        return refused
    now = timezone.now()
    kept = privacy.export(user=request.user, at=now)
    response = HttpResponse(json.dumps(kept, ensure_ascii=False, indent=2), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="my-data-{now:%Y-%m-%d}.json"'
    return response


@sensitive_post_parameters("password")
@require_POST
@login_required
@never_cache
def delete(request: HttpRequest) -> HttpResponse:
    """Delete the asker's own account, once they have shown that it is theirs."""
    if refused := ratelimit.consume_or_429(request, action="reauthenticate", user=request.user):
        return refused
    form = DeletionForm(request.POST, user=request.user)
    if not form.is_valid():
        return render(request, "accounts/privacy.html", {"form": form}, status=422)
    try:
        privacy.delete_account(user=request.user, at=timezone.now())
    except privacy.DeletionRefused as refusal:
        form.add_error(None, str(refusal))
        return render(request, "accounts/privacy.html", {"form": form}, status=409)
    logout(request)
    messages.success(request, _("Your account is deleted. Goodbye, and thank you for having been here."))
    return HttpResponseRedirect("/")


@login_not_required
@never_cache
def ask_to_reactivate(request: HttpRequest) -> HttpResponse:
    """Ask for a letter with a link that opens a blocked account. The answer never tells who has one."""
    form = ReactivationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"].lower()
        if refused := ratelimit.consume_or_429(request, action="reactivate", key=email):
            return refused
        inactivity.request_reactivation(
            email=email,
            link_for=lambda token: at_home(reverse("accounts:reactivate", args=[token])),
            at=timezone.now(),
        )
        return redirect("accounts:reactivation_asked")
    return render(request, "accounts/reactivation.html", {"form": form})


@require_safe
@login_not_required
def reactivation_asked(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/reactivation_asked.html")


@login_not_required
@never_cache
def reactivate(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the letter. Opening it changes nothing, for mail programs open links too."""
    if request.method != "POST":
        return render(request, "accounts/reactivate.html", {"token": token})
    try:
        inactivity.reactivate(token=token, at=timezone.now())
    except inactivity.LinkRefused as refusal:
        return render(request, "accounts/reactivate.html", {"refusal": str(refusal)}, status=410)
    messages.success(request, _("Your account is open again. Welcome back: please sign in."))
    return redirect("account_login")


def browser(user_agent: str) -> str:
    """A browser and its system as people call them; what calls itself something else is quoted."""
    name = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((system for mark, system in SYSTEMS if mark in user_agent), "")
    if name and system:
        return _("%(browser)s on %(system)s") % {"browser": name, "system": system}
    return name or user_agent[:80] or _("Unknown browser")


def profile_page(
    request: HttpRequest, *, form: ProfileForm, avatar_form: AvatarForm | None = None
) -> dict[str, Any]:
    page = Paginator(payments_of(request.user), PAYMENTS_ON_A_PAGE).get_page(request.GET.get("page"))
    return {
        "form": form,
        "avatar_form": avatar_form or AvatarForm(),
        "payments": page,
        "page_obj": page,
    }


def payments_of(user: User) -> list[PaymentRow]:
    """A person's payments, newest first; none where no app keeps payments."""
    keeper = personal_data.keeper_of("payments")
    kept = keeper.export(user) if keeper else []
    rows = [payment_row(payment) for payment in kept if isinstance(payment, dict)]
    return sorted(rows, key=lambda row: row.created_at, reverse=True)


def payment_row(payment: dict[str, Any]) -> PaymentRow:
    locale = translation.to_locale(translation.get_language() or settings.LANGUAGE_CODE)
    paid_at = payment.get("paid_at")
    return PaymentRow(
        order=payment.get("order"),
        method=payment["method"],
        status=payment["status"],
        amount=format_currency(Decimal(payment["amount"]), payment["currency"], locale=locale),
        created_at=datetime.fromisoformat(payment["created_at"]),
        paid_at=datetime.fromisoformat(paid_at) if paid_at else None,
    )
