"""Enrolments in the Django admin: to look at. They change by orders, refunds and enrolling, never by hand."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from courses.models import Enrolment, EnrolmentStatusChange, LessonCompletion


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class StatusChangeInline(admin.TabularInline):
    model = EnrolmentStatusChange
    fields = ["at", "from_status", "to_status", "cause", "actor"]
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Enrolment)
class EnrolmentAdmin(ReadOnlyAdmin):
    list_display = ["member", "course", "lesson", "status", "created_at", "activated_at", "order"]
    list_filter = ["status", ("course", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["member__email", "course__title", "lesson__title", "order_line__order__number"]
    list_select_related = ["member", "course", "lesson", "order_line__order"]
    date_hierarchy = "created_at"
    inlines = [StatusChangeInline]

    @admin.display(description=_("order"))
    def order(self, enrolment: Enrolment) -> str:
        return str(enrolment.order_line.order) if enrolment.order_line else "—"


@admin.register(LessonCompletion)
class LessonCompletionAdmin(ReadOnlyAdmin):
    list_display = ["member", "lesson", "completed_at"]
    search_fields = ["member__email", "lesson__title"]
    list_select_related = ["member", "lesson"]
    date_hierarchy = "completed_at"
