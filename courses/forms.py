"""The catalogue's filter, read from the address."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from courses.models import CoursePage
from courses.services import browsing
from courses.services.browsing import Survey
from portal.content.catalogues import WordsField

BEST_FIRST = _("Best match first")
ORDERING_LABELS = {
    "-published_at": _("Newest first"),
    "title": _("By title"),
    "price": _("Cheapest first"),
    "-price": _("Dearest first"),
}


class CatalogueForm(forms.Form):
    """What is chosen in the catalogue. A value that there is not is an error, and chooses nothing."""

    search = WordsField(
        label=_("Search"), required=False, widget=forms.TextInput(attrs={"type": "search", "maxlength": 200})
    )
    topic = forms.ChoiceField(label=_("Topic"), required=False)
    level = forms.ChoiceField(label=_("Level"), required=False, choices=CoursePage.Level.choices)
    language = forms.ChoiceField(label=_("Language"), required=False, choices=settings.LANGUAGES)
    price = forms.ChoiceField(label=_("Price"), required=False, choices=list(browsing.PRICES.items()))
    ordering = forms.ChoiceField(label=pgettext_lazy("of a list", "Order"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.survey: Survey = browsing.survey(search=self["search"].field.clean(self["search"].value()))
        self.fields["topic"].choices = self.survey.topics
        # Nothing chosen is nothing in the address: who goes on to search gets the best match first.
        orders = list(ORDERING_LABELS.items())
        usual = [("", BEST_FIRST), *orders] if self.is_search else [("", orders[0][1]), *orders[1:]]
        self.fields["ordering"].choices = usual
        self.is_valid()

    @property
    def is_search(self) -> bool:
        return self.survey.matches is not None

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
        choices = dict(getattr(self.fields[name], "choices", ()))
        return str(choices.get(value, gettext("“%(words)s”") % {"words": value}))
