"""The library's catalogue: which books there are, how many of what kind, and what a card says of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Page
from django.db import connection
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Value,
    When,
    Window,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import RowNumber
from django.urls import reverse
from django.utils.translation import get_language_info, gettext_lazy, pgettext_lazy
from wagtail.images import get_image_model

from commerce.money import Money
from library import isbn as isbns
from library.models import Book, Copy
from library.models.catalogue import BookQuerySet
from portal.content.catalogues import LONGEST_SEARCH, CountedPaginator, Facet, Option, words_of

#: So many authors stand in their facet; who looks for another one types a part of the name.
AUTHORS_SHOWN = 10
SUBJECTS_SHOWN = 20

# The catalogue's orders, as addresses name them, and what they are in the database.
ORDERINGS: Mapping[str, Sequence[Any]] = {
    "-created_at": ("-created_at", "-pk"),
    "title": ("title", "pk"),
    "author": ("author", "title", "pk"),
    "-year": (F("year").desc(nulls_last=True), "title", "pk"),
}
DEFAULT_ORDERING = "-created_at"

FACETS = {
    "available": gettext_lazy("Availability"),
    "subject": gettext_lazy("Subject"),
    "author": gettext_lazy("Author"),
    "cover": pgettext_lazy("of a book", "Cover"),
    "language": gettext_lazy("Language"),
}
#: What a book has one of.
OF_KIND = frozenset({"available", "cover", "language"})
#: Of the rows that `survey` reads.
COLUMNS = ("facet", "value", "label", "mark", "total")
AVAILABLE = {"now": gettext_lazy("Available now")}

#: ISO 639-2, both kinds of codes, as far as Django knows the names of languages.
LANGUAGES = {
    "ara": "ar", "bul": "bg", "cat": "ca", "ces": "cs", "cze": "cs", "dan": "da", "deu": "de", "ger": "de",
    "ell": "el", "gre": "el", "eng": "en", "spa": "es", "est": "et", "fin": "fi", "fra": "fr", "fre": "fr",
    "heb": "he", "hin": "hi", "hun": "hu", "hye": "hy", "arm": "hy", "ita": "it", "jpn": "ja", "kat": "ka",
    "geo": "ka", "kaz": "kk", "kor": "ko", "lit": "lt", "lav": "lv", "nld": "nl", "dut": "nl", "nor": "nb",
    "pol": "pl", "por": "pt", "ron": "ro", "rum": "ro", "rus": "ru", "slk": "sk", "slo": "sk", "slv": "sl",
    "srp": "sr", "swe": "sv", "tur": "tr", "ukr": "uk", "vie": "vi", "zho": "zh-hans", "chi": "zh-hans",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class BookCard:
    """What a card shows. fee is falsy when the book is lent free; holdings are all copies there are."""

    pk: int
    title: str
    author: str
    url: str
    picture: Any
    year: int | None
    fee: Money
    available: int
    holdings: int


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How many books there are of one cover, in one language, that are to be had now or not."""

    cover: str
    language: str
    available: str
    total: int


@dataclass(frozen=True)
class Survey:
    """How many books there are of each kind, among those with the words looked for. Made by `survey`.

    counted holds (value, label, number of books) of the facets of which a book may have several values.
    """

    search: str
    chosen: Mapping[str, str]
    author_like: str
    kinds: list[Kind] = field(repr=False)
    counted: Mapping[str, list[tuple[str, str, int]]] = field(repr=False)

    @property
    def is_search(self) -> bool:
        return bool(self.search.strip())

    @property
    def total(self) -> int:
        """How many books fit all that is chosen."""
        return self._count(self.chosen)

    @property
    def facets(self) -> list[Facet]:
        """Every facet, its options counted among the books that what is chosen in the others leaves."""
        return [self._facet(name) for name in FACETS]

    def page(self, number: Any, *, ordering: str = "", per_page: int) -> Page[Book]:
        """One page of the books that fit, fetched with what their cards show: two queries.

        ordering is one of ORDERINGS, or "": the best match first when searching, else DEFAULT_ORDERING.
        A number that is none, or too great, is the first or the last page.
        """
        paginator = CountedPaginator(range(self.total), per_page, count=self.total)
        page = paginator.get_page(number)
        order = self._order(ordering)
        books = catalogue(search=self.search, **self.chosen).order_by(*order)
        shown = books.values("pk")[max(page.start_index() - 1, 0) : page.end_index()]
        # Their copies are counted only for those that are shown.
        page.object_list = for_cards(Book.objects.filter(pk__in=shown)).order_by(*order)
        return page

    def _order(self, ordering: str) -> Sequence[Any]:
        if ordering in ORDERINGS:
            return ORDERINGS[ordering]
        words = words_of(self.search)
        if not words:
            return ORDERINGS[DEFAULT_ORDERING]
        titled = Q(pk__in=_found(words, in_titles=True))
        best = Case(When(titled, then=Value(0)), default=Value(1), output_field=IntegerField())
        return (best, *ORDERINGS["title"])

    def _count(self, chosen: Mapping[str, str]) -> int:
        wanted = {name: value for name, value in chosen.items() if name in OF_KIND}
        return sum(
            kind.total
            for kind in self.kinds
            if all(getattr(kind, name) == value for name, value in wanted.items())
        )

    def _options(self, name: str) -> Iterable[tuple[str, str, int]]:
        if name not in OF_KIND:
            return self.counted.get(name, [])
        values = {getattr(kind, name) for kind in self.kinds} - {""}
        return [(value, "", self._count({**self.chosen, name: value})) for value in values]

    def _facet(self, name: str) -> Facet:
        chosen = self.chosen.get(name, "")
        counted = {value: (label, count) for value, label, count in self._options(name)}
        if chosen and chosen not in counted:
            counted[chosen] = (chosen, 0)
        options = [
            Option(
                value=value, label=label_of(name, value, label=label), count=count, is_chosen=value == chosen
            )
            for value, (label, count) in counted.items()
            if count or value == chosen
        ]
        by_count = name == "author"
        options.sort(key=lambda option: (-option.count if by_count else 0, option.label.casefold()))
        # Who can see all authors need not look for one.
        has_more = len(options) >= AUTHORS_SHOWN or bool(self.author_like)
        return Facet(
            name=name,
            label=str(FACETS[name]),
            options=options,
            is_yes_or_no=name == "available",
            words=self.author_like if name == "author" and has_more else None,
        )


def survey(*, search: str = "", author_like: str = "", **chosen: str) -> Survey:
    """Count the books with the words of search by what they are: one query, for any number of them.

    chosen are values of FACETS. author_like narrows the authors that are offered, and nothing else.
    """
    chosen = {name: value for name, value in chosen.items() if value}
    rows = _kinds(search=search, chosen=chosen).union(
        _subjects(search=search, chosen=chosen),
        _authors(search=search, chosen=chosen, like=author_like),
        all=True,
    )
    kinds: list[Kind] = []
    counted: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for facet, value, label, is_available, total in rows:
        if facet == "kind":
            available = "now" if is_available else ""
            kinds.append(Kind(cover=value, language=label, available=available, total=total))
        else:
            counted[facet].append((value, label, total))
    return Survey(search=search, chosen=chosen, author_like=author_like, kinds=kinds, counted=dict(counted))


def catalogue(*, search: str = "", **chosen: str) -> BookQuerySet:
    """Books that fit. chosen are values of FACETS; empty ones choose nothing.

    search asks for all words in one place, the last one perhaps only begun; or for an ISBN, however written.
    """
    books = Book.objects.filter(_having(chosen))
    if not search.strip():
        return books
    try:
        return books.filter(isbn=isbns.parse(search))
    except isbns.InvalidIsbn:
        words = words_of(search)
    if not words:  # signs only: the indexes hold none
        return books.filter(title__icontains=search.strip()[:LONGEST_SEARCH].replace("\x00", ""))
    return books.filter(pk__in=_found(words))


def for_cards(books: BookQuerySet) -> BookQuerySet:
    """Fetch with books all that their cards show: two queries for any number of books."""
    renditions = get_image_model().get_rendition_model().objects.all()
    return (
        books.with_inventory()
        .select_related("picture")
        .prefetch_related(Prefetch("picture__renditions", queryset=renditions))
        .defer("description")
    )


def cards(books: Iterable[Book]) -> list[BookCard]:
    """Make a card of every book that came through `for_cards`."""
    return [
        BookCard(
            pk=book.pk,
            title=book.title,
            author=book.author,
            url=address_of(book),
            picture=book.picture,
            year=book.year,
            fee=book.daily_fee_money,
            available=book.available,
            holdings=book.holdings,
        )
        for book in books
    ]


def newest(count: int) -> list[BookCard]:
    """Cards of the books taken into the catalogue last: two queries."""
    shown = Book.objects.order_by(*ORDERINGS[DEFAULT_ORDERING]).values("pk")[:count]
    return cards(for_cards(Book.objects.filter(pk__in=shown)).order_by(*ORDERINGS[DEFAULT_ORDERING]))


def related(book: Book, *, count: int) -> list[BookCard]:
    """Cards of a few other books of the same subjects, those that share most of them first: two queries."""
    others = Book.objects.filter(subjects__in=book.subjects.all()).exclude(pk=book.pk)
    nearest = others.annotate(shared=Count("pk")).order_by("-shared", "-created_at", "-pk")
    shown = nearest.values("pk")[:count]
    return cards(for_cards(Book.objects.filter(pk__in=shown)).order_by(*ORDERINGS[DEFAULT_ORDERING]))


def address_of(book: Book) -> str:
    """Where a book's page is: a path on this site."""
    return reverse("library:book", args=[book.pk, book.slug])


def language_name(code: str) -> str:
    """The name of a language in the reader's, by its code of ISO 639-2; the code when there is no name."""
    known = LANGUAGES.get(code)
    return get_language_info(known)["name_translated"].capitalize() if known else code


def label_of(name: str, value: str, *, label: str = "") -> str:
    """A facet's value in words."""
    match name:
        case "cover" if value in Book.Cover.values:
            return str(Book.Cover(value).label).capitalize()
        case "language":
            return language_name(value)
        case "available":
            return str(AVAILABLE.get(value, value))
        case _:
            return label or value


def _having(chosen: Mapping[str, str]) -> Q:
    """What is chosen, as a condition on books."""
    condition = Q()
    for name, value in chosen.items():
        match name:
            case _ if not value:
                continue
            case "subject":
                condition &= Q(
                    pk__in=Book.subjects.through.objects.filter(subject__slug=value).values("book")
                )
            case "author":
                condition &= Q(pk__in=Book.authors.through.objects.filter(author__name=value).values("book"))
            case "available":
                condition &= Q(pk__in=Copy.objects.available().values("book"))
            case _:
                condition &= Q(**{name: value})
    return condition


def _kinds(*, search: str, chosen: Mapping[str, str]) -> QuerySet:
    """Books counted by what each has one of; what is chosen of that is left to `Survey`."""
    books = catalogue(search=search, **{name: value for name, value in chosen.items() if name not in OF_KIND})
    is_available = Exists(Copy.objects.available().filter(book=OuterRef("pk")).order_by())
    return _counted(
        "kind",
        books,
        value=F("cover"),
        label=F("language"),
        mark=Case(When(is_available, then=Value(1)), default=Value(0)),
    )


def _subjects(*, search: str, chosen: Mapping[str, str]) -> QuerySet:
    pairs = _pairs(Book.subjects.through, "subject", search=search, chosen=chosen)
    rows = _counted("subject", pairs, value=F("subject__slug"), label=F("subject__name"), mark=Value(0))
    return _most_frequent(rows, SUBJECTS_SHOWN, chosen=chosen.get("subject", ""))


def _authors(*, search: str, chosen: Mapping[str, str], like: str) -> QuerySet:
    pairs = _pairs(Book.authors.through, "author", search=search, chosen=chosen)
    if like:
        pairs = pairs.filter(author__name__icontains=like)
    # An author is called by their name; the same column twice Django would give once only.
    rows = _counted("author", pairs, value=F("author__name"), label=Value("", CharField()), mark=Value(0))
    return _most_frequent(rows, AUTHORS_SHOWN, chosen=chosen.get("author", ""))


def _pairs(through: Any, name: str, *, search: str, chosen: Mapping[str, str]) -> QuerySet:
    """What books have of a facet, one by one: of all books, or of those that the other facets leave."""
    others = {other: value for other, value in chosen.items() if other != name}
    pairs = through.objects.all()
    if not others and not search.strip():
        return pairs
    return pairs.filter(book__in=catalogue(search=search, **others).values("pk"))


def _most_frequent(rows: QuerySet, count: int, *, chosen: str) -> QuerySet:
    """So many of the rows, those that count most; what is chosen is always among them."""
    is_chosen = Case(When(value=Value(chosen), then=Value(0)), default=Value(1))
    place = Window(RowNumber(), order_by=[is_chosen, F("total").desc(), F("value")])
    return rows.annotate(place=place).filter(place__lte=count).values_list(*COLUMNS)


def _counted(facet: str, rows: QuerySet, **columns: Any) -> QuerySet:
    """Rows counted by columns, as COLUMNS, to be joined with others."""
    return (
        rows.order_by()
        .annotate(facet=Value(facet, CharField()), **columns)
        .values("facet", *columns)
        .annotate(total=Count("pk"))
        .values_list(*COLUMNS)
    )


def _found(words: Sequence[str], *, in_titles: bool = False) -> RawSQL:
    """The numbers of the books with all words, as a subquery: anywhere, or in their titles.

    The last word may be the beginning of one, for who is still typing. Asked of Wagtail's index, but not in
    its words: it joins numbers with words and asks twice, and SQLite even once for every book.
    """
    kind = ContentType.objects.get_for_model(Book).pk
    if connection.vendor == "sqlite":
        whole = " AND ".join(f'"{word}"' for word in words)
        anywhere = f"({{title body}} : ({whole})) OR ({{autocomplete}} : ({whole}*))"
        sought = f"{{title}} : ({whole}*)" if in_titles else anywhere
        return RawSQL(
            # CROSS JOIN is SQLite's word for: in this order.
            "SELECT CAST(entry.object_id AS integer) FROM wagtailsearch_indexentry_fts AS words "
            "CROSS JOIN wagtailsearch_indexentry AS entry ON entry.id = words.rowid "
            "WHERE words.wagtailsearch_indexentry_fts MATCH %s AND entry.content_type_id = %s",
            [sought, kind],
        )
    whole = " & ".join(f"'{word}'" for word in words)
    if in_titles:
        return RawSQL(
            "SELECT CAST(entry.object_id AS bigint) FROM wagtailsearch_indexentry AS entry "
            "WHERE entry.content_type_id = %s AND entry.title @@ to_tsquery(%s)",
            [kind, whole],
        )
    return RawSQL(
        "SELECT CAST(entry.object_id AS bigint) FROM wagtailsearch_indexentry AS entry "
        "WHERE entry.content_type_id = %s AND ((entry.title || entry.body) @@ to_tsquery(%s)"
        " OR entry.autocomplete @@ to_tsquery('simple', %s))",
        [kind, whole, f"{whole}:*"],
    )
