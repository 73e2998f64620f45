"""Import and export, Labels: files of books taken in after a dry run, the catalogue as a file, labels."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView, TemplateView, View
from wagtail import hooks
from wagtail.admin import messages
from wagtail.admin.menu import MenuItem
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin

from library.models import Book, Copy, Encoding, Format, ImportRow, ImportRun, LibraryCard
from library.models.catalogue import currency_choices, default_currency
from library.services import exporting, importing, labels
from library.services.importing import Defaults
from library.services.marc import RecordTooLong

#: Both: an import adds books, and changes those that are there.
WRITE = ("library.add_book", "library.change_book", "library.add_copy", "library.change_copy")
READ = ("library.view_book", "library.view_copy")
CARDS = ("library.view_librarycard",)
ROWS_ON_A_PAGE = 100
#: A list of barcodes that was pasted; more are printed by import.
MOST_BARCODES = 2_000


class Permitted(WagtailAdminTemplateMixin):
    """A page of the exchange for who may write the catalogue, or read it."""

    permissions: ClassVar[tuple[str, ...]] = WRITE
    title: ClassVar[Any] = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perms(self.permissions):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def get_page_title(self) -> str:
        return str(self.title)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [
            *super().get_breadcrumbs_items(),
            {"url": reverse("library_exchange"), "label": _("Import and export")},
            {"url": "", "label": self.get_page_title()},
        ]


# --- Imports -----------------------------------------------------------------------------------------------
class UploadForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV with a line of column names, MARC 21 or MARCXML."),
    )
    format = forms.ChoiceField(
        label=gettext_lazy("Format"),
        choices=[("", gettext_lazy("Recognise it")), *Format.choices],
        required=False,
    )
    encoding = forms.ChoiceField(
        label=gettext_lazy("Characters of CSV"), choices=Encoding.choices, initial=Encoding.UTF_8
    )
    daily_fee = forms.DecimalField(
        label=gettext_lazy("Fee per day"),
        min_value=0,
        max_digits=12,
        decimal_places=3,
        initial=0,
        help_text=gettext_lazy("Of new books for which the file names none; 0 lends them free of charge."),
    )
    currency = forms.ChoiceField(
        label=gettext_lazy("Currency"), choices=currency_choices, initial=default_currency
    )
    location = forms.CharField(
        label=gettext_lazy("Place on the shelf"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("Of new copies for which the file names none."),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.IMPORT_MAX_MEGABYTES * 1_000_000:
            message = _("The file is larger than %(most)s MB. Cut it into several.")
            raise forms.ValidationError(message % {"most": settings.IMPORT_MAX_MEGABYTES})
        return file


class Exchange(Permitted, FormView):
    """The front page: send a file, take the catalogue, and what was imported before."""

    title = gettext_lazy("Import and export")
    form_class = UploadForm
    template_name = "library/cms/exchange.html"

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return super().get_breadcrumbs_items()[:-1]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        runs = ImportRun.objects.select_related("by")
        return {
            **super().get_context_data(**kwargs),
            "runs": Paginator(runs, 20).get_page(self.request.GET.get("p")),
            "formats": Format.choices,
            "most": settings.IMPORT_MAX_MEGABYTES,
        }

    def form_valid(self, form: UploadForm) -> HttpResponse:
        given = form.cleaned_data
        try:
            run = importing.begin(
                file=given["file"].file,
                filename=given["file"].name,
                format=given["format"] or None,
                encoding=given["encoding"],
                defaults=Defaults(
                    daily_fee=given["daily_fee"], currency=given["currency"], location=given["location"]
                ),
                by=self.request.user,
                language=translation.get_language() or settings.LANGUAGE_CODE,
                at=timezone.now(),
            )
        except importing.ImportRefused as refusal:
            form.add_error("file", str(refusal))
            return self.form_invalid(form)
        return redirect("library_import", run.pk)


class OneRun(Permitted):
    """Something about one import."""

    run: ImportRun

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.has_perms(self.permissions):
            self.run = get_object_or_404(ImportRun.objects.select_related("by"), pk=kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_page_title(self) -> str:
        return self.run.filename


class ShowRun(OneRun, TemplateView):
    """How far an import is; what would become of each record, or did."""

    template_name = "library/cms/import.html"

    def get_template_names(self) -> list[str]:
        if self.request.htmx:
            return ["library/cms/import_state.html"]
        return super().get_template_names()

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        if request.htmx and not self.run.is_running:
            # The page is another one now: buttons and rows.
            response["HX-Refresh"] = "true"
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        outcome = self.request.GET.get("outcome", "")
        rows = (
            self.run.rows.filter(outcome=outcome)
            if outcome in ImportRow.Outcome.values
            else self.run.rows.all()
        )
        counts = [
            (value, label, getattr(self.run, value.lower())) for value, label in ImportRow.Outcome.choices
        ]
        return {
            **super().get_context_data(**kwargs),
            "run": self.run,
            "rows": Paginator(rows.order_by("number"), ROWS_ON_A_PAGE).get_page(self.request.GET.get("p"))
            if not self.run.is_running
            else None,
            "counts": counts,
            "outcome": outcome,
        }


class ConfirmRun(OneRun, View):
    """POST: import what was checked."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not importing.confirm(run=self.run, by=request.user, at=timezone.now()):
            messages.error(request, _("That is no longer possible: somebody was faster."))
        return redirect("library_import", self.run.pk)


class CancelRun(OneRun, View):
    """POST: give up what was not confirmed."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        if importing.cancel(run=self.run, by=request.user, at=timezone.now()):
            messages.success(request, _("The file was thrown away; nothing of it was imported."))
        else:
            messages.error(request, _("That is no longer possible: somebody was faster."))
        return redirect("library_import", self.run.pk)


class ReportOfRun(OneRun, View):
    """What became of each record, as CSV."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return StreamingHttpResponse(
            exporting.report(run=self.run),
            content_type=exporting.CONTENT_TYPES[Format.CSV],
            headers={"Content-Disposition": f'attachment; filename="import-{self.run.pk}.csv"'},
        )


class ExportBooks(Permitted, View):
    """The catalogue as a file."""

    permissions = READ

    def get(self, request: HttpRequest, format: str) -> HttpResponseBase:
        wished = Format(format)
        try:
            pieces = exporting.export(books=Book.objects.all(), format=wished, on=timezone.localdate())
        except RecordTooLong as refusal:
            messages.error(request, str(refusal))
            return redirect("library_exchange")
        name = f"books-{timezone.localdate():%Y-%m-%d}.{exporting.SUFFIXES[wished]}"
        return StreamingHttpResponse(
            pieces,
            content_type=exporting.CONTENT_TYPES[wished],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


# --- Labels ------------------------------------------------------------------------------------------------
class RunField(forms.ModelChoiceField):
    def label_from_instance(self, run: Any) -> str:
        return f"{run.filename} · {date_format(run.created_at, 'SHORT_DATETIME_FORMAT')}"


class LabelForm(forms.Form):
    """Which labels, and on what. One of the ways to choose is enough; several are added up."""

    search = forms.CharField(
        label=gettext_lazy("Title, author or place on the shelf"),
        required=False,
        max_length=100,
        help_text=gettext_lazy("All copies of the books that it finds, and all that stand in that place."),
    )
    barcodes = forms.CharField(
        label=gettext_lazy("Barcodes"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Scanned or typed, with spaces or new lines between."),
    )
    run = RunField(
        label=gettext_lazy("Import"),
        queryset=ImportRun.objects.filter(copies__gt=0, status=ImportRun.Status.DONE),
        required=False,
        help_text=gettext_lazy("All copies that it brought."),
    )
    sheet = forms.ChoiceField(label=gettext_lazy("Sheet"), choices=labels.SHEET_CHOICES)
    start = forms.IntegerField(
        label=gettext_lazy("First free label"), initial=1, min_value=1, help_text=labels.START_HELP
    )

    def clean_barcodes(self) -> list[str]:
        barcodes = [each for each in re.split(r"[\s;,]+", self.cleaned_data["barcodes"]) if each]
        if len(barcodes) > MOST_BARCODES:
            raise forms.ValidationError(_("%(most)s barcodes at most.") % {"most": MOST_BARCODES})
        return barcodes

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if not self.errors and not any(given.get(name) for name in ("search", "barcodes", "run")):
            raise forms.ValidationError(_("Say which copies: by a word, by barcodes or by an import."))
        return given

    def copies(self) -> QuerySet[Copy]:
        """The copies that are meant, withdrawn ones only by their number. Raises LabelsRefused."""
        given = self.cleaned_data
        chosen = Q(pk__in=[])
        if given["search"]:
            word = given["search"]
            found = (
                Q(book__title__icontains=word) | Q(book__author__icontains=word) | Q(location__icontains=word)
            )
            chosen |= Q(pk__in=Copy.objects.held().filter(found).values("pk"))
        if given["barcodes"]:
            chosen |= Q(pk__in=labels.copies_with(given["barcodes"]).values("pk"))
        if given["run"]:
            chosen |= Q(pk__in=labels.copies_of(given["run"]).values("pk"))
        return Copy.objects.filter(chosen)


class CardForm(forms.Form):
    numbers = forms.CharField(
        label=gettext_lazy("Cards or members"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy(
            "Numbers of cards or e-mail addresses of members, with spaces or new lines between."
        ),
    )
    sheet = forms.ChoiceField(label=gettext_lazy("Sheet"), choices=labels.SHEET_CHOICES)
    start = forms.IntegerField(
        label=gettext_lazy("First free label"), initial=1, min_value=1, help_text=labels.START_HELP
    )

    def cards(self) -> QuerySet[LibraryCard]:
        """The cards that are meant. Raises LabelsRefused, naming those that nobody has."""
        words = [each for each in re.split(r"[\s;,]+", self.cleaned_data["numbers"]) if each]
        addresses = [word.lower() for word in words]
        cards = LibraryCard.objects.filter(Q(number__in=words) | Q(member__email__in=addresses))
        known = {text for pair in cards.values_list("number", "member__email") for text in pair}
        if unknown := [word for word in words if word not in known and word.lower() not in known]:
            message = _("There are no cards of these numbers or members: %s.")
            raise labels.LabelsRefused(message % ", ".join(unknown[:10]))
        return cards


class PrintLabels(Permitted, FormView):
    """Labels for copies, as a PDF."""

    permissions = READ
    title = gettext_lazy("Labels")
    form_class: type[forms.Form] = LabelForm
    template_name = "library/cms/labels.html"
    filename = "labels.pdf"

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [
            *WagtailAdminTemplateMixin.get_breadcrumbs_items(self),
            {"url": "", "label": self.get_page_title()},
        ]

    def get_initial(self) -> dict[str, Any]:
        return {"run": self.request.GET.get("run"), "barcodes": self.request.GET.get("barcodes", "")}

    def labels(self, form: Any) -> Any:
        return labels.of_copies(form.copies())

    def form_valid(self, form: forms.Form) -> HttpResponseBase:
        given = form.cleaned_data
        try:
            pdf = labels.printed(
                self.labels(form),
                sheet=labels.SHEETS[given["sheet"]],
                start=given["start"],
                title=self.get_page_title(),
            )
        except labels.LabelsRefused as refusal:
            form.add_error(None, str(refusal))
            return self.form_invalid(form)
        return HttpResponse(
            pdf,
            content_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="{self.filename}"'},
        )


class PrintCards(PrintLabels):
    """Labels for members' cards, as a PDF."""

    permissions = CARDS
    title = gettext_lazy("Labels for cards")
    form_class = CardForm
    filename = "cards.pdf"

    def get_initial(self) -> dict[str, Any]:
        return {"numbers": self.request.GET.get("numbers", "")}

    def labels(self, form: Any) -> Any:
        return labels.of_cards(form.cards(), library=settings.PORTAL_NAME)


# --- Ways there --------------------------------------------------------------------------------------------
class PermittedMenuItem(MenuItem):
    def __init__(self, *args: Any, permissions: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.permissions = permissions

    def is_shown(self, request: HttpRequest) -> bool:
        return request.user.has_perms(self.permissions)


def menu_items() -> list[MenuItem]:
    """What the menu of the library gets from here."""
    return [
        PermittedMenuItem(
            gettext_lazy("Import and export"),
            reverse("library_exchange"),
            name="library-exchange",
            icon_name="upload",
            order=20,
            permissions=WRITE,
        ),
        PermittedMenuItem(
            gettext_lazy("Labels"),
            reverse("library_labels"),
            name="library-labels",
            icon_name="tag",
            order=21,
            permissions=READ,
        ),
    ]


@hooks.register("register_admin_urls")
def routes_of_the_exchange() -> list[URLPattern]:
    return [
        path("library/exchange/", Exchange.as_view(), name="library_exchange"),
        path("library/exchange/<int:pk>/", ShowRun.as_view(), name="library_import"),
        path("library/exchange/<int:pk>/confirm/", ConfirmRun.as_view(), name="library_import_confirm"),
        path("library/exchange/<int:pk>/cancel/", CancelRun.as_view(), name="library_import_cancel"),
        path("library/exchange/<int:pk>/report/", ReportOfRun.as_view(), name="library_import_report"),
        *(
            path(
                f"library/exchange/books.{exporting.SUFFIXES[format]}",
                ExportBooks.as_view(),
                {"format": format.value},
                name=f"library_export_{format.value.lower()}",
            )
            for format in Format
        ),
        path("library/labels/", PrintLabels.as_view(), name="library_labels"),
        path("library/labels/cards/", PrintCards.as_view(), name="library_card_labels"),
    ]
