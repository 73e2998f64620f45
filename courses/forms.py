"""The catalogue's filter, read from the address."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from courses.models import CoursePage, CourseTopic
from courses.services import browsing

ORDERING_LABELS = {
    "-published_at": _("Newest first"),
    "title": _("By title"),
    "price": _("Cheapest first"),
    "-price": _("Dearest first"),
}


class CatalogueForm(forms.Form):
    search = forms.CharField(
        label=_("Search"), required=False, max_length=200, widget=forms.TextInput(attrs={"type": "search"})
    )
    topic = forms.ChoiceField(label=_("Topic"), required=False)
    level = forms.ChoiceField(
        label=_("Level"), required=False, choices=[("", _("Any level")), *CoursePage.Level.choices]
    )
    ordering = forms.ChoiceField(label=_("Order"), required=False, choices=list(ORDERING_LABELS.items()))

    def __init__(self, *args: Any, topics: Sequence[CourseTopic], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["topic"].choices = [("", _("Any topic")), *((topic.slug, topic.name) for topic in topics)]

    @property
    def filters(self) -> dict[str, str]:
        """What narrows the catalogue down: valid values that are not empty, by field."""
        cleaned = getattr(self, "cleaned_data", {})
        return {name: cleaned[name] for name in ("search", "topic", "level") if cleaned.get(name)}

    @property
    def chosen_ordering(self) -> str:
        return getattr(self, "cleaned_data", {}).get("ordering") or browsing.DEFAULT_ORDERING

    def label_of(self, name: str) -> str:
        """A filter's value in words."""
        value = self.filters[name]
        choices = dict(getattr(self.fields[name], "choices", ()))
        return str(choices.get(value, f"“{value}”"))
