"""What the endpoints of the library read and answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.validators import RegexValidator
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_yasg.utils import swagger_serializer_method
from rest_framework import serializers

from commerce.api.serializers import (
    LONGEST_SEARCH,
    MoneyField,
    OwnedQuerySerializer,
    PaymentSerializer,
    QuerySerializer,
    id_field,
)
from library.models import Book, Borrowing, Charge, Copy, Hold, Subject
from library.services import explaining
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
        help_text=(
            "Books with all of these words in title, author, publisher and description, the last one perhaps "
            "only begun; or with this ISBN, however it is written."
        ),
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
                _("There is no such subject: %s. Librarians make subjects in the CMS.") % ", ".join(unknown)
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


# --- Borrowings ---
class BorrowingQuerySerializer(OwnedQuerySerializer):
    is_active = serializers.BooleanField(required=False, help_text="`true`: not returned yet.")
    overdue = serializers.BooleanField(required=False, help_text="`true`: not returned, and its day is over.")
    book = id_field("Borrowings of this book.", required=False)
    ordering = serializers.ChoiceField(
        required=False, default="-created_at", choices=both_ways(BORROWING_ORDERINGS)
    )


class DryRunSerializer(QuerySerializer):
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="`true`: answer what it would mean, and do nothing."
    )


class BorrowingRequestSerializer(serializers.Serializer):
    book = id_field("Id of a book.")
    expected_return_date = serializers.DateField(
        help_text="A day after today. If the library is closed then, the next day on which it opens."
    )


class ReturnRequestSerializer(serializers.Serializer):
    """In what state it comes back. context: `is_staff`."""

    condition = serializers.ChoiceField(
        required=False,
        default=Copy.Status.AVAILABLE,
        choices=[
            (Copy.Status.AVAILABLE.value, "fit to be lent"),
            (Copy.Status.REPAIR.value, "damaged"),
            (Copy.Status.MISSING.value, "lost"),
        ],
        help_text="Only staff may say other than `AVAILABLE`: `REPAIR` is damaged, `MISSING` lost.",
    )

    def validate_condition(self, condition: str) -> Copy.Status:
        if condition != Copy.Status.AVAILABLE and not self.context["is_staff"]:
            raise serializers.ValidationError(_("Only the library's staff may say that."))
        return Copy.Status(condition)


class ExplanationSerializer(serializers.Serializer):
    """One line of what a charge was reckoned from."""

    step = serializers.CharField(
        help_text="fee, renewal; of a fine delay, closed, grace, capped, charged and amount."
    )
    days = serializers.IntegerField()
    amount = serializers.SerializerMethodField(help_text="What it comes to; null before the last line.")
    words = serializers.CharField(help_text="The line for people, in the language of the asker.")

    def get_amount(self, line: explaining.Line) -> str | None:
        return None if line.amount is None else str(line.amount.amount)


class ChargeSerializer(serializers.Serializer):
    """What a borrowing costs: its fee, a renewal, or the fine for a delay."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.ChoiceField(choices=Charge.Kind.choices)
    days = serializers.IntegerField(help_text="Those paid for.")
    amount = MoneyField()
    currency = serializers.CharField()
    status = serializers.SerializerMethodField(
        help_text="UNPAID, PAID, REFUNDED, WAIVED (forgiven), or DROPPED with a borrowing that was given up."
    )
    order = serializers.IntegerField(
        source="order_line.order_id",
        default=None,
        allow_null=True,
        help_text="Id of the order that asks for it.",
    )
    explanation = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_status(self, charge: Charge) -> str:
        return explaining.standing(charge)

    @swagger_serializer_method(ExplanationSerializer(many=True))
    def get_explanation(self, charge: Charge) -> list[dict[str, Any]]:
        return ExplanationSerializer(explaining.explain(charge), many=True).data


class BorrowingSerializer(serializers.Serializer):
    """A borrowing of one copy. context: `inventory`, `payments` by the ids of borrowings, and `on`."""

    id = serializers.IntegerField(source="pk")
    book = BookSerializer()
    user = serializers.IntegerField(source="member_id", help_text="Id of the borrower.")
    copy = serializers.CharField(source="copy.barcode", help_text="Barcode of the copy.")
    status = serializers.ChoiceField(
        choices=Borrowing.Status.choices,
        help_text="OPEN until it is RETURNED; CANCELLED: it was not paid in time, and never handed out.",
    )
    borrow_date = serializers.DateField()
    expected_return_date = serializers.DateField(help_text="With its renewals.")
    actual_return_date = serializers.DateField(allow_null=True)
    handed_out_at = serializers.DateTimeField(allow_null=True, help_text="Null: it waits at the desk.")
    is_active = serializers.BooleanField(help_text="Whether it is not returned yet.")
    is_overdue = serializers.SerializerMethodField()
    renewals = serializers.SerializerMethodField(help_text="How often it was renewed.")
    charges = ChargeSerializer(many=True, source="charges.all")
    payments = serializers.SerializerMethodField(
        help_text="All that were begun for its charges, newest first, with `session_url` to pay at."
    )

    def get_is_overdue(self, borrowing: Borrowing) -> bool:
        return borrowing.is_overdue(on=self.context["on"])

    def get_renewals(self, borrowing: Borrowing) -> int:
        return len(borrowing.renewals.all())

    @swagger_serializer_method(PaymentSerializer(many=True))
    def get_payments(self, borrowing: Borrowing) -> list[dict[str, Any]]:
        return PaymentSerializer(self.context["payments"].get(borrowing.pk, []), many=True).data


class BlockSerializer(serializers.Serializer):
    """One reason why it would be refused."""

    code = serializers.CharField(help_text="For programs: it stays the same.")
    detail = serializers.SerializerMethodField(help_text="For people, with the remedy.")

    def get_detail(self, refusal: Exception) -> str:
        return str(refusal)


class RenewalOfferSerializer(serializers.Serializer):
    """What it would mean. Nothing is written."""

    is_possible = serializers.BooleanField()
    days = serializers.IntegerField(help_text="Those paid for.")
    expected_return_date = serializers.DateField(
        source="due", help_text="The day on which it would be due, an opening day."
    )
    amount = MoneyField(source="price")
    currency = serializers.CharField(source="price.currency")
    blocks = BlockSerializer(many=True, help_text="What would refuse it; the first is what POST answers.")


class OfferSerializer(RenewalOfferSerializer):
    """What borrowing would mean. Nothing is written."""

    book = serializers.IntegerField(source="book.pk")
    hold_position = serializers.IntegerField(
        allow_null=True, help_text="Your place in the queue, or the one you would get; null: a copy is there."
    )


# --- Holds ---
class HoldQuerySerializer(OwnedQuerySerializer):
    is_active = serializers.BooleanField(required=False, help_text="`true`: WAITING or READY.")
    status = serializers.ChoiceField(required=False, choices=Hold.Status.choices)
    book = id_field("Holds of this book.", required=False)
    ordering = serializers.ChoiceField(required=False, default="-placed_at", choices=both_ways(["placed_at"]))


class HoldRequestSerializer(serializers.Serializer):
    book = id_field("Id of a book of which no copy is to be had.")


class HoldSerializer(serializers.Serializer):
    """A place in the queue for a book. context: `inventory`, and `outlook` by the ids of holds."""

    id = serializers.IntegerField(source="pk")
    book = BookSerializer()
    user = serializers.IntegerField(source="member_id", help_text="Id of who waits.")
    status = serializers.ChoiceField(choices=Hold.Status.choices)
    position = serializers.SerializerMethodField(help_text="From 1; null unless WAITING.")
    estimate = serializers.SerializerMethodField(
        help_text="The day on which a copy may be there, if others bring theirs in time; null: unknown."
    )
    ready_until = serializers.DateField(
        source="shelf_until", help_text="READY: the last day on which the copy waits; else null."
    )
    borrowing = serializers.IntegerField(
        source="borrowing_id", allow_null=True, help_text="FULFILLED: id of the borrowing that came of it."
    )
    placed_at = serializers.DateTimeField()

    @swagger_serializer_method(serializers.IntegerField(allow_null=True))
    def get_position(self, hold: Hold) -> int | None:
        return self.context["outlook"][hold.pk].position

    @swagger_serializer_method(serializers.DateField(allow_null=True))
    def get_estimate(self, hold: Hold) -> date | None:
        return self.context["outlook"][hold.pk].estimate
