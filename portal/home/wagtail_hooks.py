"""The first screen of the CMS: whether what runs by itself runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from wagtail import hooks
from wagtail.admin.ui.components import Component
from wagtail.models import Page
from wagtail.permissions import policy_registry

from portal.home.services import heartbeat, publishing

SHOWN_AT_MOST = 5


class PulsePanel(Component):  # type: ignore[misc]
    """The worker and scheduled publishing: running or not, since when, and what could not be published."""

    name = "pulse"
    template_name = "home/cms/pulse.html"
    order = 240

    def get_context_data(self, parent_context: Mapping[str, Any]) -> dict[str, Any]:
        at = timezone.now()
        seen = policy_registry.get_by_type(Page).explorable_instances(parent_context["request"].user)
        overdue = publishing.overdue(at=at - heartbeat.LONGEST_SILENCE).values_list("object_id", flat=True)
        late = [int(pk) for pk in overdue if pk.isdecimal()]
        failed = publishing.taken_off(at=at).filter(page__in=seen.values("pk"))
        return {
            "worker": heartbeat.pulse(at=at),
            "publishing": heartbeat.pulse(at=at, name=heartbeat.PUBLISHING),
            "late": seen.filter(pk__in=late)[:SHOWN_AT_MOST],
            "failed": list({entry.page_id: entry for entry in failed}.values())[:SHOWN_AT_MOST],
        }


@hooks.register("construct_homepage_panels")
def show_what_runs(request: HttpRequest, panels: list[Any]) -> None:
    """To those who publish, and to superusers: others can do nothing about it."""
    if policy_registry.get_by_type(Page).user_has_permission(request.user, "publish"):
        panels.append(PulsePanel())
