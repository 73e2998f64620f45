"""What the portal's letters look like, with invented words: for those who write and those who translate."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from accounts.models import User
from accounts.notifications import Kind, UnknownKind, kind_of, kinds
from accounts.services import wording


@hooks.register("register_admin_urls")
def addresses() -> list[URLPattern]:
    return [
        path("letters/", index, name="accounts_cms_letters"),
        path("letters/<str:name>/", letter, name="accounts_cms_letter"),
        path("letters/<str:name>/page/", page, name="accounts_cms_letter_page"),
    ]


@hooks.register("register_reports_menu_item")
def lead_to_letters() -> MenuItem:
    return MenuItem(_("Letters"), reverse("accounts_cms_letters"), icon_name="mail", order=900)


def index(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/cms/letters.html", {"kinds": [kind for kind in kinds() if kind.sample]})


def letter(request: HttpRequest, name: str) -> HttpResponse:
    """A letter as lists of mail, narrow programs and such without HTML show it."""
    kind, reader, language = _asked(request, name)
    return render(
        request,
        "accounts/cms/letter.html",
        {
            "kind": kind,
            "letter": wording.sample(kind=kind, reader=reader),
            "language": language,
            "languages": settings.LANGUAGES,
        },
    )


def page(request: HttpRequest, name: str) -> HttpResponse:
    """The page of the letter, for the frame in which it is shown."""
    kind, reader, _language = _asked(request, name)
    sample = wording.sample(kind=kind, reader=reader)
    return HttpResponse(sample.html if sample.html else f"<pre>{sample.text}</pre>")


def _asked(request: HttpRequest, name: str) -> tuple[Kind, Any, str]:
    try:
        kind = kind_of(name)
    except UnknownKind as unknown:
        raise Http404(str(unknown)) from unknown
    if kind.sample is None:
        raise Http404
    wanted = request.GET.get("language", get_language() or settings.LANGUAGE_CODE)
    language = wanted if wanted in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    # Not the asker themself: nothing here is written to anybody.
    asker = request.user
    reader = User(
        first_name=asker.first_name, email=asker.email, language=language, time_zone=asker.time_zone
    )
    return kind, reader, language
