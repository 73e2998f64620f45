"""The library's pages: the catalogue, a book, and what members do there. The views read the clock."""

import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from wagtail.images import get_image_model
from wagtail.images.tests.utils import get_test_image_file

from accounts.tests.factories import UserFactory
from commerce import gateways
from commerce.models import Order
from library.models import Borrowing, Charge, Copy, Hold, LibraryPage
from library.services import browsing, cataloguing, charging, holding, lending
from library.services.days import day_of
from library.tests.factories import BookFactory, BorrowingFactory, CopyFactory, HoldFactory, SubjectFactory
from library.tests.lending import write_rules

pytestmark = pytest.mark.django_db
LOANS = "/library/loans/"


def today():
    return day_of(timezone.now())


def in_days(days):
    return today() + timedelta(days=days)


def words_of(answer):
    """The text of a page, without its tags."""
    body = re.sub(r"<(script|style|noscript).*?</\1>", " ", answer.content.decode(), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


@pytest.fixture
def member(client):
    person = UserFactory()
    client.force_login(person)
    return person


# --- The catalogue -----------------------------------------------------------------------------------------
def test_a_visitor_looks_through_the_library(client):
    cataloguing.save_book(book=BookFactory.build(title="Dune", daily_fee=Decimal("1.50")))
    BookFactory(title="Emma", author="Jane Austen", daily_fee=0, copies=2)

    answer = client.get("/library/")

    words = words_of(answer)
    assert answer.status_code == 200
    assert "2 books" in words
    assert "Emma Jane Austen Available Free" in words
    assert "Dune Frank Herbert No copy $1.50 a day" in words
    assert "private" not in answer.get("Cache-Control", "")


def test_an_empty_library_says_what_to_do_next(client):
    words = words_of(client.get("/library/"))

    assert "The shelves are still empty" in words
    assert "Look at the courses" in words


def test_active_filters_are_removed_one_by_one(client):
    cataloguing.save_book(
        book=BookFactory.build(title="Dune"), subjects=[SubjectFactory(name="Sand", slug="sand")]
    )

    answer = client.get("/library/?search=dune&subject=sand&page=3")

    assert answer.context["active_filters"] == [
        {"label": "“dune”", "remove_url": "/library/?subject=sand"},
        {"label": "Sand", "remove_url": "/library/?search=dune"},
    ]
    assert answer.context["total"] == 1


def test_nothing_fits_is_said_with_a_way_back(client):
    BookFactory(title="Dune")

    words = words_of(client.get("/library/?search=emma"))

    assert "0 books" in words
    assert "No book fits all of this" in words
    assert "Show all books" in words


@pytest.mark.parametrize(
    "query",
    [
        "subject=%00",
        "subject=%FF",
        "author=%00",
        "author_like=%00",
        "search=%00",
        "language=%00",
        "language=eng%0A",
        "cover=PAPYRUS",
        "available=yesterday",
        "ordering=password",
        "page=-1",
        "page=99999999999999999999999",
        "page=%00",
        f"author={'a' * 5000}",
        f"author_like={'a' * 5000}",
        f"subject={'a' * 5000}",
        "search=" + "%28" * 300,
        "subject=a&subject=b",
    ],
)
def test_hostile_questions_get_a_page(client, query):
    BookFactory(title="Dune")

    answer = client.get(f"/library/?{query}")

    assert answer.status_code == 200
    assert answer.context["total"] in (0, 1)


def test_the_library_is_closed_while_its_page_is_a_draft(client):
    book = BookFactory()
    LibraryPage.objects.get().unpublish()

    assert client.get("/library/").status_code == 404
    assert client.get(browsing.address_of(book)).status_code == 404


def test_editors_preview_the_librarys_page():
    page = LibraryPage.objects.get()
    page.title = "Books, books"
    BookFactory(title="Dune")

    answer = page.make_preview_request()

    assert answer.status_code == 200
    assert "Books, books" in words_of(answer)
    assert answer["Content-Security-Policy"] == "form-action 'none'; connect-src 'none'"


# --- A book ------------------------------------------------------------------------------------------------
def test_another_title_in_the_address_leads_to_the_right_one(client):
    book = BookFactory(title="Good Omens")

    for address in (f"/library/{book.pk}/", f"/library/{book.pk}-bad-omens/"):
        answer = client.get(address)
        assert (answer.status_code, answer["Location"]) == (301, f"/library/{book.pk}-good-omens/")


@pytest.mark.parametrize("number", ["0", "999999", "9" * 40])
def test_there_is_no_such_book(client, number):
    assert client.get(f"/library/{number}-dune/").status_code == 404


def test_search_engines_learn_what_the_page_says(client):
    picture = get_image_model().objects.create(title="Dune", file=get_test_image_file(size=(600, 900)))
    book = cataloguing.save_book(
        book=BookFactory.build(
            title='Dune </script><script>alert("1")</script>',
            isbn="9780441013593",
            year=1965,
            publisher="Chilton",
            language="eng",
            description="Sand.",
            picture=picture,
        ),
        subjects=[SubjectFactory(name="Deserts")],
    )
    CopyFactory(book=book)

    html = client.get(browsing.address_of(book)).content.decode()

    described, crumbs = json.loads(
        re.search(r'<script type="application/ld\+json">(.*?)</script>', html, re.S)[1]
    )["@graph"]
    address = f"http://testserver{browsing.address_of(book)}"
    assert described["@type"] == "Book"
    assert described["name"] == book.title
    assert described["isbn"] == "9780441013593"
    assert described["author"] == [{"@type": "Person", "name": "Frank Herbert"}]
    assert described["offers"]["price"] == "1.00"
    assert described["offers"]["availability"] == "https://schema.org/InStock"
    assert described["image"].startswith("http://testserver/media/images/")
    assert [crumb["name"] for crumb in crumbs["itemListElement"]] == ["Library", book.title]
    assert f'<link rel="canonical" href="{address}">' in html
    assert f'<meta property="og:url" content="{address}">' in html
    assert '<meta property="og:type" content="book">' in html
    assert '<meta name="description"\n          content="Sand.">' in html
    assert 'property="og:image"' in html
    assert "<script>alert" not in html


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        (["AVAILABLE", "AVAILABLE", "ON_LOAN"], "2 of 3 copies available"),
        (["AVAILABLE"], "1 of 1 copy available"),
        (["AVAILABLE", "WITHDRAWN"], "1 of 1 copy available"),
        (["REPAIR"], "All copies are out."),
        ([], "The library has no copy at the moment."),
    ],
)
def test_a_book_says_in_words_whether_it_is_to_be_had(client, statuses, words):
    book = BookFactory()
    for status in statuses:
        CopyFactory(book=book, status=status)

    assert words in words_of(client.get(browsing.address_of(book)))


def test_when_all_are_out_it_says_when_the_next_is_due_and_how_many_wait(client):
    loan = BorrowingFactory(borrow_date=in_days(-3), expected_return_date=in_days(5))
    HoldFactory(book=loan.book)
    HoldFactory(book=loan.book)

    words = words_of(client.get(browsing.address_of(loan.book)))

    due = date_format(in_days(5), "DATE_FORMAT")
    assert f"All copies are out; the next is due back on {due}. 2 people wait." in words


def test_a_visitor_is_sent_to_sign_in_and_comes_back(client):
    book = BookFactory(title="Dune", copies=1)

    html = client.get(browsing.address_of(book)).content.decode()

    assert f'href="/accounts/login/?next=/library/{book.pk}-dune/"' in html
    assert "Sign in to borrow" in html


def test_a_member_sees_day_and_price_before_the_click(client, member):
    book = BookFactory(daily_fee=Decimal("1.50"), copies=1)

    answer = client.get(f"{browsing.address_of(book)}?until={in_days(4)}")

    assert "Price for 4 days $6.00" in words_of(answer)
    assert "Borrow and pay" in words_of(answer)
    assert "private" in answer["Cache-Control"]


def test_another_day_is_answered_with_its_price_alone(client, member):
    book = BookFactory(daily_fee=Decimal("1.50"), copies=1)

    answer = client.get(f"{browsing.address_of(book)}?until={in_days(10)}", headers={"HX-Request": "true"})

    assert "Price for 10 days $15.00" in words_of(answer)
    assert "<html" not in answer.content.decode()
    assert answer["Cache-Control"].startswith("no-store")
    assert "HX-Request" in answer["Vary"]


@pytest.mark.parametrize(
    ("until", "words"),
    [
        ("never", "Choose a day of the calendar"),
        ("0000-00-00", "Choose a day of the calendar"),
        ("2020-01-01", "A book is lent for one day at least"),
        ("9999-12-31", "A book is lent for 30 days at most"),
    ],
)
def test_a_day_that_will_not_do_is_refused_in_words(client, member, until, words):
    book = BookFactory(copies=1)

    for headers in ({}, {"HX-Request": "true"}):
        answer = client.get(f"{browsing.address_of(book)}?until={until}", headers=headers)
        assert answer.status_code == 200
        assert words in words_of(answer)
        assert "Borrow and pay" not in words_of(answer)


def test_what_is_in_the_way_is_said_in_words(client, member):
    BorrowingFactory(
        member=member, book__title="Emma", copy__book__title="Emma", expected_return_date="2026-06-15"
    )
    book = BookFactory(copies=1)

    words = words_of(client.get(browsing.address_of(book)))

    assert "“Emma” was due on 15 June 2026. Bring it back first." in words
    assert "Borrow and pay" not in words


# --- Borrowing ---------------------------------------------------------------------------------------------
def post_borrow(client, book, *, days=4, price=None):
    price = price or f"{(book.daily_fee_money * days).minor} {book.currency}"
    return client.post(f"/library/{book.pk}/borrow/", {"until": in_days(days).isoformat(), "price": price})


def test_borrowing_leads_straight_to_the_payment_page(client, member):
    book = BookFactory(daily_fee=Decimal("1.50"), copies=1)

    answer = post_borrow(client, book)

    loan = Borrowing.objects.get()
    payment = Order.objects.get().payments.get()
    assert (answer.status_code, answer["Location"]) == (303, payment.session_url)
    assert (loan.member, loan.book, loan.expected_return_date) == (member, book, in_days(4))
    assert payment.amount_minor == 600


def test_a_second_click_leads_where_the_first_one_did(client, member):
    book = BookFactory(copies=2)
    first = post_borrow(client, book)

    second = post_borrow(client, book)

    assert second["Location"] == first["Location"]
    assert (Borrowing.objects.count(), Order.objects.count()) == (1, 1)


def test_a_free_book_is_borrowed_at_once(client, member):
    book = BookFactory(daily_fee=0, copies=1)

    answer = post_borrow(client, book)

    loan = Borrowing.objects.get()
    assert answer["Location"] == f"/library/loans/#loan-{loan.pk}"
    assert not Charge.objects.exists()


def test_what_is_too_little_for_a_card_is_paid_at_the_desk(client, member):
    book = BookFactory(daily_fee=Decimal("0.10"), copies=1)

    answer = client.post(
        f"/library/{book.pk}/borrow/", {"until": in_days(2).isoformat(), "price": "20 USD"}, follow=True
    )

    assert "$0.20 is too little for a card: pay it at the desk." in words_of(answer)
    assert Order.objects.get().payments.get().method == "cash"


def test_nothing_is_lent_at_a_price_that_was_not_shown(client, member):
    book = BookFactory(daily_fee=Decimal("1.50"), copies=1)

    answer = post_borrow(client, book, price="1 USD")

    assert answer["Location"] == f"{browsing.address_of(book)}?until={in_days(4)}#borrow"
    assert not Borrowing.objects.exists()


def test_without_scripts_the_price_for_another_day_takes_a_page_and_lends_nothing(client, member):
    book = BookFactory(daily_fee=Decimal("1.50"), copies=1)

    answer = client.post(
        f"/library/{book.pk}/borrow/", {"until": in_days(6).isoformat(), "price": "900 USD", "look": "1"}
    )

    assert answer["Location"] == f"{browsing.address_of(book)}?until={in_days(6)}#borrow"
    assert not Borrowing.objects.exists()
    assert "Price for 6 days $9.00" in words_of(client.get(answer["Location"]))


def test_who_comes_too_late_is_told_so_and_offered_to_wait(client, member):
    book = BorrowingFactory(borrow_date=in_days(-1), expected_return_date=in_days(5)).book

    answer = client.post(
        f"/library/{book.pk}/borrow/", {"until": in_days(4).isoformat(), "price": "400 USD"}, follow=True
    )

    words = words_of(answer)
    assert "you can place a hold" in words
    assert "Place a hold" in words
    assert Borrowing.objects.count() == 1


@pytest.mark.parametrize("until", ["", "soon", "0000-01-01"])
def test_without_a_day_nothing_is_lent(client, member, until):
    book = BookFactory(copies=1)

    answer = client.post(f"/library/{book.pk}/borrow/", {"until": until}, follow=True)

    assert "Choose the day on which you will bring the book back." in words_of(answer)
    assert not Borrowing.objects.exists()


def test_a_visitor_who_borrows_signs_in_and_comes_back_to_the_book(client):
    book = BookFactory(title="Dune", copies=1)

    answer = post_borrow(client, book)

    assert answer["Location"] == f"/accounts/login/?next=/library/{book.pk}-dune/"
    assert not Borrowing.objects.exists()


def test_forms_need_their_token(member):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(member)
    book = BookFactory(copies=1)

    assert post_borrow(strict, book).status_code == 403
    assert not Borrowing.objects.exists()


# --- Waiting -----------------------------------------------------------------------------------------------
def test_a_member_waits_for_a_book_that_is_out(client, member):
    book = BorrowingFactory(borrow_date=in_days(-1), expected_return_date=in_days(5)).book
    HoldFactory(book=book)
    assert "You would be number 2 in the queue." in words_of(client.get(browsing.address_of(book)))

    answer = client.post(f"/library/{book.pk}/hold/", follow=True)

    words = words_of(answer)
    assert "You are number 2 in the queue for" in words
    assert "You are number 2 in the queue. A copy may be there by" in words
    assert Hold.objects.by(member).waiting().count() == 1


def test_waiting_twice_is_waiting_once(client, member):
    book = BorrowingFactory().book
    client.post(f"/library/{book.pk}/hold/")

    answer = client.post(f"/library/{book.pk}/hold/")

    assert answer["Location"] == f"{browsing.address_of(book)}#borrow"
    assert Hold.objects.by(member).count() == 1


def test_nobody_waits_for_what_is_there(client, member):
    book = BookFactory(title="Dune", copies=1)

    answer = client.post(f"/library/{book.pk}/hold/", follow=True)

    assert "A copy of “Dune” is available. Borrow it instead of waiting." in words_of(answer)
    assert not Hold.objects.exists()


def test_a_hold_is_cancelled_by_who_placed_it_and_by_nobody_else(client, member):
    mine, other = HoldFactory(member=member), HoldFactory()

    assert client.post(f"/library/holds/{other.pk}/cancel/").status_code == 404
    answer = client.post(f"/library/holds/{mine.pk}/cancel/", follow=True)

    assert f"You no longer wait for “{mine.book}”." in words_of(answer)
    assert list(Hold.objects.order_by("pk").values_list("status", flat=True)) == ["CANCELLED", "WAITING"]


def test_a_copy_set_aside_is_borrowed_by_whom_it_waits_for(client, member):
    copy = CopyFactory(status=Copy.Status.ON_HOLD_SHELF)
    HoldFactory(book=copy.book, member=member, status="READY", copy=copy, shelf_until=in_days(3))
    assert "A copy waits for you on the hold shelf until" in words_of(
        client.get(browsing.address_of(copy.book))
    )

    post_borrow(client, copy.book)

    assert Borrowing.objects.get().copy == copy
    assert Hold.objects.get().status == Hold.Status.FULFILLED


# --- My loans ----------------------------------------------------------------------------------------------
def borrowed(member, *, days=4, handed_out=True, **fields):
    """A loan as members make it, with its fee."""
    book = fields.pop("book", None) or BookFactory(copies=1, **fields)
    at = timezone.now()
    return lending.lend(book=book, to=member, until=in_days(days), on=today(), at=at, at_desk=handed_out)


def test_my_loans_are_for_members(client):
    answer = client.get(LOANS)

    assert answer["Location"] == "/accounts/login/?next=/library/loans/"


def test_my_loans_are_kept_by_no_cache(client, member):
    assert "no-store" in client.get(LOANS)["Cache-Control"]


def test_who_has_borrowed_nothing_is_shown_where_to(client, member):
    words = words_of(client.get(LOANS))

    assert "You have borrowed nothing yet" in words
    assert "Look at the books" in words


def test_my_loans_say_what_is_due_owed_and_possible(client, member):
    borrowed(member, title="Dune", daily_fee=Decimal("1.50"))

    words = words_of(client.get(LOANS))

    assert "To pay: $6.00" in words
    assert "Dune" in words
    assert ", in 4 days" in words
    assert "for $21.00" in words  # a renewal of 14 days
    assert "I have brought it back" in words


def test_an_overdue_loan_says_so_in_words(client, member):
    BorrowingFactory(member=member, borrow_date=in_days(-10), expected_return_date=in_days(-2))

    words = words_of(client.get(LOANS))

    assert "2 days overdue: it was due on" in words
    assert "Bring it back." in words


def test_a_loan_is_renewed_for_the_price_that_was_shown_and_paid(client, member):
    loan = borrowed(member, daily_fee=Decimal("1.50"))
    charging.take_cash(charge=Charge.objects.get(), by=None, at=timezone.now())
    due = loan.expected_return_date

    answer = client.post(f"/library/loans/{loan.pk}/renew/", {"due": due.isoformat(), "price": "2100"})

    loan.refresh_from_db()
    assert loan.expected_return_date == due + timedelta(days=14)
    charge = Charge.objects.get(kind="RENEWAL")
    assert charge.amount_minor == 2100
    assert answer["Location"] == charge.order_line.order.payments.get().session_url


def test_a_second_click_renews_nothing(client, member):
    loan = borrowed(member, daily_fee=0)
    clicked = {"due": loan.expected_return_date.isoformat(), "price": "0"}
    client.post(f"/library/loans/{loan.pk}/renew/", clicked)

    client.post(f"/library/loans/{loan.pk}/renew/", clicked)

    assert loan.renewals.count() == 1


def test_a_renewal_at_another_price_is_shown_again(client, member):
    loan = borrowed(member, daily_fee=Decimal("1.50"))
    charging.take_cash(charge=Charge.objects.get(), by=None, at=timezone.now())

    answer = client.post(
        f"/library/loans/{loan.pk}/renew/",
        {"due": loan.expected_return_date.isoformat(), "price": "1"},
        follow=True,
    )

    assert "The price has changed. Look at it again, and renew then." in words_of(answer)
    assert loan.renewals.count() == 0


def test_what_is_in_the_way_of_a_renewal_stands_in_its_place(client, member):
    loan = borrowed(member, title="Dune")
    HoldFactory(book=loan.book)

    words = words_of(client.get(LOANS))

    assert "Somebody waits for “Dune”. Bring it back by" in words
    assert "Renew until" not in words


def test_a_book_that_comes_back_late_is_fined_and_explained(client, member):
    loan = BorrowingFactory(member=member, borrow_date=in_days(-10), expected_return_date=in_days(-2))

    answer = client.post(f"/library/loans/{loan.pk}/return/", follow=True)

    words = words_of(answer)
    assert "is back. Thank you." in words
    assert "It came late, which costs $4.00." in words
    assert "To pay: $4.00" in words
    assert "2 days × $1.00 × 2 = $4.00" in words
    assert Borrowing.objects.get().status == Borrowing.Status.RETURNED


def test_returning_twice_is_refused_in_words(client, member):
    loan = borrowed(member, daily_fee=0, title="Dune")
    client.post(f"/library/loans/{loan.pk}/return/")

    answer = client.post(f"/library/loans/{loan.pk}/return/", follow=True)

    assert "“Dune” was brought back on" in words_of(answer)


def test_where_only_the_desk_takes_books_back_there_is_no_button(client, member):
    write_rules(may_members_return=False)
    loan = borrowed(member, title="Dune")

    assert "I have brought it back" not in words_of(client.get(LOANS))
    answer = client.post(f"/library/loans/{loan.pk}/return/", follow=True)

    assert "Bring “Dune” to the desk; it is taken back there." in words_of(answer)
    assert Borrowing.objects.get().is_active


def test_what_is_owed_is_paid_from_there(client, member):
    borrowed(member, daily_fee=Decimal("1.50"))
    charge = Charge.objects.get()

    answer = client.post(f"/library/charges/{charge.pk}/pay/")

    assert answer["Location"] == charge.order_line.order.payments.get().session_url


def test_what_is_paid_is_not_paid_again(client, member):
    borrowed(member)
    charging.take_cash(charge=Charge.objects.get(), by=None, at=timezone.now())

    answer = client.post(f"/library/charges/{Charge.objects.get().pk}/pay/", follow=True)

    assert "This is paid." in words_of(answer)


@pytest.mark.parametrize("deed", ["renew", "return"])
def test_loans_of_others_are_not_known(client, member, deed):
    loan = BorrowingFactory()

    assert client.post(f"/library/loans/{loan.pk}/{deed}/").status_code == 404
    assert Borrowing.objects.get().is_active


def test_debts_of_others_are_not_known(client, member):
    borrowed(UserFactory())

    assert client.post(f"/library/charges/{Charge.objects.get().pk}/pay/").status_code == 404


def test_holds_stand_with_their_place_or_how_long_they_are_ready(client, member):
    HoldFactory(book__title="Emma", member=member)
    copy = CopyFactory(status=Copy.Status.ON_HOLD_SHELF)
    HoldFactory(book=copy.book, member=member, status="READY", copy=copy, shelf_until=in_days(3))

    words = words_of(client.get(LOANS))

    assert "Emma Number 1 in the queue" in words
    assert f"{copy.book.title} Ready On the hold shelf until" in words


def test_my_loans_cost_the_same_with_one_row_and_with_three(client, member, django_assert_num_queries):
    def add():
        borrowed(member, days=4)
        BorrowingFactory(member=member, status="RETURNED", actual_return_date=today())
        other = BorrowingFactory().book
        holding.place(book=other, member=member, at=timezone.now(), on=today())

    add()
    client.get(LOANS)
    with django_assert_num_queries(17) as one:
        client.get(LOANS)
    add()
    add()

    with django_assert_num_queries(len(one)):
        client.get(LOANS)


def test_the_return_page_says_what_was_borrowed_and_where_it_is(client, member):
    book = BookFactory(title="Dune", copies=1)
    post_borrow(client, book)
    payment = Order.objects.get().payments.get()
    gateways.gateway_for(payment.account).pay(payment.session_id)

    answer = client.get(f"/checkout/return/?session_id={payment.session_id}")

    words = words_of(answer)
    assert "Thank you, it is paid" in words
    assert "“Dune”: borrowed for 4 days" in words
    assert 'href="/library/loans/"' in answer.content.decode()
