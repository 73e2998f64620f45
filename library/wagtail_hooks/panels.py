"""The library on the first screen of the CMS: what waits for staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from wagtail import hooks
from wagtail.admin.ui.components import Component

from library.models import Borrowing, Hold
from library.services.days import day_of
from library.wagtail_hooks.actions import WORK_AT_DESK
from library.wagtail_hooks.desk import NAME


class LibraryPanel(Component):  # type: ignore[misc]
    """How many books are overdue, wait at the desk, and stand on the hold shelf."""

    name = "library"
    template_name = "library/cms/panel.html"
    order = 230

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["css/cms/library.css"]}

    def get_context_data(self, parent_context: Mapping[str, Any]) -> dict[str, Any]:
        on = day_of(timezone.now())
        borrowings = reverse("library_borrowing_modeladmin_index")
        holds = reverse("library_hold_modeladmin_index")
        return {
            "desk": reverse(NAME),
            "overdue": Borrowing.objects.overdue(on=on).count(),
            "overdue_url": f"{borrowings}?standing=overdue",
            "waiting": Borrowing.objects.waiting_at_desk().count(),
            "waiting_url": f"{borrowings}?standing=waiting",
            "ready": Hold.objects.ready().count(),
            "ready_url": f"{holds}?status__exact=READY",
        }


@hooks.register("construct_homepage_panels")
def show_what_waits(request: HttpRequest, panels: list[Any]) -> None:
    if request.user.has_perm(WORK_AT_DESK):
        panels.append(LibraryPanel())
