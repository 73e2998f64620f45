"""Django admin: schedules are looked at here and changed in the code."""

import django_q.admin  # noqa: F401 (registers what is replaced below)
from django.contrib import admin
from django.http import HttpRequest
from django_q.admin import ScheduleAdmin as StockScheduleAdmin
from django_q.models import Schedule

admin.site.unregister(Schedule)


@admin.register(Schedule)
class ScheduleAdmin(StockScheduleAdmin):
    """Read-only: one malformed row stops every schedule, and `migrate` would undo the change anyway."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        return False
