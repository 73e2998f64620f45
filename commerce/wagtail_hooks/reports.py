"""Reports → Reconciliation: what the payment service and the portal differ in, and one button for each."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import django_filters
from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView, TemplateView, View
from wagtail import hooks
from wagtail.admin import messages
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.menu import MenuItem
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.reports import ReportView
from wagtail.admin.widgets import AdminDateInput
from wagtail.admin.widgets.button import HeaderButton
from wagtail.log_actions import LogActionRegistry, log
from wagtail.permission_policies import ModelPermissionPolicy

from commerce.gateways import GatewayError
from commerce.models import Finding, Reconciliation
from commerce.services import reconciling
from commerce.wagtail_hooks.actions import inspect_url

SEE = "commerce.view_reconciliation"
MEND = "commerce.change_payment"
INDEX = "commerce_reconciliations"
LOGGED = "commerce.reconciliation"


class ReconciliationFilters(WagtailFilterSet):
    account = django_filters.ChoiceFilter(
        label=gettext_lazy("Provider account"),
        choices=lambda: [(name, name) for name in settings.STRIPE_ACCOUNTS],
    )
    unresolved = django_filters.ChoiceFilter(
        label=gettext_lazy("Needs a person"),
        method="with_unresolved",
        choices=[("yes", gettext_lazy("Yes"))],
        empty_label=gettext_lazy("All"),
    )

    class Meta:
        model = Reconciliation
        fields: list[str] = []

    def with_unresolved(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(unresolved__gt=0) if value else rows


class ReconciliationReport(ReportView):
    """One row for each day and account."""

    model = Reconciliation
    permission_policy = ModelPermissionPolicy(Reconciliation)
    permission_required = "view"
    page_title = gettext_lazy("Reconciliation")
    template_name = "commerce/cms/reconciliations.html"
    header_icon = "tasks"
    index_url_name = INDEX
    index_results_url_name = f"{INDEX}_results"
    filterset_class = ReconciliationFilters
    default_ordering = "-day"
    is_searchable = False
    columns = [
        TitleColumn(
            "day",
            label=gettext_lazy("Day"),
            url_name="commerce_reconciliation",
            accessor=lambda row: date_format(row.day),
            classname="shop-day",
        ),
        Column("account", label=gettext_lazy("Provider account")),
        Column("matched", label=gettext_lazy("Matched")),
        Column("missing_here", label=gettext_lazy("Missing here")),
        Column("missing_there", label=gettext_lazy("Missing there")),
        Column("different", label=gettext_lazy("Different")),
        Column("unresolved", label=gettext_lazy("Unresolved")),
        DateColumn("run_at", label=gettext_lazy("Compared")),
    ]
    list_export = [
        "day",
        "account",
        "matched",
        "missing_here",
        "missing_there",
        "different",
        "unresolved",
        "run_at",
    ]
    export_headings = {
        "missing_here": gettext_lazy("Missing here"),
        "missing_there": gettext_lazy("Missing there"),
        "different": gettext_lazy("Different"),
        "unresolved": gettext_lazy("Unresolved"),
    }

    def get_filename(self) -> str:
        return "reconciliation"

    @property
    def no_results_message(self) -> str:
        if self.is_filtering:
            return _("No day that was compared is of this kind.")
        return _("Nothing was compared so far. It is done every night; “Compare a day” does it at once.")

    def get_base_queryset(self) -> QuerySet[Reconciliation]:
        return Reconciliation.objects.counted().order_by("-day", "account")

    def get_queryset(self) -> QuerySet[Reconciliation]:
        return self.get_base_queryset()

    @property
    def header_buttons(self) -> list[HeaderButton]:
        if not self.request.user.has_perm(MEND):
            return []
        return [HeaderButton(_("Compare a day"), reverse("commerce_reconcile"), icon_name="resubmit")]


class Permitted(WagtailAdminTemplateMixin):
    """A page of the report for who may see it, or mend."""

    permission = SEE

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(self.permission):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [
            *super().get_breadcrumbs_items(),
            {"url": reverse(INDEX), "label": _("Reconciliation")},
            {"url": "", "label": self.get_page_title()},
        ]


class FindingsOfADay(Permitted, TemplateView):
    """A day of one account: what was found, and what can be done about it."""

    template_name = "commerce/cms/reconciliation.html"

    def get_page_title(self) -> str:
        return f"{date_format(self.compared.day)} · {self.compared.account}"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.compared = get_object_or_404(Reconciliation.objects.counted(), pk=kwargs["pk"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        findings = self.compared.findings.select_related("payment__order", "refund", "resolved_by")
        may_mend = self.request.user.has_perm(MEND)
        shown = [
            {
                "finding": finding,
                "url": inspect_url(finding.payment) if finding.payment else "",
                "repairs": [
                    repair for repair in reconciling.repairs_of(finding) if repair != Finding.Repair.NOTE
                ],
            }
            for finding in findings.order_by("resolved_at", "pk")
        ]
        return {
            **super().get_context_data(**kwargs),
            "compared": self.compared,
            "findings": sorted(shown, key=lambda each: each["finding"].resolved_at is not None),
            "may_mend": may_mend,
        }


class DayForm(forms.Form):
    day = forms.DateField(
        label=gettext_lazy("Day"),
        widget=AdminDateInput,
        help_text=gettext_lazy("In UTC, as the provider counts."),
    )
    account = forms.ChoiceField(label=gettext_lazy("Provider account"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].choices = [(name, name) for name in settings.STRIPE_ACCOUNTS]

    def clean_day(self) -> Any:
        day = self.cleaned_data["day"]
        if day > timezone.now().astimezone(UTC).date():
            raise forms.ValidationError(_("That day is yet to come."))
        return day


class CompareADay(Permitted, FormView):
    """Ask the provider for a day, for the first time or again."""

    permission = MEND
    page_title = gettext_lazy("Compare a day")
    form_class = DayForm
    template_name = "commerce/cms/compare.html"

    def get_page_title(self) -> str:
        return str(self.page_title)

    def get_initial(self) -> dict[str, Any]:
        return {"day": timezone.now().astimezone(UTC).date() - timedelta(days=1)}

    def form_valid(self, form: forms.Form) -> HttpResponse:
        asked = form.cleaned_data
        try:
            compared = reconciling.reconcile(account=asked["account"], day=asked["day"], at=timezone.now())
        except GatewayError:
            messages.error(
                self.request, _("The payment service does not answer. Nothing was changed; try again later.")
            )
            return redirect("commerce_reconcile")
        if compared.unresolved:
            messages.warning(self.request, _("Unresolved: %d") % compared.unresolved)
        else:
            messages.success(self.request, _("Both ledgers agree."))
        return redirect("commerce_reconciliation", compared.pk)


class MendFinding(Permitted, View):
    """POST: repair one finding in one way, or write down what was found out."""

    permission = MEND
    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int, how: str) -> HttpResponse:
        finding = get_object_or_404(Finding.objects.select_related("reconciliation"), pk=pk)
        try:
            reconciling.repair(
                finding=finding,
                how=Finding.Repair(how),
                by=request.user,
                at=timezone.now(),
                note=request.POST.get("note", ""),
            )
        except reconciling.RepairRefused as refusal:
            messages.error(request, str(refusal))
        else:
            finding.refresh_from_db()
            log(
                instance=finding.reconciliation,
                action=LOGGED,
                user=request.user,
                data={"finding": str(finding), "resolution": finding.resolution},
            )
            messages.success(request, _("Resolved: %s") % finding.resolution_words)
        return redirect("commerce_reconciliation", finding.reconciliation_id)


class ReconciliationMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SEE)


@hooks.register("register_reports_menu_item")
def lead_to_the_report() -> MenuItem:
    return ReconciliationMenuItem(
        gettext_lazy("Reconciliation"), reverse(INDEX), name="reconciliation", icon_name="tasks", order=690
    )


@hooks.register("register_admin_urls")
def routes_of_the_report() -> list[URLPattern]:
    base = "reports/reconciliation/"
    return [
        path(base, ReconciliationReport.as_view(), name=INDEX),
        path(f"{base}results/", ReconciliationReport.as_view(results_only=True), name=f"{INDEX}_results"),
        path(f"{base}compare/", CompareADay.as_view(), name="commerce_reconcile"),
        path(f"{base}<int:pk>/", FindingsOfADay.as_view(), name="commerce_reconciliation"),
        *(
            path(
                f"{base}findings/<int:pk>/{how.value.lower()}/",
                MendFinding.as_view(),
                {"how": how.value},
                name=f"commerce_mend_{how.value.lower()}",
            )
            for how in Finding.Repair
        ),
    ]


@hooks.register("register_log_actions")
def words_of_the_report(actions: LogActionRegistry) -> None:
    actions.register_action(LOGGED, gettext_lazy("Resolve a finding"), gettext_lazy("A finding was resolved"))
