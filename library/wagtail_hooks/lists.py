"""The lists of the library in the CMS, in the order of the work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from django.contrib.admin import SimpleListFilter, display
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.admin import messages
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.menu import MenuItem
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel, ObjectList
from wagtail_modeladmin.helpers import ButtonHelper, PermissionHelper
from wagtail_modeladmin.options import ModelAdminGroup, modeladmin_register
from wagtail_modeladmin.views import CreateView, DeleteView, EditView, InspectView

from commerce.models import Payment
from commerce.templatetags.money import money
from commerce.wagtail_hooks.actions import inspect_url
from commerce.wagtail_hooks.lists import SeenOnly, ShopList, buttons_of
from library import barcodes, policies
from library.models import Book, Borrowing, Charge, Closure, Copy, Hold, LendingRules, LibraryCard, Subject
from library.services import browsing, cataloguing, explaining, queueing
from library.services.days import day_of
from library.wagtail_hooks import exchange
from library.wagtail_hooks.actions import (
    BOOK_DEEDS,
    CHARGE_DEEDS,
    COPY_DEEDS,
    HOLD_DEEDS,
    LOAN_DEEDS,
    WORK_AT_DESK,
    name_of,
)
from library.wagtail_hooks.desk import NAME, here_for


class LibraryList(ShopList):
    index_view_extra_css = ["css/cms/shop.css", "css/cms/library.css"]


class Chosen(SimpleListFilter):
    """A filter by words of the work instead of a column: (value, label) and the rows it leaves."""

    options: ClassVar[tuple[tuple[str, Any], ...]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(value, str(label)) for value, label in self.options]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in dict(self.options):
            return queryset
        return queryset.filter(pk__in=self.rows(queryset.model, self.value()).values("pk"))

    def rows(self, model: Any, value: str | None) -> QuerySet[Any]:
        raise NotImplementedError


def member_link(person: Any) -> str:
    return f"{name_of(person)} · {person.email}" if name_of(person) != person.email else person.email


# --- Borrowings --------------------------------------------------------------------------------------------
class StandingOfLoans(Chosen):
    title = gettext_lazy("standing")
    parameter_name = "standing"
    options = (
        ("overdue", gettext_lazy("Overdue")),
        ("today", gettext_lazy("Due today")),
        ("waiting", gettext_lazy("Waiting at the desk")),
        ("open", gettext_lazy("Not returned")),
    )

    def rows(self, model: Any, value: str | None) -> QuerySet[Any]:
        on = day_of(timezone.now())
        match value:
            case "overdue":
                return Borrowing.objects.overdue(on=on)
            case "today":
                return Borrowing.objects.due(on=on)
            case "waiting":
                return Borrowing.objects.waiting_at_desk()
            case _:
                return Borrowing.objects.open()


class BorrowingInspect(InspectView):
    """A loan with all it costs and all that happened to it."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        borrowing = self.instance
        charges = list(borrowing.charges.select_related("order_line__order", "waived_by"))
        for charge in charges:
            charge.borrowing = borrowing
            charge.explained = explaining.explain(charge)
            charge.state = STANDINGS[explaining.standing(charge)]
            charge.inspect_url = inspect_url(charge)
        orders = [charge.order_line.order_id for charge in charges if charge.order_line]
        return {
            **super().get_context_data(**kwargs),
            "borrowing": borrowing,
            "member": member_link(borrowing.member),
            "desk_url": here_for(borrowing.member),
            "copy_url": inspect_url(borrowing.copy),
            "charges": charges,
            "payments": Payment.objects.filter(order__in=orders).select_related("order"),
            "renewals": borrowing.renewals.select_related("renewed_by"),
            "history": borrowing.status_changes.select_related("actor"),
            "days_late": borrowing.days_late(on=day_of(timezone.now())),
        }


class BorrowingList(LibraryList):
    model = Borrowing
    menu_label = gettext_lazy("Borrowings")
    menu_icon = "clipboard-list"
    permission_helper_class = SeenOnly
    button_helper_class = buttons_of(*LOAN_DEEDS)
    inspect_view_class = BorrowingInspect
    inspect_template_name = "library/cms/borrowing.html"
    inspect_view_fields = ["book"]
    list_display = ["book", "copy", "who", "borrow_date", "expected_return_date", "state"]
    list_filter = [StandingOfLoans, "status", "borrow_date", "expected_return_date"]
    list_select_related = ["book", "copy", "member"]
    search_fields = [
        "book__title",
        "book__isbn",
        "copy__barcode",
        "member__email",
        "member__first_name",
        "member__last_name",
        "member__library_card__number",
    ]
    list_export = [
        "title",
        "barcode",
        "name",
        "email",
        "status",
        "borrow_date",
        "expected_return_date",
        "actual_return_date",
        "handed_out_at",
    ]
    export_filename = "borrowings"

    def needs_a_person(self, obj: Borrowing) -> bool:
        return obj.is_overdue(on=day_of(timezone.now()))

    @display(description=gettext_lazy("member"), ordering="member__email")
    def who(self, borrowing: Borrowing) -> str:
        return member_link(borrowing.member)

    @display(description=gettext_lazy("standing"), ordering="status")
    def state(self, borrowing: Borrowing) -> str:
        if not borrowing.is_active:
            return str(borrowing.get_status_display())
        if borrowing.handed_out_at is None:
            return _("waits at the desk")
        late = borrowing.days_late(on=day_of(timezone.now()))
        if late:
            return ngettext("%(days)s day late", "%(days)s days late", late) % {"days": late}
        return str(borrowing.get_status_display())

    @display(description=gettext_lazy("book"))
    def title(self, borrowing: Borrowing) -> str:
        return borrowing.book.title

    @display(description=gettext_lazy("barcode"))
    def barcode(self, borrowing: Borrowing) -> str:
        return borrowing.copy.barcode

    @display(description=gettext_lazy("member"))
    def name(self, borrowing: Borrowing) -> str:
        return name_of(borrowing.member)

    @display(description=gettext_lazy("e-mail"))
    def email(self, borrowing: Borrowing) -> str:
        return borrowing.member.email


# --- Holds -------------------------------------------------------------------------------------------------
class HoldInspect(InspectView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        hold = self.instance
        return {
            **super().get_context_data(**kwargs),
            "hold": hold,
            "member": member_link(hold.member),
            "desk_url": here_for(hold.member),
            "outlook": queueing.outlook(holds=[hold], on=day_of(timezone.now()))[hold.pk],
            "history": hold.status_changes.select_related("actor"),
        }


class HoldList(LibraryList):
    model = Hold
    menu_label = gettext_lazy("Holds")
    menu_icon = "time"
    permission_helper_class = SeenOnly
    button_helper_class = buttons_of(*HOLD_DEEDS)
    inspect_view_class = HoldInspect
    inspect_template_name = "library/cms/hold.html"
    inspect_view_fields = ["book"]
    list_display = ["book", "who", "status", "copy", "shelf_until", "placed_at"]
    list_filter = ["status", "shelf_until", "placed_at"]
    list_select_related = ["book", "copy", "member"]
    search_fields = [
        "book__title",
        "book__isbn",
        "copy__barcode",
        "member__email",
        "member__first_name",
        "member__last_name",
    ]
    list_export = ["title", "name", "email", "status", "copy", "shelf_until", "placed_at"]
    export_filename = "holds"

    @display(description=gettext_lazy("member"), ordering="member__email")
    def who(self, hold: Hold) -> str:
        return member_link(hold.member)

    @display(description=gettext_lazy("book"))
    def title(self, hold: Hold) -> str:
        return hold.book.title

    @display(description=gettext_lazy("member"))
    def name(self, hold: Hold) -> str:
        return name_of(hold.member)

    @display(description=gettext_lazy("e-mail"))
    def email(self, hold: Hold) -> str:
        return hold.member.email


# --- Charges -----------------------------------------------------------------------------------------------
STANDINGS = {
    explaining.UNPAID: gettext_lazy("unpaid"),
    explaining.PAID: gettext_lazy("paid"),
    explaining.REFUNDED: gettext_lazy("given back"),
    explaining.WAIVED: gettext_lazy("forgiven"),
    explaining.DROPPED: gettext_lazy("not owed: the loan was given up"),
}


class StandingOfCharges(Chosen):
    title = gettext_lazy("standing")
    parameter_name = "standing"
    options = (
        ("unpaid", gettext_lazy("Unpaid")),
        ("late", gettext_lazy("Unpaid, and the time to pay is over")),
        ("waived", gettext_lazy("Forgiven")),
    )

    def rows(self, model: Any, value: str | None) -> QuerySet[Any]:
        match value:
            case "unpaid":
                return Charge.objects.unpaid()
            case "late":
                return Charge.objects.outstanding(at=timezone.now())
            case _:
                return Charge.objects.filter(waived_at__isnull=False)


class ChargeInspect(InspectView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        charge = self.instance
        return {
            **super().get_context_data(**kwargs),
            "charge": charge,
            "state": STANDINGS[explaining.standing(charge)],
            "explained": explaining.explain(charge),
            "member": member_link(charge.borrowing.member),
            "desk_url": here_for(charge.borrowing.member),
            "borrowing_url": inspect_url(charge.borrowing),
        }


class ChargeList(LibraryList):
    model = Charge
    menu_label = gettext_lazy("Fees and fines")
    menu_icon = "decimal"
    permission_helper_class = SeenOnly
    button_helper_class = buttons_of(*CHARGE_DEEDS)
    inspect_view_class = ChargeInspect
    inspect_template_name = "library/cms/charge.html"
    inspect_view_fields = ["borrowing"]
    list_display = ["book", "who", "kind", "amount_shown", "state", "created_at"]
    list_filter = [StandingOfCharges, "kind", "currency", "created_at"]
    list_select_related = ["borrowing__book", "borrowing__member", "order_line__order"]
    search_fields = [
        "borrowing__book__title",
        "borrowing__member__email",
        "borrowing__member__first_name",
        "borrowing__member__last_name",
        "order_line__order__number",
    ]
    list_export = [
        "book",
        "email",
        "kind",
        "days",
        "amount_amount",
        "currency",
        "state",
        "order_number",
        "created_at",
        "waived_at",
        "waived_reason",
    ]
    export_filename = "charges"

    @display(description=gettext_lazy("book"), ordering="borrowing__book__title")
    def book(self, charge: Charge) -> str:
        return charge.borrowing.book.title

    @display(description=gettext_lazy("member"), ordering="borrowing__member__email")
    def who(self, charge: Charge) -> str:
        return member_link(charge.borrowing.member)

    @display(description=gettext_lazy("e-mail"))
    def email(self, charge: Charge) -> str:
        return charge.borrowing.member.email

    @display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount_shown(self, charge: Charge) -> str:
        return money(charge.amount)

    @display(description=gettext_lazy("amount"))
    def amount_amount(self, charge: Charge) -> str:
        return str(charge.amount.amount)

    @display(description=gettext_lazy("standing"))
    def state(self, charge: Charge) -> str:
        return str(STANDINGS[explaining.standing(charge)])

    @display(description=gettext_lazy("order"))
    def order_number(self, charge: Charge) -> str:
        return charge.order_line.order.number if charge.order_line else ""


# --- Books -------------------------------------------------------------------------------------------------
class BookForm(WagtailAdminModelForm):
    """A book as librarians write it; `cataloguing` keeps it, with its authors and new copies."""

    new_copies = forms.IntegerField(
        label=gettext_lazy("New copies"),
        required=False,
        min_value=0,
        max_value=cataloguing.MOST_COPIES,
        help_text=gettext_lazy("So many are put on the shelf, with barcodes; those there are stay."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        names = Book(author=cleaned.get("author") or "").author_names
        if any(len(name) > cataloguing.LONGEST_AUTHOR for name in names):
            words = _("The name of an author has %(most)s characters at most.")
            self.add_error("author", words % {"most": cataloguing.LONGEST_AUTHOR})
        return cleaned

    def save(self, commit: bool = True) -> Book:
        at = timezone.now()
        book = super().save(commit=False)
        if book.pk is None:
            book.created_at = at
        with transaction.atomic():
            cataloguing.save_book(book=book, subjects=self.cleaned_data["subjects"])
            if self.cleaned_data["new_copies"]:
                cataloguing.add_copies(book=book, count=self.cleaned_data["new_copies"], on=day_of(at), at=at)
        return book


class RefusedMeanwhile:
    """What the catalogue refuses although the form was right is said in the form, where one tries again."""

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            return super().form_valid(form)  # type: ignore[misc, no-any-return]
        except ValidationError as refusal:
            form.add_error(None, refusal)
            return self.form_invalid(form)  # type: ignore[attr-defined, no-any-return]


class CreateBook(RefusedMeanwhile, CreateView):
    pass


class EditBook(RefusedMeanwhile, EditView):
    pass


class DeleteBook(DeleteView):
    """Books that were lent, or are waited for, stay."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except cataloguing.BookInUse as refusal:
            messages.error(request, str(refusal))
            return redirect(self.index_url)

    def delete_instance(self) -> None:
        cataloguing.delete_book(book=self.instance)


class BookInspect(InspectView):
    """A book with its copies and who waits."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        book = self.instance
        lent = Borrowing.objects.open().select_related("member")
        copies = list(book.copies.prefetch_related(Prefetch("borrowings", queryset=lent, to_attr="lent")))
        for copy in copies:
            copy.inspect_url = inspect_url(copy)
            copy.borrower = member_link(copy.lent[0].member) if copy.lent else ""
        return {
            **super().get_context_data(**kwargs),
            "book": book,
            "copies": copies,
            "holds": book.holds.open().select_related("member", "copy"),
            "public_url": reverse("library:book", args=[book.pk, book.slug]),
        }


class ToBeHad(Chosen):
    title = gettext_lazy("to be had")
    parameter_name = "available"
    options = (("yes", gettext_lazy("A copy is there")), ("no", gettext_lazy("No copy is there")))

    def rows(self, model: Any, value: str | None) -> QuerySet[Any]:
        there = Book.objects.available()
        return there if value == "yes" else Book.objects.exclude(pk__in=there.values("pk"))


class Language(SimpleListFilter):
    """The languages that books have, by their names."""

    title = gettext_lazy("language")
    parameter_name = "language"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        codes = Book.objects.exclude(language="").order_by().values_list("language", flat=True).distinct()
        return sorted(((code, browsing.language_name(code)) for code in codes), key=lambda each: each[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(language=self.value()) if self.value() else queryset


class BookList(LibraryList):
    model = Book
    menu_label = gettext_lazy("Books")
    menu_icon = "openquote"
    button_helper_class = buttons_of(*BOOK_DEEDS)
    create_view_class = CreateBook
    edit_view_class = EditBook
    delete_view_class = DeleteBook
    inspect_view_class = BookInspect
    inspect_template_name = "library/cms/book.html"
    inspect_view_fields = ["title", "author", "isbn"]
    list_display = ["title", "author", "isbn", "to_be_had", "fee"]
    list_filter = [ToBeHad, "cover", Language, "subjects", "created_at"]
    search_fields = ["title", "author", "isbn", "publisher", "copies__barcode"]
    list_export = [
        "title",
        "author",
        "isbn",
        "publisher",
        "year",
        "language",
        "cover",
        "daily_fee",
        "currency",
        "available",
        "holdings",
    ]
    export_filename = "books"
    edit_handler = ObjectList(
        [
            MultiFieldPanel(
                [
                    FieldPanel("title"),
                    FieldPanel("author"),
                    FieldRowPanel([FieldPanel("isbn"), FieldPanel("cover")]),
                    FieldRowPanel([FieldPanel("publisher"), FieldPanel("year"), FieldPanel("language")]),
                ],
                heading=gettext_lazy("Title page"),
            ),
            MultiFieldPanel(
                [FieldRowPanel([FieldPanel("daily_fee"), FieldPanel("currency")]), FieldPanel("new_copies")],
                heading=gettext_lazy("Lending"),
            ),
            MultiFieldPanel(
                [
                    FieldPanel("subjects", widget=forms.CheckboxSelectMultiple),
                    FieldPanel("description"),
                    FieldPanel("picture"),
                ],
                heading=gettext_lazy("For readers"),
            ),
        ],
        base_form_class=BookForm,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Book]:
        return Book.objects.with_inventory().order_by("title", "pk")

    @display(description=gettext_lazy("to be had"))
    def to_be_had(self, book: Any) -> str:
        return _("%(available)s of %(holdings)s") % {"available": book.available, "holdings": book.holdings}

    @display(description=gettext_lazy("to be had"))
    def available(self, book: Any) -> int:
        return book.available  # type: ignore[no-any-return]

    @display(description=gettext_lazy("copies"))
    def holdings(self, book: Any) -> int:
        return book.holdings  # type: ignore[no-any-return]

    @display(description=gettext_lazy("fee per day"), ordering="daily_fee")
    def fee(self, book: Book) -> str:
        return money(book.daily_fee_money) if book.daily_fee else _("free")


# --- Copies ------------------------------------------------------------------------------------------------
class NoNewOnes(PermissionHelper):
    """Rows that services make, and of which a few facts may be corrected."""

    def user_can_create(self, user: Any) -> bool:
        return False

    def user_can_delete_obj(self, user: Any, obj: Any) -> bool:
        return False


class CopyInspect(InspectView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        copy = self.instance
        loans = copy.borrowings.select_related("member", "book").order_by("-created_at", "-pk")[:50]
        for loan in loans:
            loan.inspect_url = inspect_url(loan)
            loan.who = member_link(loan.member)
        return {
            **super().get_context_data(**kwargs),
            "copy": copy,
            "book_url": inspect_url(copy.book),
            "loans": loans,
            "history": copy.status_changes.select_related("actor"),
        }


class CopyList(LibraryList):
    model = Copy
    menu_label = gettext_lazy("Copies")
    menu_icon = "doc-full"
    permission_helper_class = NoNewOnes
    button_helper_class = buttons_of(*COPY_DEEDS)
    inspect_view_class = CopyInspect
    inspect_template_name = "library/cms/copy.html"
    inspect_view_fields = ["barcode"]
    list_display = ["barcode", "book", "status", "location", "note"]
    list_filter = ["status", "location", "acquired_on"]
    list_select_related = ["book"]
    search_fields = ["barcode", "book__title", "book__author", "book__isbn", "note"]
    list_export = ["barcode", "title", "isbn", "status", "location", "note", "acquired_on"]
    export_filename = "copies"
    edit_handler = ObjectList(
        [FieldRowPanel([FieldPanel("location"), FieldPanel("acquired_on")]), FieldPanel("note")]
    )

    @display(description=gettext_lazy("book"))
    def title(self, copy: Copy) -> str:
        return copy.book.title

    @display(description=gettext_lazy("ISBN"))
    def isbn(self, copy: Copy) -> str:
        return copy.book.isbn or ""


# --- Cards -------------------------------------------------------------------------------------------------
class DeskButton(ButtonHelper):
    """Beside the usual buttons the way to the desk with this member in front of it."""

    def get_buttons_for_obj(self, obj: LibraryCard, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        usual = super().get_buttons_for_obj(obj, *args, **kwargs)
        if not self.request.user.has_perm(WORK_AT_DESK):
            return usual
        at_desk = {
            "url": here_for(obj.member),
            "label": _("At the desk"),
            "title": _("See this member at the desk"),
            "classname": self.finalise_classname(["button-secondary"], kwargs.get("classnames_exclude")),
        }
        return [*usual, at_desk]


class CardForm(WagtailAdminModelForm):
    def clean_number(self) -> str:
        number = self.cleaned_data["number"].strip().upper()
        if barcodes.is_mistyped(number):
            raise ValidationError(_("%s is mistyped: its last digit does not fit the others.") % number)
        return number


class CardList(LibraryList):
    model = LibraryCard
    menu_label = gettext_lazy("Cards")
    menu_icon = "user"
    permission_helper_class = NoNewOnes
    button_helper_class = DeskButton
    list_display = ["number", "who", "blocked_reason", "created_at"]
    list_filter = ["created_at"]
    list_select_related = ["member"]
    search_fields = ["number", "member__email", "member__first_name", "member__last_name", "blocked_reason"]
    list_export = ["number", "name", "email", "blocked_reason", "created_at"]
    inspect_view_fields = ["number", "member", "blocked_reason", "created_at"]
    export_filename = "cards"
    edit_handler = ObjectList([FieldPanel("number"), FieldPanel("blocked_reason")], base_form_class=CardForm)

    def needs_a_person(self, obj: LibraryCard) -> bool:
        return bool(obj.blocked_reason)

    @display(description=gettext_lazy("member"), ordering="member__email")
    def who(self, card: LibraryCard) -> str:
        return member_link(card.member)

    @display(description=gettext_lazy("member"))
    def name(self, card: LibraryCard) -> str:
        return name_of(card.member)

    @display(description=gettext_lazy("e-mail"))
    def email(self, card: LibraryCard) -> str:
        return card.member.email


# --- Subjects and closures ---------------------------------------------------------------------------------
class SubjectList(LibraryList):
    model = Subject
    menu_label = gettext_lazy("Subjects")
    menu_icon = "tag"
    inspect_view_enabled = False
    list_display = ["name", "slug"]
    search_fields = ["name"]
    list_export = ["name", "slug"]
    export_filename = "subjects"
    prepopulated_fields = {"slug": ("name",)}
    edit_handler = ObjectList([FieldPanel("name"), FieldPanel("slug")])


class ClosureForm(WagtailAdminModelForm):
    """Days on which the library is closed. What falls due on them moves, in the same transaction."""

    moved = 0

    def save(self, commit: bool = True) -> Closure:
        closure = super().save(commit=False)
        with transaction.atomic():
            closure.save()
            self.moved = cataloguing.move_due_dates(since=closure.since)
        return closure

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if {"since", "until"} <= cleaned.keys() and cleaned["since"] <= cleaned["until"]:
            calendar = LendingRules.current().calendar(since=cleaned["since"])
            closures = (*calendar.closures, (cleaned["since"], cleaned["until"]))
            try:
                replace(calendar, closures=closures).next_open(cleaned["since"])
            except policies.NeverOpens:
                self.add_error("until", _("After these days the library would have no opening day in sight."))
        return cleaned


class MovesDueDates:
    """Says how many loans a closure has moved."""

    def form_valid(self, form: ClosureForm) -> HttpResponse:
        response = super().form_valid(form)  # type: ignore[misc]
        if form.moved:
            words = ngettext(
                "%(count)s loan is due on the next opening day now.",
                "%(count)s loans are due on the next opening day now.",
                form.moved,
            )
            messages.info(self.request, words % {"count": form.moved})  # type: ignore[attr-defined]
        else:
            messages.info(self.request, _("No loan falls due on these days."))  # type: ignore[attr-defined]
        return response  # type: ignore[no-any-return]


class CreateClosure(MovesDueDates, CreateView):
    pass


class EditClosure(MovesDueDates, EditView):
    pass


class ClosureList(LibraryList):
    model = Closure
    menu_label = gettext_lazy("Closures")
    menu_icon = "date"
    create_view_class = CreateClosure
    edit_view_class = EditClosure
    inspect_view_enabled = False
    list_display = ["since", "until", "reason"]
    list_filter = ["since"]
    search_fields = ["reason"]
    list_export = ["since", "until", "reason"]
    export_filename = "closures"
    edit_handler = ObjectList(
        [FieldRowPanel([FieldPanel("since"), FieldPanel("until")]), FieldPanel("reason")],
        base_form_class=ClosureForm,
    )


class LibraryGroup(ModelAdminGroup):
    menu_label = gettext_lazy("Library")
    menu_item_name = "library"
    menu_icon = "openquote"
    menu_order = 240
    items = (
        BorrowingList,
        HoldList,
        ChargeList,
        BookList,
        CopyList,
        CardList,
        SubjectList,
        ClosureList,
    )

    def get_submenu_items(self) -> list[MenuItem]:
        desk = DeskItem(_("Desk"), reverse(NAME), icon_name="user", order=0)
        return [desk, *super().get_submenu_items(), *exchange.menu_items()]


class DeskItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return request.user.has_perm(WORK_AT_DESK)


modeladmin_register(LibraryGroup)
