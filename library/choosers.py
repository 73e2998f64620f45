"""Choosing a book in the CMS."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms.choosers import BaseFilterForm, SearchFilterMixin
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic import chooser as chooser_views
from wagtail.admin.viewsets.chooser import ChooserViewSet

from library.models import Book
from library.services import browsing


class BookFilterForm(SearchFilterMixin, BaseFilterForm):
    """Finds books as the library's catalogue does."""

    def filter(self, objects: QuerySet[Book]) -> QuerySet[Book]:
        words = self.cleaned_data.get("q", "")
        if not words:
            return objects
        self.is_searching, self.search_query = True, words
        return objects.filter(pk__in=browsing.catalogue(search=words).values("pk"))


class _OfBooks:
    filter_form_class = BookFilterForm

    @property
    def columns(self) -> list[Column]:
        return [
            self.title_column,  # type: ignore[attr-defined]
            Column("author", label=_("Author"), accessor="author"),
            Column("isbn", label="ISBN", accessor="isbn"),
        ]


class BookChooseView(_OfBooks, chooser_views.ChooseView):
    """The window with all books."""


class BookChooseResultsView(_OfBooks, chooser_views.ChooseResultsView):
    """What is exchanged in it while one searches."""


class BookChooserViewSet(ChooserViewSet):
    """Books by title; they are not made here."""

    model = Book
    icon = "glasses"
    choose_one_text = _("Choose a book")
    choose_another_text = _("Choose another book")
    edit_item_text = _("Edit this book")
    choose_view_class = BookChooseView
    choose_results_view_class = BookChooseResultsView
    per_page = 20


book_chooser = BookChooserViewSet("library_book_chooser", url_prefix="library/book-chooser")
