"""Rows for tests of the library."""

from datetime import UTC, date, datetime
from decimal import Decimal

import factory

from accounts.tests.factories import UserFactory
from library.models import Book, Borrowing, Copy, Hold, LibraryCard, Subject

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)  # a Monday
TODAY = date(2026, 6, 1)


class SubjectFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Subject

    name = factory.Sequence(lambda n: f"Subject {n}")
    slug = factory.Sequence(lambda n: f"subject-{n}")


class BookFactory(factory.django.DjangoModelFactory):
    """A book of 1.00 USD a day, with so many available copies as `copies` says: none by default."""

    class Meta:
        model = Book
        skip_postgeneration_save = True

    title = factory.Sequence(lambda n: f"Book {n}")
    author = "Frank Herbert"
    daily_fee = Decimal("1.00")
    currency = "USD"
    created_at = NOW

    @factory.post_generation
    def copies(self, create, extracted, **kwargs):
        for _n in range(extracted or 0):
            CopyFactory(book=self)


class CopyFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Copy

    book = factory.SubFactory(BookFactory)
    barcode = factory.Sequence(lambda n: f"C{n:07d}")


class LibraryCardFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = LibraryCard

    member = factory.SubFactory(UserFactory)
    number = factory.Sequence(lambda n: f"M{n:07d}")
    created_at = NOW


class BorrowingFactory(factory.django.DjangoModelFactory):
    """An open loan from TODAY for two weeks, with a copy that is on loan, and no charge."""

    class Meta:
        model = Borrowing

    member = factory.SubFactory(UserFactory)
    copy = factory.SubFactory(CopyFactory, status=Copy.Status.ON_LOAN)
    book = factory.SelfAttribute("copy.book")
    borrow_date = TODAY
    expected_return_date = date(2026, 6, 15)
    handed_out_at = NOW
    daily_fee = factory.SelfAttribute("book.daily_fee")
    currency = factory.SelfAttribute("book.currency")
    fine_multiplier = Decimal(2)
    fine_max_days = 60
    created_at = NOW


class HoldFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Hold

    book = factory.SubFactory(BookFactory)
    member = factory.SubFactory(UserFactory)
    placed_at = NOW
