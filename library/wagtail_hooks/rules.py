"""The lending rules under Settings: what falls due on days that are closed now moves with them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.panels import ObjectList

from library import policies
from library.models import LendingRules
from library.services import cataloguing
from library.services.days import day_of


class LendingRulesForm(WagtailAdminModelForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        weekdays = [f"opens_{day}" for day in LendingRules.WEEKDAYS]
        if any(cleaned.get(name) for name in weekdays):
            changed = LendingRules(**{name: bool(cleaned.get(name)) for name in weekdays})
            today = day_of(timezone.now())
            try:
                changed.calendar(since=today).next_open(today)
            except policies.NeverOpens:
                self.add_error(None, _("With these days the library would have no opening day in sight."))
        return cleaned

    def save(self, commit: bool = True) -> LendingRules:
        with transaction.atomic():
            rules = super().save(commit=commit)
            cataloguing.move_due_dates(since=day_of(timezone.now()))
        return rules


# Wagtail asks the model for the form of its settings; the model stands below what this form calls.
LendingRules.edit_handler = ObjectList(LendingRules.panels, base_form_class=LendingRulesForm)
