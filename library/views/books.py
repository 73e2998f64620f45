"""The page of a book, and what members do there: borrow it, or wait for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from commerce.views import SeeOther, for_one_reader, refuse_get_and_visitors
from library.forms import DayForm
from library.models import Book, Borrowing, Hold, LendingRules, LibraryPage
from library.services import browsing, holding, lending, overviews
from library.services.days import day_of
from library.services.overviews import Availability
from library.views.catalogue import library_page
from library.views.paying import LOANS, to_payment

RELATED_BOOKS = 4


@require_safe
def show(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    """The page of a book; HTMX, which asks about another day, gets what borrowing until then would mean."""
    page = library_page()
    books = browsing.for_cards(Book.objects.prefetch_related("subjects", "authors")).defer(None)
    # By `id`: Django knows how great it can be.
    book = get_object_or_404(books, id=pk)
    if slug != book.slug:
        return HttpResponsePermanentRedirect(browsing.address_of(book))
    if request.htmx:
        response = TemplateResponse(request, "library/components/offer.html", _offer(request, book))
        response["Cache-Control"] = "no-store"
    else:
        response = TemplateResponse(request, "library/book.html", _context(request, book, page))
    patch_vary_headers(response, ["HX-Request"])
    return for_one_reader(request, response)


def borrow(request: HttpRequest, pk: int) -> HttpResponse:
    """Lend the book until the day chosen, at the price that was shown, and go on to pay for it."""
    book = get_object_or_404(Book, id=pk)
    if refused := refuse_get_and_visitors(request, browsing.address_of(book)):
        return refused
    if (loan := _loan_of(request, book)) is not None:
        # Clicked twice: the second click leads where the first one did.
        return to_payment(request, loan)
    form = DayForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose the day on which you will bring the book back."))
        return SeeOther(browsing.address_of(book))
    until = form.cleaned_data["until"]
    offer_address = f"{browsing.address_of(book)}?until={until.isoformat()}#borrow"
    if "look" in request.POST:
        # Without scripts the price for another day takes a page of its own.
        return SeeOther(offer_address)
    at = timezone.now()
    on = day_of(at)
    offered = lending.offer(book=book, to=request.user, until=until, on=on, at=at)
    if offered.is_possible and request.POST.get("price") != _as_shown(offered):
        messages.info(request, _("Look at the price for the day you have chosen; then borrow the book."))
        return SeeOther(offer_address)
    try:
        loan = lending.lend(book=book, to=request.user, until=until, on=on, at=at)
    except lending.AlreadyBorrowed:
        # Both clicks at once: the other one has the loan.
        loan = _loan_of(request, book)
        return SeeOther(reverse(LOANS)) if loan is None else to_payment(request, loan)
    except lending.LendingRefused as refusal:
        messages.error(request, str(refusal))
        return SeeOther(offer_address)
    if loan.handed_out_at is None:
        messages.success(request, _("“%s” waits for you at the desk.") % book)
    return to_payment(request, loan)


def hold(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the member into the queue for the book."""
    book = get_object_or_404(Book, id=pk)
    address = browsing.address_of(book)
    if refused := refuse_get_and_visitors(request, address):
        return refused
    at = timezone.now()
    on = day_of(at)
    try:
        placed = holding.place(book=book, member=request.user, at=at, on=on)
        messages.success(
            request,
            _("You are number %(place)s in the queue for “%(book)s”.")
            % {"place": holding.position(placed), "book": book},
        )
    except holding.AlreadyHeld:
        pass  # Clicked twice: the page says how they stand.
    except lending.LendingRefused as refusal:
        messages.error(request, str(refusal))
    return SeeOther(f"{address}#borrow")


def cancel_hold(request: HttpRequest, pk: int) -> HttpResponse:
    """Wait no longer; another member's hold is not known."""
    if refused := refuse_get_and_visitors(request, reverse(LOANS)):
        return refused
    held = get_object_or_404(Hold.objects.by(request.user).select_related("book"), id=pk)
    at = timezone.now()
    if holding.cancel(hold=held, at=at, on=day_of(at), by=request.user):
        messages.success(request, _("You no longer wait for “%s”.") % held.book)
    return SeeOther(f"{reverse(LOANS)}#holds")


def _context(request: HttpRequest, book: Book, page: LibraryPage) -> dict[str, Any]:
    on = day_of(timezone.now())
    stock = overviews.availability(book=book, on=on)
    address = request.build_absolute_uri(browsing.address_of(book))
    summary = _summary(book)
    standing = None
    if not request.user.is_anonymous:
        standing = overviews.standing(book=book, stock=stock, member=request.user, on=on)
    context = {
        # What base.html asks of a page, for search engines and social networks.
        "page": {
            "title": book.title,
            "seo_title": f"{book.title} – {book.author}",
            "search_description": summary,
            "full_url": address,
            "preview": book.picture,
        },
        "book": book,
        "library": page,
        "stock": stock,
        "standing": standing,
        "languages": [(book.language, browsing.language_name(book.language))] if book.language else [],
        "cover_label": browsing.label_of("cover", book.cover),
        "related": browsing.related(book, count=RELATED_BOOKS),
        "structured_data": _structured_data(request, book, page, stock, address, summary),
    }
    if standing is not None and standing.may_borrow:
        context |= _offer(request, book)
    return context


def _offer(request: HttpRequest, book: Book) -> dict[str, Any]:
    """What borrowing until the day in the address, or for the usual time, would mean."""
    at = timezone.now()
    on = day_of(at)
    rules = LendingRules.current()
    form = DayForm(request.GET) if request.GET.get("until") else None
    chosen = form.cleaned_data["until"] if form is not None and form.is_valid() else None
    until = chosen or on + timedelta(days=rules.usual_loan_days)
    offered = None
    if not request.user.is_anonymous and (form is None or chosen is not None):
        offered = lending.offer(book=book, to=request.user, until=until, on=on, at=at)
    return {
        "book": book,
        "until": until,
        "first_day": on + timedelta(days=1),
        "last_day": on + timedelta(days=rules.max_loan_days),
        "offer": offered,
        "price_shown": _as_shown(offered) if offered else "",
        "is_moved": offered is not None and offered.due != until,
        "is_no_day": form is not None and chosen is None,
    }


def _as_shown(offered: lending.Offer) -> str:
    """The price in the form, to be compared with what is true when the form comes back."""
    return f"{offered.price.minor} {offered.price.currency}"


def _loan_of(request: HttpRequest, book: Book) -> Borrowing | None:
    return Borrowing.objects.by(request.user).of(book).open().first()


def _summary(book: Book) -> str:
    """A sentence or two for search engines."""
    if book.description:
        return " ".join(book.description.split())[:160]
    return _("“%(title)s” by %(author)s, to be borrowed from the library.") % {
        "title": book.title,
        "author": book.author,
    }


def _structured_data(
    request: HttpRequest, book: Book, page: LibraryPage, stock: Availability, address: str, summary: str
) -> dict[str, Any]:
    """The book for search engines (schema.org), with the fee that the page shows."""
    in_stock = "InStock" if stock.is_available else "OutOfStock"
    described: dict[str, Any] = {
        "@type": "Book",
        "@id": address,
        "url": address,
        "name": book.title,
        "description": summary,
        "author": [{"@type": "Person", "name": name} for name in book.author_names],
        "bookFormat": "https://schema.org/Hardcover"
        if book.cover == Book.Cover.HARD
        else "https://schema.org/Paperback",
        "offers": {
            "@type": "Offer",
            "businessFunction": "http://purl.org/goodrelations/v1#LeaseOut",
            "price": str(book.daily_fee_money.amount),
            "priceCurrency": book.currency,
            "priceSpecification": {
                "@type": "UnitPriceSpecification",
                "price": str(book.daily_fee_money.amount),
                "priceCurrency": book.currency,
                "unitCode": "DAY",
            },
            "availability": f"https://schema.org/{in_stock}",
            "url": address,
            "seller": {"@type": "Library", "name": settings.PORTAL_NAME},
        },
    }
    if book.isbn:
        described["isbn"] = book.isbn
    if book.year:
        described["datePublished"] = str(book.year)
    if book.publisher:
        described["publisher"] = {"@type": "Organization", "name": book.publisher}
    if book.language:
        described["inLanguage"] = browsing.LANGUAGES.get(book.language, book.language)
    if subjects := [subject.name for subject in book.subjects.all()]:
        described["about"] = subjects
    if book.picture is not None:
        rendition = book.picture.get_rendition("fill-600x900|format-jpeg")
        described["image"] = request.build_absolute_uri(rendition.url)
    crumbs = [
        {"@type": "ListItem", "position": 1, "name": page.title,
         "item": request.build_absolute_uri(page.address)},
        {"@type": "ListItem", "position": 2, "name": book.title, "item": address},
    ]  # fmt: skip
    return {
        "@context": "https://schema.org",
        "@graph": [described, {"@type": "BreadcrumbList", "itemListElement": crumbs}],
    }
