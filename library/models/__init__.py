from library.models.catalogue import Author, Book, Subject
from library.models.charges import Charge
from library.models.copies import Copy, CopyStatusChange
from library.models.holds import Hold, HoldStatusChange
from library.models.loans import Borrowing, BorrowingStatusChange, LibraryCard, Renewal
from library.models.pages import LibraryPage
from library.models.rules import Closure, LendingRules

__all__ = [
    "Author",
    "Book",
    "Borrowing",
    "BorrowingStatusChange",
    "Charge",
    "Closure",
    "Copy",
    "CopyStatusChange",
    "Hold",
    "HoldStatusChange",
    "LendingRules",
    "LibraryCard",
    "LibraryPage",
    "Renewal",
    "Subject",
]
