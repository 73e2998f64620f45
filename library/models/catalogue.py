"""What the library has: books, and the words by which they are found."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Self

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.search import index

from commerce.money import AmountNotPayable, Money, smallest_step
from library import isbn as isbns
from library.validators import validate_isbn

#: Between the names of several authors in `Book.author`.
AUTHOR_SEPARATOR = ";"


def currency_choices() -> list[tuple[str, str]]:
    return [(currency, currency) for currency in settings.CURRENCIES]


def default_currency() -> str:
    return settings.DEFAULT_CURRENCY


class Subject(index.Indexed, models.Model):
    """What books are about, for the catalogue's filter."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    slug = models.SlugField(
        _("slug"),
        max_length=100,
        unique=True,
        help_text=_("Stands in the address of the filtered catalogue."),
    )

    search_fields = [index.SearchField("name"), index.AutocompleteField("name")]

    class Meta:
        verbose_name = _("subject")
        verbose_name_plural = _("subjects")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Author(models.Model):
    """Somebody who wrote a book, for the catalogue's filter. Made from `Book.author` alone."""

    name = models.CharField(_("name"), max_length=200, unique=True)

    class Meta:
        verbose_name = _("author")
        verbose_name_plural = _("authors")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class BookQuerySet(models.QuerySet["Book"]):
    def with_inventory(self) -> Self:
        """Annotate `available`, the copies to be had now, and `holdings`, all that are not withdrawn.

        Counted for each book that is fetched, and not for those that are only passed over.
        """
        return self.annotate(
            available=_copies_counted(Q(status="AVAILABLE")), holdings=_copies_counted(~Q(status="WITHDRAWN"))
        )

    def available(self) -> Self:
        """Books of which a copy is to be had now."""
        return self.filter(copies__status="AVAILABLE").distinct()


def _copies_counted(condition: Q) -> Coalesce:
    """How many copies of an outer book there are of some kind."""
    copies = apps.get_model("library", "Copy").objects.filter(condition, book=OuterRef("pk")).order_by()
    counted = copies.values("book").annotate(only=Count("pk")).values("only")
    return Coalesce(Subquery(counted, output_field=models.IntegerField()), 0)


class Book(index.Indexed, models.Model):
    """A title of the catalogue; what is lent is a Copy of it.

    author: the names as the title page has them, several of them with a semicolon between.
    isbn: 13 digits; None for a book without one. daily_fee: for each day of a loan, in currency; 0 lends it
    free.
    """

    class Cover(models.TextChoices):
        HARD = "HARD", _("hardcover")
        SOFT = "SOFT", _("softcover")

    title = models.CharField(_("title"), max_length=255)
    author = models.CharField(
        _("author"), max_length=500, help_text=_("Several authors with a semicolon between them.")
    )
    authors = models.ManyToManyField(
        Author, related_name="books", blank=True, editable=False, verbose_name=_("authors")
    )
    cover = models.CharField(_("cover"), max_length=4, choices=Cover, default=Cover.SOFT)
    isbn = models.CharField(
        _("ISBN"),
        max_length=32,
        unique=True,
        null=True,
        blank=True,
        validators=[validate_isbn],
        help_text=_("10 or 13 digits, with or without hyphens; kept as 13 digits."),
    )
    publisher = models.CharField(_("publisher"), max_length=200, blank=True)
    year = models.PositiveSmallIntegerField(_("year of publication"), null=True, blank=True)
    language = models.CharField(
        _("language"),
        max_length=3,
        blank=True,
        help_text=_("Three letters of ISO 639-2, such as eng or rus."),
    )
    subjects = models.ManyToManyField(Subject, related_name="books", blank=True, verbose_name=_("subjects"))
    description = models.TextField(_("description"), blank=True)
    picture = models.ForeignKey(
        "content.PortalImage",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("picture"),
        help_text=_("The book's cover; empty: the portal draws one."),
    )
    daily_fee = models.DecimalField(
        _("fee per day"),
        max_digits=12,
        decimal_places=3,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("0 lends it free of charge."),
    )
    currency = models.CharField(
        _("currency"), max_length=3, choices=currency_choices, default=default_currency
    )
    created_at = models.DateTimeField(_("added"), db_index=True)

    search_fields = [
        index.SearchField("title", boost=4),
        index.SearchField("author", boost=2),
        index.SearchField("isbn"),
        index.SearchField("publisher"),
        index.SearchField("description"),
        index.AutocompleteField("title"),
        index.AutocompleteField("author"),
        index.AutocompleteField("isbn"),
        index.FilterField("cover"),
        index.FilterField("language"),
    ]

    objects = BookQuerySet.as_manager()

    class Meta:
        verbose_name = _("book")
        verbose_name_plural = _("books")
        ordering = ["title", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(cover__in=["HARD", "SOFT"]), name="library_book_cover_known"),
            models.CheckConstraint(condition=Q(daily_fee__gte=0), name="library_book_daily_fee_not_negative"),
            models.CheckConstraint(
                condition=Q(isbn__isnull=True) | Q(isbn__regex=r"^97[89][0-9]{10}$"),
                name="library_book_isbn_has_13_digits",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        super().clean()
        if self.isbn:
            # What is no ISBN the field's own validator has refused.
            with contextlib.suppress(isbns.InvalidIsbn):
                self.isbn = isbns.parse(self.isbn)
        else:
            self.isbn = None
        self.author = AUTHOR_SEPARATOR.join(f" {name}" for name in self.author_names).strip()
        if not self.author:
            raise ValidationError({"author": gettext("Name at least one author.")})
        if self.daily_fee is None or not self.currency:
            return
        try:
            fee = self.daily_fee_money
        except AmountNotPayable as error:
            message = gettext("%(currency)s has no such small change. Write a whole amount.")
            raise ValidationError({"daily_fee": message % {"currency": self.currency}}) from error
        if fee.minor % smallest_step(self.currency):
            step = Money.from_minor(smallest_step(self.currency), self.currency)
            message = gettext("%(currency)s is paid in steps of %(step)s.")
            raise ValidationError({"daily_fee": message % {"currency": self.currency, "step": step}})

    @property
    def author_names(self) -> list[str]:
        """The names in `author`, one by one, in its order, each once."""
        names = (" ".join(name.split()) for name in self.author.split(AUTHOR_SEPARATOR))
        return list(dict.fromkeys(name for name in names if name))

    @property
    def daily_fee_money(self) -> Money:
        return Money(Decimal(self.daily_fee), self.currency)

    @property
    def is_free(self) -> bool:
        return not self.daily_fee

    @property
    def isbn_10(self) -> str | None:
        """The ISBN in its older form; None where there is none."""
        return isbns.to_10(self.isbn) if self.isbn else None

    @property
    def slug(self) -> str:
        """What stands in the book's address behind its number, for people; nobody looks a book up by it."""
        return slugify(self.title)[:60].strip("-") or "book"
