"""A library of any size in seconds: rows written in bulk."""

from datetime import timedelta
from decimal import Decimal

from wagtail.search.backends import get_search_backend

from library.models import Author, Book, Copy, Subject
from library.tests.factories import NOW

WORDS = ("Garden", "Python", "Sourdough", "Astronomy", "Chess", "Guitar", "Watercolour", "History")
LANGUAGES = ("eng", "rus", "deu")
BATCH = 500


def grow_library(*, books: int, is_indexed: bool = True) -> list[Book]:
    """Add so many books of eight subjects, a tenth as many authors, and two copies each, one of them out.

    Every fourth book has no copy to be had. is_indexed: whether they are found by their words; writing that
    takes longer than the rows.
    """
    Subject.objects.bulk_create(
        [Subject(name=word, slug=word.lower()) for word in WORDS], ignore_conflicts=True
    )
    subjects = list(Subject.objects.filter(name__in=WORDS).order_by("pk"))
    authors = Author.objects.bulk_create(
        [Author(name=f"Author {number} of {WORDS[number % 8]}") for number in range(books // 10 + 1)],
        batch_size=BATCH,
    )
    grown = Book.objects.bulk_create(
        [
            Book(
                title=f"Book {number} on {WORDS[number % 8]} and {WORDS[number // 8 % 8]}",
                author=authors[number % len(authors)].name,
                cover=Book.Cover.values[number % 2],
                publisher=f"Press {number % 50}",
                language=LANGUAGES[number % 3],
                daily_fee=Decimal(number % 3),
                currency="USD",
                created_at=NOW + timedelta(minutes=number),
            )
            for number in range(books)
        ],
        batch_size=BATCH,
    )
    Book.authors.through.objects.bulk_create(
        [
            Book.authors.through(book_id=book.pk, author_id=authors[number % len(authors)].pk)
            for number, book in enumerate(grown)
        ],
        batch_size=BATCH,
    )
    Book.subjects.through.objects.bulk_create(
        [
            Book.subjects.through(book_id=book.pk, subject_id=subjects[number % 8].pk)
            for number, book in enumerate(grown)
        ],
        batch_size=BATCH,
    )
    Copy.objects.bulk_create(
        [
            Copy(
                book=book,
                barcode=f"S{number:07d}-{place}",
                status=Copy.Status.REPAIR if place or number % 4 == 3 else Copy.Status.AVAILABLE,
            )
            for number, book in enumerate(grown)
            for place in range(2)
        ],
        batch_size=BATCH,
    )
    if is_indexed:
        index = get_search_backend().get_index_for_model(Book)
        for start in range(0, len(grown), BATCH):
            index.add_items(Book, grown[start : start + BATCH])
    return grown
