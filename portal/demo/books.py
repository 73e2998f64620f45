"""The demo's library: books that there are, copies of them, and people who have borrowed some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO

from django.core.files.images import ImageFile
from django.utils.text import slugify

from accounts.models import User
from library.models import Book, Borrowing, Charge, Subject
from library.services import cataloguing, charging, holding, lending
from library.services.days import day_of
from portal.content.models import PortalImage
from portal.demo import covers, people

HARD, SOFT = Book.Cover.HARD, Book.Cover.SOFT
PROGRAMMING, COMPUTERS, CRYPTOGRAPHY, STATISTICS = "Programming", "Computers", "Cryptography", "Statistics"
NOVELS, SCIENCE, THINKING = "Novels", "Science", "Thinking"
BRAID = "Gödel, Escher, Bach: An Eternal Golden Braid"


@dataclass(frozen=True)
class Volume:
    """A book as its title page has it.

    cover_of: motif and palette of its picture; None leaves it to the site.
    """

    title: str
    author: str
    isbn: str
    publisher: str
    year: int
    subjects: tuple[str, ...]
    copies: int
    fee: str
    description: str
    cover: str = SOFT
    language: str = "eng"
    cover_of: tuple[str, str] | None = None


VOLUMES = [
    Volume(
        "Pride and Prejudice", "Jane Austen", "9780141439518", "Penguin Classics", 2002, (NOVELS,), 2, "0",
        "Elizabeth Bennet makes up her mind about Mr Darcy at a ball, and has to make it up again.",
    ),
    Volume(
        "Nineteen Eighty-Four", "George Orwell", "9780141036144", "Penguin", 2008, (NOVELS,), 2, "0.50",
        "Winston Smith keeps a diary in a country that keeps everything else.",
        cover_of=("tiles", "dusk"),
    ),
    Volume(
        "The Hobbit", "J. R. R. Tolkien", "9780547928227", "Mariner Books", 2012, (NOVELS,), 3, "0.50",
        "There and back again, with thirteen dwarves, one wizard and no pocket handkerchief.",
        cover_of=("hills", "clay"),
    ),
    Volume(
        "The Master and Margarita", "Mikhail Bulgakov", "9780141180144", "Penguin Classics", 1997,
        (NOVELS,), 1, "0.50", "The devil comes to Moscow, with a cat.",
    ),
    Volume(
        "Cien años de soledad", "Gabriel García Márquez", "9780307474728", "Vintage Español", 2009,
        (NOVELS,), 1, "0.50", "Siete generaciones de los Buendía en Macondo.", language="spa",
    ),
    Volume(
        "Le Petit Prince", "Antoine de Saint-Exupéry", "9780156013987", "Harcourt", 2001, (NOVELS,), 2, "0",
        "S'il vous plaît… dessine-moi un mouton !", language="fra",
    ),
    Volume(
        "Dune", "Frank Herbert", "9780441013593", "Ace Books", 2005, (NOVELS,), 2, "0.75",
        "On a planet without water somebody is expected.", cover_of=("hills", "sand"),
    ),
    Volume(
        "How to Lie with Statistics", "Darrell Huff; Irving Geis", "9780393310726", "W. W. Norton", 1993,
        (STATISTICS, THINKING), 3, "0.50",
        "What averages hide, what charts exaggerate, and how to talk back to a statistic.",
        cover_of=("tiles", "clay"),
    ),
    Volume(
        "Naked Statistics", "Charles Wheelan", "9780393347777", "W. W. Norton", 2014, (STATISTICS,), 2,
        "0.75",
        "The intuition behind the formulas: what polls, tests and regressions can say.",
    ),
    Volume(
        "The Visual Display of Quantitative Information", "Edward R. Tufte", "9780961392147",
        "Graphics Press", 2001, (STATISTICS,), 1, "1.50",
        "How charts show the truth, with the best and the worst of two centuries.", cover=HARD,
    ),
    Volume(
        "Thinking, Fast and Slow", "Daniel Kahneman", "9780374275631", "Farrar, Straus and Giroux", 2011,
        (THINKING,), 2, "0.75", "Two ways in which we come to conclusions, and where each goes wrong.",
        cover=HARD, cover_of=("rings", "clay"),
    ),
    Volume(
        BRAID, "Douglas R. Hofstadter", "9780465026562",
        "Basic Books", 1999, (THINKING, SCIENCE, COMPUTERS), 1, "1.00",
        "Fugues, staircases and theorems that talk about themselves.",
    ),
    Volume(
        "A Brief History of Time", "Stephen Hawking", "9780553380163", "Bantam", 1998, (SCIENCE,), 2, "0.50",
        "From the big bang to black holes with one equation.", cover_of=("rings", "dusk"),
    ),
    Volume(
        "The Code Book", "Simon Singh", "9780385495325", "Anchor Books", 2000, (CRYPTOGRAPHY, SCIENCE), 2,
        "0.50", "Two thousand years of secrets, and of people who read them.", cover_of=("rings", "sand"),
    ),
    Volume(
        "Applied Cryptography", "Bruce Schneier", "9780471117094", "Wiley", 1996,
        (CRYPTOGRAPHY, PROGRAMMING), 1, "1.50", "Protocols, algorithms and source code in C.",
    ),
    Volume(
        "Cryptography Engineering", "Niels Ferguson; Bruce Schneier; Tadayoshi Kohno", "9780470474242",
        "Wiley", 2010, (CRYPTOGRAPHY, PROGRAMMING), 2, "1.50",
        "What goes wrong between a good cipher and a safe system.",
    ),
    Volume(
        "Code: The Hidden Language of Computer Hardware and Software", "Charles Petzold", "9780735611313",
        "Microsoft Press", 2000, (COMPUTERS,), 4, "0.75",
        "From flashlights and Morse to a computer that one could build.",
    ),
    Volume(
        "Structure and Interpretation of Computer Programs", "Harold Abelson; Gerald Jay Sussman",
        "9780262510875", "MIT Press", 1996, (PROGRAMMING, COMPUTERS), 2, "1.00",
        "Programs are written for people to read, and only incidentally for machines to execute.",
    ),
    Volume(
        "Introduction to Algorithms",
        "Thomas H. Cormen; Charles E. Leiserson; Ronald L. Rivest; Clifford Stein", "9780262033848",
        "MIT Press", 2009, (PROGRAMMING, COMPUTERS), 2, "1.50",
        "The reference: every algorithm with its proof and its cost.", cover=HARD,
    ),
    Volume(
        "The C Programming Language", "Brian W. Kernighan; Dennis M. Ritchie", "9780131103627",
        "Prentice Hall", 1988, (PROGRAMMING,), 2, "0.75", "The language by those who made it, in 272 pages.",
        cover_of=("tiles", "sand"),
    ),
    Volume(
        "Fluent Python", "Luciano Ramalho", "9781491946008", "O'Reilly", 2015, (PROGRAMMING,), 3, "1.00",
        "What makes Python Python, for those who write it already.", cover_of=("hills", "dusk"),
    ),
    Volume(
        "The Pragmatic Programmer", "David Thomas; Andrew Hunt", "9780135957059", "Addison-Wesley", 2019,
        (PROGRAMMING,), 2, "1.00", "Your journey to mastery, in a hundred tips.",
        cover=HARD, cover_of=("tiles", "dusk"),
    ),
    Volume(
        "Design Patterns", "Erich Gamma; Richard Helm; Ralph Johnson; John Vlissides", "9780201633610",
        "Addison-Wesley", 1994, (PROGRAMMING,), 1, "1.50",
        "Twenty-three names for what good programs do anyway.", cover=HARD, cover_of=("rings", "dusk"),
    ),
    Volume(
        "The Mythical Man-Month", "Frederick P. Brooks", "9780201835953", "Addison-Wesley", 1995,
        (PROGRAMMING, THINKING), 2, "0.75",
        "Why adding people to a late project makes it later.", cover_of=("hills", "clay"),
    ),
]  # fmt: skip


def fill_the_shelves(*, at: datetime) -> list[Book]:
    """Take the volumes into the catalogue, each a minute after the one before, with their copies."""
    subjects = {
        name: Subject.objects.get_or_create(slug=slugify(name), defaults={"name": name})[0]
        for name in sorted({name for volume in VOLUMES for name in volume.subjects})
    }
    first = at - timedelta(days=60)
    books = []
    for number, volume in enumerate(VOLUMES):
        taken_in_at = first + timedelta(minutes=number)
        book = cataloguing.save_book(
            book=Book(
                title=volume.title,
                author=volume.author,
                isbn=volume.isbn,
                publisher=volume.publisher,
                year=volume.year,
                cover=volume.cover,
                language=volume.language,
                description=volume.description,
                daily_fee=Decimal(volume.fee),
                currency="USD",
                picture=draw(volume),
                created_at=taken_in_at,
            ),
            subjects=[subjects[name] for name in volume.subjects],
        )
        shelf = f"{volume.subjects[0][:3].upper()} {number + 1}"
        cataloguing.add_copies(
            book=book, count=volume.copies, on=day_of(taken_in_at), at=taken_in_at, location=shelf
        )
        books.append(book)
    return books


def draw(volume: Volume) -> PortalImage | None:
    if volume.cover_of is None:
        return None
    motif, palette = volume.cover_of
    drawn = covers.draw_book_cover(
        title=volume.title, author=volume.author.split(";")[0], motif=motif, palette=palette
    )
    picture = PortalImage(
        title=volume.title,
        description=covers.DESCRIPTIONS[motif],
        file=ImageFile(BytesIO(drawn), name=f"{slugify(volume.title)}.png"),
    )
    picture.save()
    return picture


def lend_some(*, at: datetime) -> None:
    """Let the demo's people borrow, be late, renew, bring back and wait, over the last weeks.

    Unless somebody has ever borrowed something: then the library is in use, and left alone.
    """
    readers = {user.email: user for user in User.objects.filter(email__in=READERS)}
    books = {book.isbn: book for book in Book.objects.filter(isbn__in=[volume.isbn for volume in VOLUMES])}
    if len(readers) < len(READERS) or len(books) < len(VOLUMES) or Borrowing.objects.exists():
        return
    Weeks(readers, {book.title: book for book in books.values()}, at).go_by()


READERS = (people.LEARNER, people.AUTHOR, people.MODERATOR)


class Weeks:
    """The last weeks in the library, day by day."""

    def __init__(self, readers: Mapping[str, User], books: Mapping[str, Book], at: datetime) -> None:
        self.learner, self.author, self.moderator = (readers[email] for email in READERS)
        self.books = books
        self.at = at

    def go_by(self) -> None:
        hawking = self.lend("A Brief History of Time", self.learner, ago=40, days=14, pays=True)
        self.give_back(hawking, ago=23)
        self.lend("Thinking, Fast and Slow", self.author, ago=30, days=21)
        dune = self.lend("Dune", self.moderator, ago=12, days=7, pays=True)
        braid = self.lend(BRAID, self.moderator, ago=11, days=14, pays=True)
        self.lend("How to Lie with Statistics", self.learner, ago=10, days=14, pays=True)
        lending.renew(borrowing=dune, on=self.day(6), at=self.moment(6), by=self.moderator)
        self.settle(dune, ago=6)
        self.hold(BRAID, self.learner, ago=5)
        learner_dune = self.lend("Dune", self.learner, ago=4, days=3, pays=True)
        self.give_back(learner_dune, ago=2)
        self.give_back(braid, ago=0)
        self.lend("Pride and Prejudice", self.learner, ago=0, days=14, is_fetched=False)
        self.lend("The Hobbit", self.learner, ago=0, days=10, is_fetched=False)
        self.lend("The Master and Margarita", self.moderator, ago=1, days=20, pays=True)
        self.hold("The Master and Margarita", self.learner, ago=0)

    def day(self, ago: int) -> date:
        return day_of(self.moment(ago))

    def moment(self, ago: int) -> datetime:
        return self.at - timedelta(days=ago)

    def lend(
        self, title: str, reader: User, *, ago: int, days: int, pays: bool = False, is_fetched: bool = True
    ) -> Borrowing:
        loan = lending.lend(
            book=self.books[title],
            to=reader,
            until=self.day(ago) + timedelta(days=days),
            on=self.day(ago),
            at=self.moment(ago),
            at_desk=is_fetched,
        )
        if pays:
            self.settle(loan, ago=ago)
        return loan

    def give_back(self, loan: Borrowing, *, ago: int) -> None:
        lending.give_back(borrowing=loan, on=self.day(ago), at=self.moment(ago), by=None)
        self.settle(loan, ago=ago)

    def hold(self, title: str, reader: User, *, ago: int) -> None:
        holding.place(book=self.books[title], member=reader, on=self.day(ago), at=self.moment(ago))

    def settle(self, loan: Borrowing, *, ago: int) -> None:
        """Pay at the desk what the loan costs so far."""
        for charge in Charge.objects.filter(borrowing=loan).unpaid():
            charging.take_cash(charge=charge, by=None, at=self.moment(ago))
