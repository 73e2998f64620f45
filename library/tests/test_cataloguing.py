from datetime import date

import pytest
from django.core.exceptions import ValidationError

from accounts.tests.factories import UserFactory
from library.models import Author, Book, Closure, Copy, Hold, LendingRules
from library.services import cataloguing
from library.tests.factories import (
    NOW,
    TODAY,
    BookFactory,
    BorrowingFactory,
    CopyFactory,
    HoldFactory,
    SubjectFactory,
)

pytestmark = pytest.mark.django_db
Status = Copy.Status


def statuses(book):
    return sorted(Copy.objects.of(book).values_list("status", flat=True))


class TestSavingABook:
    def test_authors_follow_what_the_title_page_says(self):
        Author.objects.create(name="Terry Pratchett")
        subject = SubjectFactory()
        book = BookFactory.build(title="Good Omens", author="Terry Pratchett;  Neil   Gaiman ")

        cataloguing.save_book(book=book, subjects=[subject])

        assert book.author == "Terry Pratchett; Neil Gaiman"
        assert sorted(author.name for author in book.authors.all()) == ["Neil Gaiman", "Terry Pratchett"]
        assert list(book.subjects.all()) == [subject]

    def test_a_changed_author_takes_the_place_of_the_former_one(self):
        book = cataloguing.save_book(book=BookFactory.build(author="Terry Pratchet"))
        book.subjects.add(subject := SubjectFactory())
        book.author = "Terry Pratchett"

        cataloguing.save_book(book=book)

        assert [author.name for author in book.authors.all()] == ["Terry Pratchett"]
        assert list(book.subjects.all()) == [subject]

    def test_what_is_wrong_is_said_by_field_and_nothing_is_written(self):
        book = BookFactory.build(title="", isbn="9780441013590")

        with pytest.raises(ValidationError) as refusal:
            cataloguing.save_book(book=book)

        assert sorted(refusal.value.message_dict) == ["isbn", "title"]
        assert Book.objects.count() == 0

    def test_an_isbn_is_in_the_catalogue_once_however_it_is_written(self):
        cataloguing.save_book(book=BookFactory.build(isbn="0-441-01359-7"))

        with pytest.raises(ValidationError) as refusal:
            cataloguing.save_book(book=BookFactory.build(isbn="978-0-441-01359-3"))

        assert list(refusal.value.message_dict) == ["isbn"]

    def test_a_name_too_long_to_be_one_is_refused(self):
        book = BookFactory.build(author="A" * 201)

        with pytest.raises(ValidationError) as refusal:
            cataloguing.save_book(book=book)

        assert refusal.value.message_dict == {"author": ["The name of an author has 200 characters at most."]}
        assert Book.objects.count() == 0


class TestAddingCopies:
    def test_new_copies_have_the_barcodes_after_the_last_one(self):
        CopyFactory(barcode="C00000414")
        CopyFactory(barcode="Z-OWN-LABEL")
        book = BookFactory()

        copies = cataloguing.add_copies(book=book, count=2, on=TODAY, at=NOW, location="A 3")

        assert [copy.barcode for copy in copies] == ["C00000422", "C00000430"]
        assert [(copy.status, copy.location, copy.acquired_on) for copy in copies] == [
            (Status.AVAILABLE, "A 3", TODAY),
            (Status.AVAILABLE, "A 3", TODAY),
        ]

    def test_who_waits_gets_the_first_of_them(self):
        hold = HoldFactory()

        copies = cataloguing.add_copies(book=hold.book, count=2, on=TODAY, at=NOW)

        hold.refresh_from_db()
        assert (hold.status, hold.copy) == (Hold.Status.READY, copies[0])
        assert [copy.status for copy in copies] == [Status.ON_HOLD_SHELF, Status.AVAILABLE]

    @pytest.mark.parametrize("count", [0, -1, 1001])
    def test_no_more_are_added_than_anybody_means(self, count):
        book = BookFactory()

        with pytest.raises(cataloguing.TooManyCopies, match="between 1 and 1000"):
            cataloguing.add_copies(book=book, count=count, on=TODAY, at=NOW)

        assert Copy.objects.count() == 0


class TestSettingTheInventory:
    def set_to(self, book, available):
        cataloguing.set_inventory(book=book, available=available, on=TODAY, at=NOW, by=None)

    def test_missing_copies_are_added(self):
        book = BookFactory(copies=1)

        self.set_to(book, 3)

        assert statuses(book) == [Status.AVAILABLE] * 3

    def test_what_is_too_many_is_withdrawn_and_what_is_out_stays_out(self):
        book = BookFactory(copies=2)
        CopyFactory(book=book, status=Status.ON_LOAN)

        self.set_to(book, 0)

        assert statuses(book) == [Status.ON_LOAN, Status.WITHDRAWN, Status.WITHDRAWN]

    def test_there_are_never_fewer_than_none(self):
        book = BookFactory(copies=1)

        with pytest.raises(cataloguing.InventoryBelowOut, match="fewer than 0"):
            self.set_to(book, -1)

        assert statuses(book) == [Status.AVAILABLE]

    def test_none_becomes_available_while_somebody_waits(self):
        book = HoldFactory(book__title="Dune").book

        with pytest.raises(cataloguing.InventoryBelowOut, match="1 person waits for “Dune”"):
            self.set_to(book, 1)

        assert statuses(book) == []

    def test_setting_it_to_what_it_is_changes_nothing(self):
        book = BookFactory(copies=2)

        self.set_to(book, 2)

        assert statuses(book) == [Status.AVAILABLE, Status.AVAILABLE]


class TestChangingACopy:
    def change(self, copy, to):
        librarian = UserFactory()
        changed = cataloguing.change_copy(copy=copy, to=to, on=TODAY, at=NOW, by=librarian)
        copy.refresh_from_db()
        assert changed.status == copy.status
        return librarian

    def test_a_broken_copy_goes_to_repair_and_history_says_who_sent_it(self):
        copy = CopyFactory()

        librarian = self.change(copy, Status.REPAIR)

        assert copy.status == Status.REPAIR
        change = copy.status_changes.get()
        assert (change.from_status, change.to_status, change.actor) == ("AVAILABLE", "REPAIR", librarian)

    def test_back_from_repair_it_goes_to_who_waits(self):
        copy = CopyFactory(status=Status.REPAIR)
        hold = HoldFactory(book=copy.book)

        self.change(copy, Status.AVAILABLE)

        hold.refresh_from_db()
        assert (copy.status, hold.status, hold.copy) == (Status.ON_HOLD_SHELF, Hold.Status.READY, copy)

    def test_whose_copy_is_taken_from_the_hold_shelf_waits_again(self):
        copy = CopyFactory(status=Status.ON_HOLD_SHELF)
        hold = HoldFactory(book=copy.book, status="READY", copy=copy, shelf_until=date(2026, 6, 4))

        self.change(copy, Status.MISSING)

        hold.refresh_from_db()
        assert copy.status == Status.MISSING
        assert (hold.status, hold.copy, hold.shelf_until) == (Hold.Status.WAITING, None, None)

    def test_or_gets_another_copy_at_once(self):
        copy = CopyFactory(status=Status.ON_HOLD_SHELF)
        other = CopyFactory(book=copy.book)
        hold = HoldFactory(book=copy.book, status="READY", copy=copy, shelf_until=date(2026, 6, 4))

        self.change(copy, Status.REPAIR)

        hold.refresh_from_db()
        other.refresh_from_db()
        assert (hold.status, hold.copy, other.status) == (Hold.Status.READY, other, Status.ON_HOLD_SHELF)

    def test_a_copy_that_is_there_already_is_left_alone(self):
        copy = CopyFactory(status=Status.WITHDRAWN)

        self.change(copy, Status.WITHDRAWN)

        assert copy.status_changes.count() == 0

    @pytest.mark.parametrize(
        ("status", "to", "words"),
        [
            (Status.ON_LOAN, Status.MISSING, "is on loan. Take it back first"),
            (Status.ON_HOLD_SHELF, Status.AVAILABLE, "waits for somebody. Cancel the hold"),
            (Status.AVAILABLE, Status.ON_LOAN, "is “available” and cannot become “on loan” by hand"),
            (Status.WITHDRAWN, Status.REPAIR, "is “withdrawn” and cannot become “in repair” by hand"),
        ],
    )
    def test_loans_and_holds_are_not_ended_by_hand(self, status, to, words):
        copy = CopyFactory(status=status)

        with pytest.raises(cataloguing.CopyNotMovable, match=words):
            self.change(copy, to)

        copy.refresh_from_db()
        assert copy.status == status


class TestDeletingABook:
    def test_a_book_that_nobody_has_had_goes_with_its_copies(self):
        book = BookFactory(copies=2)
        HoldFactory(book=book, status="CANCELLED")

        cataloguing.delete_book(book=book)

        assert (Book.objects.count(), Copy.objects.count(), Hold.objects.count()) == (0, 0, 0)

    def test_a_book_that_was_lent_stays(self):
        book = BorrowingFactory(status="RETURNED", actual_return_date=TODAY).book

        with pytest.raises(cataloguing.BookInUse, match="has been lent"):
            cataloguing.delete_book(book=book)

        assert Book.objects.get() == book

    def test_a_book_for_which_somebody_waits_stays(self):
        book = HoldFactory().book

        with pytest.raises(cataloguing.BookInUse, match="Somebody waits"):
            cataloguing.delete_book(book=book)

        assert Book.objects.get() == book


class TestMovingDueDates:
    def close(self, since, until):
        return Closure.objects.create(since=since, until=until, reason="Summer")

    def test_what_falls_due_in_a_closure_falls_due_on_the_next_opening_day(self):
        LendingRules.objects.create(opens_sunday=False)
        inside = BorrowingFactory(expected_return_date=date(2026, 6, 15))
        outside = BorrowingFactory(expected_return_date=date(2026, 6, 14))
        # Until a Saturday; on Sundays it is closed anyway.
        closure = self.close(date(2026, 6, 15), date(2026, 6, 20))

        moved = cataloguing.move_due_dates(since=closure.since)

        inside.refresh_from_db()
        outside.refresh_from_db()
        assert moved == 1
        assert inside.expected_return_date == date(2026, 6, 22)
        assert outside.expected_return_date == date(2026, 6, 14)

    def test_what_is_back_keeps_its_day(self):
        loan = BorrowingFactory(status="RETURNED", actual_return_date=date(2026, 6, 15))

        moved = cataloguing.move_due_dates(since=self.close(date(2026, 6, 14), date(2026, 6, 20)).since)

        loan.refresh_from_db()
        assert (moved, loan.expected_return_date) == (0, date(2026, 6, 15))

    def test_books_set_aside_wait_until_the_library_opens(self):
        copy = CopyFactory(status=Status.ON_HOLD_SHELF)
        hold = HoldFactory(book=copy.book, status="READY", copy=copy, shelf_until=date(2026, 6, 4))

        moved = cataloguing.move_due_dates(since=self.close(date(2026, 6, 3), date(2026, 6, 9)).since)

        hold.refresh_from_db()
        assert (moved, hold.shelf_until) == (0, date(2026, 6, 10))

    def test_what_moves_on_to_a_day_moves_once(self):
        LendingRules.objects.create(opens_monday=False, opens_tuesday=False)
        monday = BorrowingFactory(expected_return_date=date(2026, 6, 15))
        wednesday = BorrowingFactory(expected_return_date=date(2026, 6, 17))

        moved = cataloguing.move_due_dates(since=date(2026, 6, 2))

        monday.refresh_from_db()
        wednesday.refresh_from_db()
        assert moved == 1
        assert monday.expected_return_date == wednesday.expected_return_date == date(2026, 6, 17)
