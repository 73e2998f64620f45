"""What the library's pages read from the address and from their forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from library.models import Book
from library.services import browsing
from library.services.browsing import Survey
from portal.content.catalogues import LONGEST_WORD, WordsField

BEST_FIRST = _("Best match first")
ORDERING_LABELS = {
    "-created_at": _("Newest first"),
    "title": _("By title"),
    "author": _("By author"),
    "-year": _("Last published first"),
}


class CatalogueForm(forms.Form):
    """What is chosen in the catalogue. A value that cannot be is an error, and chooses nothing."""

    search = WordsField(required=False)
    available = forms.ChoiceField(required=False, choices=list(browsing.AVAILABLE.items()))
    subject = forms.SlugField(required=False, max_length=100)
    author = forms.CharField(required=False, max_length=200)
    author_like = WordsField(required=False, max_length=LONGEST_WORD)
    cover = forms.ChoiceField(required=False, choices=Book.Cover.choices)
    language = forms.CharField(required=False, validators=[RegexValidator(r"^[a-z]{3}\Z")])
    ordering = forms.ChoiceField(label=pgettext_lazy("of a list", "Order"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Nothing chosen is nothing in the address: who goes on to search gets the best match first.
        orders = list(ORDERING_LABELS.items())
        is_search = bool(self["search"].field.clean(self["search"].value()))
        usual = [("", BEST_FIRST), *orders] if is_search else [("", orders[0][1]), *orders[1:]]
        self.fields["ordering"].choices = usual
        self.is_valid()
        self.survey: Survey = browsing.survey(
            search=self.cleaned_data.get("search", ""),
            author_like=self.cleaned_data.get("author_like", ""),
            **self.chosen,
        )

    @property
    def filters(self) -> dict[str, str]:
        """What narrows the catalogue down: valid values that are not empty, by field."""
        names = ("search", *browsing.FACETS)
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name)}

    @property
    def chosen(self) -> dict[str, str]:
        """What is chosen of the facets."""
        return {name: value for name, value in self.filters.items() if name in browsing.FACETS}

    @property
    def chosen_ordering(self) -> str:
        return self.cleaned_data.get("ordering", "")

    def label_of(self, name: str) -> str:
        """A filter's value in words."""
        value = self.filters[name]
        if name == "search":
            return gettext("“%(words)s”") % {"words": value}
        for facet in self.survey.facets:
            for option in facet.options:
                if facet.name == name and option.is_chosen:
                    return option.label
        return value


class DayForm(forms.Form):
    """Until when a book is to be lent."""

    until = forms.DateField(
        label=_("Return it on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
