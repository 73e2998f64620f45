"""Whether what runs by itself runs: on the first screen of the CMS, and in a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import django_filters
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from wagtail import hooks
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.menu import MenuItem
from wagtail.admin.ui.components import Component
from wagtail.admin.ui.tables import Column, DateColumn
from wagtail.admin.views.reports import ReportView
from wagtail.models import Page
from wagtail.permission_policies import ModelPermissionPolicy
from wagtail.permissions import policy_registry

from portal.home.models import ScheduledRun
from portal.home.services import heartbeat, overseeing, publishing

SHOWN_AT_MOST = 5
RUNS = "home_scheduled_runs"
SEE_RUNS = "home.view_scheduledrun"


class PulsePanel(Component):  # type: ignore[misc]
    """The worker and every schedule: running or not, since when; and what could not be published."""

    name = "pulse"
    template_name = "home/cms/pulse.html"
    order = 240

    def get_context_data(self, parent_context: Mapping[str, Any]) -> dict[str, Any]:
        at = timezone.now()
        request = parent_context["request"]
        schedules = overseeing.oversee(
            at=at, zone=timezone.get_default_timezone(), longest=settings.LONGEST_TASK
        )
        seen = policy_registry.get_by_type(Page).explorable_instances(request.user)
        overdue = publishing.overdue(at=at - heartbeat.LONGEST_SILENCE).values_list("object_id", flat=True)
        late = [int(pk) for pk in overdue if pk.isdecimal()]
        failed = publishing.taken_off(at=at).filter(page__in=seen.values("pk"))
        return {
            "worker": heartbeat.pulse(at=at),
            "publishing": heartbeat.pulse(at=at, name=heartbeat.PUBLISHING),
            "schedules": schedules,
            "troubled": overseeing.troubled(schedules),
            "runs_url": reverse(RUNS) if request.user.has_perm(SEE_RUNS) else "",
            "late": seen.filter(pk__in=late)[:SHOWN_AT_MOST],
            "failed": list({entry.page_id: entry for entry in failed}.values())[:SHOWN_AT_MOST],
        }


@hooks.register("construct_homepage_panels")
def show_what_runs(request: HttpRequest, panels: list[Any]) -> None:
    """To those who publish, and to superusers: others can do nothing about it."""
    if policy_registry.get_by_type(Page).user_has_permission(request.user, "publish"):
        panels.append(PulsePanel())


# --- Reports → Background work -------------------------------------------------------------------------
class RunFilters(WagtailFilterSet):
    name = django_filters.ChoiceFilter(
        label=gettext_lazy("Schedule"),
        choices=lambda: [(name, overseeing.title_of(name)) for name in sorted(settings.SCHEDULES)],
    )
    outcome = django_filters.ChoiceFilter(label=gettext_lazy("Outcome"), choices=ScheduledRun.Outcome.choices)

    class Meta:
        model = ScheduledRun
        fields: list[str] = []


class RunsReport(ReportView):
    """Every run of every schedule that is still noted, the newest first."""

    model = ScheduledRun
    permission_policy = ModelPermissionPolicy(ScheduledRun)
    permission_required = "view"
    page_title = gettext_lazy("Background work")
    header_icon = "history"
    index_url_name = RUNS
    index_results_url_name = f"{RUNS}_results"
    filterset_class = RunFilters
    default_ordering = "-started_at"
    is_searchable = False
    columns = [
        Column("name", label=gettext_lazy("Schedule"), accessor=lambda run: overseeing.title_of(run.name)),
        DateColumn("started_at", label=gettext_lazy("Started")),
        Column("seconds", label=gettext_lazy("Seconds")),
        Column("outcome", label=gettext_lazy("Outcome"), accessor="get_outcome_display"),
        Column("result", label=gettext_lazy("Result"), accessor=lambda run: run.error or run.result),
    ]
    list_export = ["name", "started_at", "finished_at", "outcome", "result", "error"]

    def get_filename(self) -> str:
        return "background-work"

    def get_base_queryset(self) -> QuerySet[ScheduledRun]:
        return ScheduledRun.objects.order_by("-started_at", "-pk")

    def get_queryset(self) -> QuerySet[ScheduledRun]:
        return self.get_base_queryset()


class RunsMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SEE_RUNS)


@hooks.register("register_reports_menu_item")
def lead_to_the_runs() -> MenuItem:
    return RunsMenuItem(
        gettext_lazy("Background work"), reverse(RUNS), name="background-work", icon_name="history", order=695
    )


@hooks.register("register_admin_urls")
def routes_of_the_runs() -> list[URLPattern]:
    base = "reports/background-work/"
    return [
        path(base, RunsReport.as_view(), name=RUNS),
        path(f"{base}results/", RunsReport.as_view(results_only=True), name=f"{RUNS}_results"),
    ]
