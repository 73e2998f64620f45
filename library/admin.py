"""The library in the Django admin: rows to look at. Books and loans are written in the CMS, by services."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from commerce.admin import History, ReadOnly, ShowsAmounts
from library.models import (
    Author,
    Book,
    Borrowing,
    BorrowingStatusChange,
    Charge,
    Closure,
    Copy,
    CopyStatusChange,
    Hold,
    HoldStatusChange,
    LendingRules,
    LibraryCard,
    Renewal,
    Subject,
)


# --- The catalogue -----------------------------------------------------------------------------------------
@admin.register(Subject)
class SubjectAdmin(admin.ModelAdmin):
    list_display = ["name", "slug"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Author)
class AuthorAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["name"]
    search_fields = ["name"]


class CopyInline(ReadOnly, admin.TabularInline):
    model = Copy
    fields = ["barcode", "status", "location", "note", "acquired_on"]
    show_change_link = True


@admin.register(Book)
class BookAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["title", "author", "isbn", "available", "holdings", "daily_fee", "currency"]
    list_filter = ["cover", "language", "subjects"]
    search_fields = ["title", "author", "isbn", "publisher"]
    inlines = [CopyInline]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Book]:
        return Book.objects.with_inventory()

    @admin.display(description=_("to be had"))
    def available(self, book: Any) -> int:
        return book.available

    @admin.display(description=_("copies"))
    def holdings(self, book: Any) -> int:
        return book.holdings


class CopyStatusChangeInline(History):
    model = CopyStatusChange


@admin.register(Copy)
class CopyAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["barcode", "book", "status", "location", "acquired_on"]
    list_filter = ["status", "location"]
    list_select_related = ["book"]
    search_fields = ["barcode", "book__title", "book__isbn"]
    inlines = [CopyStatusChangeInline]


# --- Lending -----------------------------------------------------------------------------------------------
class RenewalInline(ReadOnly, admin.TabularInline):
    model = Renewal
    fields = ["number", "due_before", "due_after", "renewed_at", "renewed_by"]


class ChargeInline(ReadOnly, ShowsAmounts, admin.TabularInline):
    model = Charge
    fields = ["kind", "days", "amount_shown", "order_line", "created_at", "waived_at"]
    readonly_fields = ["amount_shown"]
    show_change_link = True


class BorrowingStatusChangeInline(History):
    model = BorrowingStatusChange


@admin.register(Borrowing)
class BorrowingAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["book", "copy", "member", "status", "borrow_date", "expected_return_date"]
    list_filter = ["status", ("handed_out_at", admin.EmptyFieldListFilter)]
    list_select_related = ["book", "copy", "member"]
    search_fields = ["book__title", "copy__barcode", "member__email"]
    date_hierarchy = "borrow_date"
    inlines = [ChargeInline, RenewalInline, BorrowingStatusChangeInline]


class HoldStatusChangeInline(History):
    model = HoldStatusChange


@admin.register(Hold)
class HoldAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["book", "member", "status", "copy", "shelf_until", "placed_at"]
    list_filter = ["status"]
    list_select_related = ["book", "member", "copy"]
    search_fields = ["book__title", "member__email"]
    inlines = [HoldStatusChangeInline]


@admin.register(Renewal)
class RenewalAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["borrowing", "number", "due_before", "due_after", "renewed_at", "renewed_by"]
    list_select_related = ["borrowing__book", "borrowing__member", "renewed_by"]
    search_fields = ["borrowing__book__title", "borrowing__member__email"]


@admin.register(Charge)
class ChargeAdmin(ReadOnly, ShowsAmounts, admin.ModelAdmin):
    list_display = ["borrowing", "kind", "days", "amount_shown", "created_at", "waived_at", "waived_by"]
    list_filter = ["kind", "currency", ("waived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["borrowing__book", "borrowing__member", "waived_by"]
    search_fields = ["borrowing__book__title", "borrowing__member__email", "order_line__order__number"]


@admin.register(LibraryCard)
class LibraryCardAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["number", "member", "blocked_reason", "created_at"]
    list_select_related = ["member"]
    search_fields = ["number", "member__email"]


# --- Rules -------------------------------------------------------------------------------------------------
@admin.register(LendingRules)
class LendingRulesAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["__str__", "max_loans", "max_loan_days", "max_renewals", "max_holds"]


@admin.register(Closure)
class ClosureAdmin(ReadOnly, admin.ModelAdmin):
    """Written in the CMS, which moves due dates."""

    list_display = ["since", "until", "reason"]
    search_fields = ["reason"]
