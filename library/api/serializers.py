"""What the endpoints of the library read and answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.validators import RegexValidator
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from commerce.api.serializers import LONGEST_SEARCH, QuerySerializer
from library.models import Book, Subject
from library.services.cataloguing import MOST_COPIES

MOST_SUBJECTS = 50
BOOK_ORDERINGS = ("title", "author", "year", "daily_fee", "inventory", "created_at")
BORROWING_ORDERINGS = ("created_at", "borrow_date", "expected_return_date")


def both_ways(names: Iterable[str]) -> list[str]:
    return [spelling for name in names for spelling in (name, f"-{name}")]


# --- Books ---
class BookQuerySerializer(QuerySerializer):
    search = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=LONGEST_SEARCH,
        help_text="Books with all of these words in title, author, publisher, ISBN or description.",
    )
    author = serializers.CharField(
        required=False, max_length=LONGEST_SEARCH, help_text="Books whose authors have these words in them."
    )
    subject = serializers.CharField(
        required=False, max_length=100, help_text="Books on this subject: its name, or its slug."
    )
    cover = serializers.ChoiceField(required=False, choices=Book.Cover.choices)
    language = serializers.CharField(
        required=False,
        validators=[RegexValidator(r"^[a-z]{3}\Z", gettext_lazy("Give three letters, such as eng or rus."))],
        help_text="Three letters of ISO 639-2.",
    )
    available = serializers.BooleanField(
        required=False, help_text="`true`: a copy is to be had now; `false`: none is."
    )
    ordering = serializers.ChoiceField(required=False, default="title", choices=both_ways(BOOK_ORDERINGS))

    def validate_subject(self, named: str) -> Subject:
        subject = Subject.objects.filter(Q(slug=named) | Q(name__iexact=named)).first()
        if subject is None:
            raise serializers.ValidationError(_("There is no subject “%s”.") % named)
        return subject


class SubjectsField(serializers.ListField):
    """Subjects by their names. A name that the CMS does not know is an error: most are slips of the pen."""

    def __init__(self, **kwargs: Any) -> None:
        child = serializers.CharField(max_length=100)
        super().__init__(child=child, max_length=MOST_SUBJECTS, **kwargs)

    def to_internal_value(self, data: Any) -> list[Subject]:
        names = super().to_internal_value(data)
        found = Subject.objects.in_bulk(names, field_name="name")
        if unknown := [name for name in names if name not in found]:
            raise serializers.ValidationError(
                _("There is no subject “%s”. Librarians make subjects in the CMS.") % "”, “".join(unknown)
            )
        return list(found.values())

    def to_representation(self, subjects: Any) -> list[str]:
        return [subject.name for subject in subjects.all()]


class BookSerializer(serializers.ModelSerializer):
    """A book of the catalogue. context, to show it: `inventory`, by the ids of books."""

    # Whatever is sent is written as the model has it, and what the model refuses is told by field.
    isbn = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=32,
        help_text="10 or 13 digits, with or without hyphens; answered as 13 digits. Null for none.",
    )
    author = serializers.CharField(max_length=500, help_text="Several with a semicolon between them.")
    language = serializers.CharField(
        required=False,
        allow_blank=True,
        validators=[RegexValidator(r"^[a-z]{3}\Z", gettext_lazy("Give three letters, such as eng or rus."))],
        help_text="Three letters of ISO 639-2, such as eng or rus.",
    )
    year = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=9999)
    subjects = SubjectsField(required=False, help_text="Names of subjects.")
    inventory = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_COPIES,
        help_text=(
            "Copies to be had now. Written, copies are added, or withdrawn from the shelf; those that are "
            "out stay. Without it nothing changes; a new book has none."
        ),
    )
    daily_fee = serializers.DecimalField(
        max_digits=12, decimal_places=3, min_value=0, help_text="As text, for each day of a loan; 0: free."
    )

    class Meta:
        model = Book
        fields = [
            "id",
            "title",
            "author",
            "cover",
            "inventory",
            "daily_fee",
            "currency",
            "isbn",
            "publisher",
            "year",
            "language",
            "subjects",
            "description",
        ]

    def to_representation(self, book: Book) -> dict[str, Any]:
        book.inventory = self.context["inventory"].get(book.pk, 0)
        shown = super().to_representation(book)
        # With the decimals of its currency, and not of the column.
        return {**shown, "daily_fee": str(book.daily_fee_money.amount)}
