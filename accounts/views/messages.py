"""What people see of the portal's messages: the inbox, what they chose, and their chat with the bot."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.internal.decorators import login_not_required
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.forms import DigestTimeForm
from accounts.models import Channel, StoppedAddress, TelegramChat, User
from accounts.services import choosing, linking, stopping, telegram, unsubscribing
from accounts.services import inbox as letterbox

logger = logging.getLogger(__name__)
MESSAGES_ON_A_PAGE = 25


# --- The inbox ---------------------------------------------------------------------------------------------
@require_safe
@login_required
@never_cache
def inbox(request: HttpRequest) -> HttpResponse:
    """What the portal has told the asker, newest first."""
    page = Paginator(letterbox.messages(user=request.user), MESSAGES_ON_A_PAGE).get_page(
        request.GET.get("page")
    )
    return render(request, "accounts/inbox.html", {"page_obj": page, "letters": page.object_list})


@require_safe
@login_required
@never_cache
def open_message(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead to what a message is about; it is read then."""
    message = get_object_or_404(letterbox.messages(user=request.user), pk=pk)
    if request.method == "GET":
        letterbox.mark_read(user=request.user, message_id=pk, at=timezone.now())
    is_ours = url_has_allowed_host_and_scheme(message.link, allowed_hosts=None)
    return redirect(message.link if message.link and is_ours else reverse("accounts:inbox"))


@require_POST
@login_required
def read_all(request: HttpRequest) -> HttpResponse:
    """Note that the asker has read the message named, or all of them."""
    named = request.POST.get("message")
    if named is None:
        letterbox.mark_read(user=request.user, at=timezone.now())
    elif named.isdecimal() and len(named) < 19:
        letterbox.mark_read(user=request.user, message_id=int(named), at=timezone.now())
    return redirect("accounts:inbox")


# --- What reaches me ---------------------------------------------------------------------------------------
@login_required
@never_cache
def choices(request: HttpRequest) -> HttpResponse:
    """Which messages reach the asker, by which ways, and how often."""
    if request.method != "POST":
        return render(request, "accounts/messages.html", _page(request))
    named = [(*name.split(":", 2)[1:], value) for name, value in request.POST.items() if _is_choice(name)]
    try:
        choosing.choose(user=request.user, choices=choosing.frequencies_named(named), at=timezone.now())
    except choosing.NotAChoice:
        messages.error(request, _("That cannot be chosen. Nothing was changed; please try again."))
        return render(request, "accounts/messages.html", _page(request), status=422)
    messages.success(request, _("Your choice is saved."))
    return redirect("accounts:messages")


@require_POST
@login_required
def digest_time(request: HttpRequest) -> HttpResponse:
    """Choose the hour and the day of digests."""
    form = DigestTimeForm(request.POST)
    if not form.is_valid():
        return render(request, "accounts/messages.html", _page(request, digest_form=form), status=422)
    choosing.set_digest_time(
        user=User.objects.get(pk=request.user.pk),
        hour=form.cleaned_data["hour"],
        weekday=form.cleaned_data["weekday"],
        at=timezone.now(),
    )
    messages.success(request, _("Your choice is saved."))
    return redirect("accounts:messages")


@require_POST
@login_required
def lift_stop(request: HttpRequest) -> HttpResponse:
    """The asker's address takes mail again."""
    stopping.lift(email=request.user.email)
    messages.success(request, _("We will send mail to your address again."))
    return redirect("accounts:messages")


@csrf_exempt
@login_not_required
@never_cache
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """The link of a letter. Mail programs post to it by themselves (RFC 8058), without cookies; whoever opens
    it is asked first, for programs that look for viruses open links too."""
    try:
        wish = unsubscribing.read(token=token)
    except unsubscribing.NoSuchLink:
        return render(request, "accounts/unsubscribe.html", {"wish": None}, status=404)
    if request.method == "POST":
        unsubscribing.unsubscribe(wish=wish)
    return render(request, "accounts/unsubscribe.html", {"wish": wish, "is_done": request.method == "POST"})


# --- Telegram ----------------------------------------------------------------------------------------------
@require_POST
@login_required
@never_cache
def open_telegram(request: HttpRequest) -> HttpResponse:
    """Show the way to the bot, with a code that says who comes."""
    if not linking.is_possible():
        messages.error(request, _("This portal has no bot on Telegram."))
        return redirect("accounts:messages")
    if refused := ratelimit.consume_or_429(request, action="link_telegram", user=request.user):
        return refused
    opening = linking.begin(user=request.user, at=timezone.now())
    return render(request, "accounts/telegram.html", {"opening": opening})


@require_POST
@login_required
def telegram_opened(request: HttpRequest) -> HttpResponse:
    """The asker has pressed Start: ask Telegram, instead of waiting for the minute to be over."""
    if refused := ratelimit.consume_or_429(request, action="link_telegram", user=request.user):
        return refused
    try:
        linking.read_news(at=timezone.now())
    except (telegram.TelegramError, telegram.ChatRefused, telegram.NotSetUp) as trouble:
        logger.warning("Telegram could not be asked who opened the bot: %s", trouble)
    if TelegramChat.objects.filter(user=request.user).exists():
        messages.success(request, _("Your chat is linked. Choose below what you want to be told there."))
    else:
        messages.warning(
            request,
            _("Telegram has not told us yet. If you pressed “Start”, look again in a minute."),
        )
    return redirect("accounts:messages")


@require_POST
@login_required
def unlink_telegram(request: HttpRequest) -> HttpResponse:
    linking.unlink(user=request.user)
    messages.success(request, _("Nothing more is said in your chat."))
    return redirect("accounts:messages")


def _is_choice(name: str) -> bool:
    return name.startswith("choice:") and name.count(":") >= 2


def _page(request: HttpRequest, *, digest_form: DigestTimeForm | None = None) -> dict[str, Any]:
    user = request.user
    return {
        "rows": choosing.grid(user=user),
        "channels": list(Channel),
        "digest_form": digest_form
        or DigestTimeForm(initial={"hour": user.digest_hour, "weekday": user.digest_weekday}),
        "zone": choosing.zone_of(user),
        "chat": TelegramChat.objects.filter(user=user).first(),
        "stopped": StoppedAddress.objects.filter(email=user.email).first(),
        "telegram_is_possible": linking.is_possible(),
    }
