"""The library in the CMS: the desk, the lists, what staff do there, and who may."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from accounts.tests.factories import UserFactory
from library import barcodes
from library.models import Book, Borrowing, Charge, Closure, Copy, Hold, LendingRules, LibraryCard, Subject
from library.services import cataloguing, charging, holding, lending
from library.services.days import day_of
from library.tests.factories import BookFactory, CopyFactory, LibraryCardFactory, SubjectFactory
from library.tests.lending import write_rules

pytestmark = pytest.mark.django_db
LISTS = ("borrowing", "hold", "charge", "book", "copy", "librarycard", "subject", "closure")
SERVED = ("borrowing", "hold", "charge")
DESK = "/cms/library/desk/"


def today():
    return day_of(timezone.now())


def in_days(days):
    return today() + timedelta(days=days)


@pytest.fixture
def librarian(client):
    user = UserFactory(first_name="Lib", last_name="Rarian")
    user.groups.add(Group.objects.get(name="Librarians"))
    client.force_login(user)
    return user


@pytest.fixture
def onlooker(client):
    """Sees the lists, and may do nothing."""
    user = UserFactory()
    user.user_permissions.add(
        Permission.objects.get(codename="access_admin"),
        *Permission.objects.filter(
            codename__in=[f"view_{name}" for name in LISTS], content_type__app_label="library"
        ),
    )
    client.force_login(user)
    return user


@pytest.fixture
def ada():
    user = UserFactory(email="ada@example.com", first_name="Ada", last_name="Lovelace")
    LibraryCardFactory(member=user, number=barcodes.made(barcodes.CARD, 7))
    return user


def a_copy(number=1, **book):
    facts = {"title": "Dune", "daily_fee": Decimal("0.50"), **book}
    return CopyFactory(book=BookFactory(**facts), barcode=barcodes.made(barcodes.COPY, number))


def lent(copy, *, to, days=14, ago=0, at_desk=True):
    at = timezone.now() - timedelta(days=ago)
    on = day_of(at)
    return lending.lend(
        book=copy.book, to=to, until=on + timedelta(days=days), on=on, at=at, copy=copy, at_desk=at_desk
    )


def hold(book, *, by):
    return holding.place(book=book, member=by, at=timezone.now(), on=today())


def scan(client, typed, *, member=None, until=None, condition="AVAILABLE", follow=True):
    body = {
        "scan": str(typed),
        "until": (until or in_days(14)).isoformat(),
        "condition": condition,
        "member": member.pk if member else "",
    }
    return client.post(DESK, body, follow=follow)


def said(response):
    return [str(message).split("<")[0].strip() for message in response.context["messages"]]


def shown(response):
    return response.content.decode()


def index(name):
    return reverse(f"library_{name}_modeladmin_index")


def inspect(row):
    return reverse(f"library_{row._meta.model_name}_modeladmin_inspect", args=[row.pk])


def deed(name, row):
    return reverse(f"library_cms_{name}", args=[row.pk])


def one_of_each(n=0):
    member = UserFactory()
    lent(CopyFactory(book=BookFactory(daily_fee=Decimal("1.00"))), to=member)
    out = CopyFactory(book=BookFactory(daily_fee=0))
    lent(out, to=member)
    hold(out.book, by=UserFactory())
    SubjectFactory()
    Closure.objects.create(since=in_days(400 + n), until=in_days(401 + n), reason="Holidays")


# --- The desk: who and what --------------------------------------------------------------------------------
def test_a_scanned_card_brings_its_member_to_the_desk(client, librarian, ada):
    page = scan(client, ada.library_card.number.lower())

    assert page.redirect_chain == [(f"{DESK}?member={ada.pk}", 302)]
    assert "Ada Lovelace" in shown(page)
    assert "Nothing. Scan a copy to lend it." in shown(page)


def test_the_field_is_ready_for_the_next_scan(client, librarian, ada):
    for address in (DESK, f"{DESK}?member={ada.pk}"):
        form = client.get(address).context["form"]

        assert form["scan"].field.widget.attrs["autofocus"] is True
        assert form["scan"].value() is None
        assert form["until"].value() == in_days(14)


def test_a_member_is_found_by_name_and_address_and_chosen_among_several(client, librarian, ada):
    other = UserFactory(first_name="Ada", last_name="Byron", email="byron@example.com")

    alone = scan(client, "lovelace ADA")
    by_address = scan(client, "ada@example.com")
    both = scan(client, "ada")

    assert alone.context["visitor"].member == by_address.context["visitor"].member == ada
    assert list(both.context["people"]) == [other, ada]
    assert f'href="{DESK}?member={other.pk}"' in shown(both)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("C00000019", "C00000019 is mistyped: its last digit does not fit the others."),
        ("M0000001", "M0000001 is mistyped"),
        ("C00000026", "C00000026 is a good number, but no copy of this library has it."),
        ("m00000018", "M00000018 is a good number, but no card of this library has it."),
        ("Nobody", "Nobody and nothing is found for “Nobody”."),
        ("", "Scan a card or a copy, or type a name."),
    ],
)
def test_a_mistyped_number_is_told_from_an_unknown_one(client, librarian, typed, expected):
    a_copy(1)

    [words] = said(scan(client, typed))

    assert words.startswith(expected)


# --- The desk: lending -------------------------------------------------------------------------------------
def test_a_copy_is_lent_to_the_member_who_is_there(client, librarian, ada):
    copy = a_copy()

    page = scan(client, copy.barcode, member=ada, until=in_days(10))

    borrowing = Borrowing.objects.get()
    assert (borrowing.member, borrowing.copy, borrowing.expected_return_date) == (ada, copy, in_days(10))
    assert borrowing.handed_out_at is not None
    assert said(page)[0].startswith("“Dune” (C00000018) is lent to Ada Lovelace until ")
    assert said(page)[0].endswith("The fee is $5.00.")
    assert page.context["visitor"].loans[0].borrowing == borrowing
    assert page.context["form"]["until"].value() == in_days(10)
    entry = ModelLogEntry.objects.get(action="library.lend")
    assert (entry.user, entry.object_id) == (librarian, str(borrowing.pk))
    assert entry.data == {"copy": "C00000018", "until": in_days(10).isoformat()}


def test_what_blocks_is_said_in_words_and_nothing_is_lent(client, librarian, ada):
    lent(a_copy(2, title="Emma", daily_fee=0), to=ada, days=2, ago=5)
    LibraryCard.objects.update(blocked_reason="The card was reported lost.")

    page = scan(client, a_copy().barcode, member=ada)

    [words] = said(page)
    assert words == "The library card is blocked: The card was reported lost. Ask at the desk."
    assert [block.code for block in page.context["visitor"].blocks] == ["card_blocked", "overdue"]
    assert "Nothing can be lent now:" in shown(page)
    assert Borrowing.objects.count() == 1


def test_without_a_member_a_copy_on_the_shelf_is_not_lent(client, librarian):
    page = scan(client, a_copy().barcode)

    assert said(page) == ["“Dune” (C00000018) can be lent. Scan the card of whoever borrows it first."]
    assert not Borrowing.objects.exists()


def test_a_copy_on_the_hold_shelf_goes_to_whom_it_is_for(client, librarian, ada):
    copy = a_copy(daily_fee=0)
    loan = lent(copy, to=UserFactory(), ago=3)
    held = hold(copy.book, by=ada)
    lending.give_back(borrowing=loan, on=today(), at=timezone.now(), by=None)

    for_another = scan(client, copy.barcode, member=UserFactory())
    alone = scan(client, copy.barcode)
    page = scan(client, copy.barcode, member=ada)

    assert "set aside for somebody else" in said(for_another)[0]
    assert "is set aside for Ada Lovelace until" in said(alone)[0]
    assert "is lent to Ada Lovelace" in said(page)[0]
    held.refresh_from_db()
    assert held.status == Hold.Status.FULFILLED


def test_what_is_in_repair_is_put_back_first(client, librarian, ada):
    copy = a_copy()
    cataloguing.change_copy(copy=copy, to=Copy.Status.REPAIR, on=today(), at=timezone.now(), by=librarian)

    page = scan(client, copy.barcode, member=ada)
    back = client.post(f"{deed('back_on_shelf', copy)}?next={DESK}", follow=True)

    assert said(page)[0].startswith("Copy C00000018 of “Dune” is: in repair.")
    assert deed("back_on_shelf", copy) in shown(page)
    assert back.redirect_chain == [(DESK, 302)]
    copy.refresh_from_db()
    assert copy.status == "AVAILABLE"


# --- The desk: handing out and taking back -----------------------------------------------------------------
def test_what_was_borrowed_on_the_site_is_handed_out_to_its_member(client, librarian, ada):
    copy = a_copy()
    loan = lent(copy, to=ada, at_desk=False)

    alone = scan(client, copy.barcode)
    page = scan(client, copy.barcode, member=ada)

    assert said(alone)[0].startswith("“Dune” (C00000018) waits at the desk for Ada Lovelace.")
    assert said(page)[0].startswith("“Dune” (C00000018) is handed out to Ada Lovelace, until ")
    loan.refresh_from_db()
    assert loan.handed_out_by == librarian
    assert ModelLogEntry.objects.get(action="library.hand_out").user == librarian


def test_a_copy_that_comes_back_is_scanned_by_itself(client, librarian, ada):
    copy = a_copy(daily_fee=0)
    loan = lent(copy, to=ada, ago=3)

    page = scan(client, copy.barcode)

    assert said(page)[0].startswith("“Dune” (C00000018) is back from Ada Lovelace. It goes on the shelf.")
    loan.refresh_from_db()
    assert (loan.status, loan.actual_return_date) == ("RETURNED", today())
    entry = ModelLogEntry.objects.get(action="library.take_back")
    assert (entry.user, entry.data) == (librarian, {"copy": "C00000018", "condition": "AVAILABLE"})


def test_a_late_copy_says_the_fine_and_for_whom_it_is_next(client, librarian, ada):
    write_rules(fine_multiplier=2)
    copy = a_copy()
    lent(copy, to=ada, days=7, ago=10)
    hold(copy.book, by=UserFactory(first_name="Grace", last_name="Hopper"))

    [words] = said(scan(client, copy.barcode))

    assert "Put it on the hold shelf for Grace Hopper, until " in words
    assert words.endswith("It is late: the fine is $3.00.")


def test_a_damaged_copy_goes_to_repair(client, librarian, ada):
    copy = a_copy(daily_fee=0)
    lent(copy, to=ada, ago=3)

    page = scan(client, copy.barcode, condition="REPAIR")

    assert "It goes to repair." in said(page)[0]
    assert page.context["form"]["condition"].value() == "AVAILABLE"
    copy.refresh_from_db()
    assert copy.status == "REPAIR"


def test_a_scanner_that_reads_twice_does_not_take_back_what_it_has_lent(client, librarian, ada):
    copy = a_copy()

    scan(client, copy.barcode, member=ada)
    page = scan(client, copy.barcode, member=ada)

    assert "was lent to Ada Lovelace just now" in said(page)[0]
    assert Borrowing.objects.get().is_active


def test_the_buttons_beside_a_loan_lead_back_to_the_desk(client, librarian, ada):
    loan = lent(a_copy(daily_fee=0), to=ada, ago=3)
    here = f"{DESK}?member={ada.pk}"

    renewed = client.post(f"{deed('renew', loan)}?next={here}", follow=True)
    lost = client.post(f"{deed('take_back', loan)}?next={here}", {"condition": "MISSING"}, follow=True)

    assert renewed.redirect_chain == lost.redirect_chain == [(here, 302)]
    assert said(renewed)[0].startswith("“Dune” is due on ")
    assert "It is missing from now on." in said(lost)[0]
    loan.refresh_from_db()
    assert (loan.renewals.get().renewed_by, loan.status) == (librarian, "RETURNED")


def test_a_deed_leads_to_no_other_site(client, librarian, ada):
    loan = lent(a_copy(daily_fee=0), to=ada, ago=3)

    answer = client.post(f"{deed('renew', loan)}?next=https://evil.example/")

    assert answer.url == inspect(loan)


# --- The desk: money ---------------------------------------------------------------------------------------
def test_fees_and_fines_are_taken_in_cash(client, librarian, ada):
    loan = lent(a_copy(), to=ada)
    charge = loan.charges.get()

    page = client.get(f"{DESK}?member={ada.pk}")
    paid = client.post(f"{deed('take_cash', charge)}?next={DESK}", follow=True)
    again = client.post(f"{deed('take_cash', charge)}?next={DESK}", follow=True)

    assert "14 days at $0.50: $7.00" in shown(page)
    assert "Take $7.00 in cash" in shown(page)
    assert said(paid) == ["$7.00 is paid for “Dune”."]
    assert said(again) == ["This is paid. Refund the payment instead."]
    assert not charging.owed(ada, timezone.now())
    [entry] = ModelLogEntry.objects.filter(action="library.take_cash")
    assert (entry.user, entry.object_id) == (librarian, str(charge.pk))


def test_a_charge_is_forgiven_with_a_reason(client, librarian, ada):
    charge = lent(a_copy(), to=ada).charges.get()

    without = client.post(deed("waive", charge), {"reason": ""})
    done = client.post(deed("waive", charge), {"reason": "Flood in the street"}, follow=True)

    charge.refresh_from_db()
    assert without.context["form"].errors == {"reason": ["This field is required."]}
    assert said(done) == ["$7.00 for “Dune” is forgiven."]
    assert (charge.waived_by, charge.waived_reason) == (librarian, "Flood in the street")


def test_a_hold_is_cancelled_and_its_copy_goes_to_the_next(client, librarian, ada):
    copy = a_copy(daily_fee=0)
    loan = lent(copy, to=UserFactory(), ago=3)
    first = hold(copy.book, by=ada)
    hold(copy.book, by=UserFactory(first_name="Grace", last_name="Hopper"))
    lending.give_back(borrowing=loan, on=today(), at=timezone.now(), by=None)

    done = client.post(deed("cancel_hold", first), follow=True)

    assert "stays on the hold shelf, for Grace Hopper until" in said(done)[0]


# --- Lists -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_with_one_row_and_with_three(
    client, librarian, name, django_assert_num_queries, django_assert_max_num_queries
):
    one_of_each()
    client.get(index(name))
    with django_assert_max_num_queries(30) as first:
        assert client.get(index(name)).status_code == 200
    one_of_each(10)
    one_of_each(20)

    with django_assert_num_queries(len(first.captured_queries)):
        assert client.get(index(name)).status_code == 200


def test_the_export_holds_no_formula(client, librarian):
    BookFactory(title="=1+1", copies=2)

    exported = client.get(index("book"), {"export": "csv"})

    lines = b"".join(exported.streaming_content).decode().splitlines()
    assert lines[1].split(",")[:3] == ["'=1+1", "Frank Herbert", ""]
    assert lines[1].endswith("2,2")


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_exported_for_spreadsheets(client, librarian, name):
    one_of_each()

    exported = client.get(index(name), {"export": "csv"})

    assert exported["Content-Type"].startswith("text/csv")
    assert len(b"".join(exported.streaming_content).decode().splitlines()) > 1


def test_loans_are_narrowed_to_what_waits_for_staff(client, librarian, ada):
    late = lent(a_copy(1, title="Late", daily_fee=0), to=ada, days=2, ago=5)
    waiting = lent(a_copy(2, title="Waiting", daily_fee=0), to=UserFactory(), at_desk=False)

    for standing, expected in (("overdue", late), ("waiting", waiting)):
        page = client.get(index("borrowing"), {"standing": standing})
        assert [row.pk for row in page.context["view"].queryset] == [expected.pk]
    assert "3 days late" in shown(client.get(index("borrowing")))


@pytest.mark.parametrize("model", [Borrowing, Hold, Charge, Book, Copy, LibraryCard])
def test_every_row_is_looked_into(client, librarian, ada, model):
    one_of_each()
    row = model.objects.first()

    assert client.get(inspect(row)).status_code == 200


def test_a_loan_shows_what_it_costs_line_by_line(client, librarian, ada):
    loan = lent(a_copy(), to=ada, days=7, ago=10)
    lending.give_back(borrowing=loan, on=today(), at=timezone.now(), by=librarian)

    page = shown(client.get(inspect(loan)))

    assert "7 days at $0.50: $3.50" in page
    assert "3 days × $0.50 × 2 = $3.00" in page


# --- Books, copies, cards, closures ------------------------------------------------------------------------
BOOK = {
    "title": "Dune",
    "author": "Frank Herbert;Brian Herbert",
    "isbn": "0-441-17271-7",
    "cover": "SOFT",
    "publisher": "",
    "year": "",
    "language": "eng",
    "daily_fee": "0.50",
    "currency": "USD",
    "new_copies": "2",
    "description": "",
    "picture": "",
}


def test_a_book_is_catalogued_with_its_authors_and_copies(client, librarian):
    subject = SubjectFactory(name="Science fiction")

    answer = client.post(
        reverse("library_book_modeladmin_create"), {**BOOK, "subjects": [subject.pk]}, follow=True
    )

    assert answer.status_code == 200
    book = Book.objects.get()
    assert (book.isbn, book.author) == ("9780441172719", "Frank Herbert; Brian Herbert")
    assert [author.name for author in book.authors.all()] == ["Brian Herbert", "Frank Herbert"]
    assert list(book.subjects.all()) == [subject]
    assert book.copies.available().count() == 2


def test_a_book_is_changed_and_its_copies_stay(client, librarian):
    book = BookFactory(copies=1)

    client.post(
        reverse("library_book_modeladmin_edit", args=[book.pk]),
        {**BOOK, "author": "Jane Austen", "new_copies": ""},
    )

    book.refresh_from_db()
    assert (book.title, [author.name for author in book.authors.all()]) == ("Dune", ["Jane Austen"])
    assert book.copies.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [({"isbn": "123"}, "isbn"), ({"author": "x" * 201}, "author"), ({"daily_fee": "0.505"}, "daily_fee")],
)
def test_a_book_that_cannot_be_kept_is_refused_in_the_form(client, librarian, change, field):
    page = client.post(reverse("library_book_modeladmin_create"), {**BOOK, **change})

    assert list(page.context["form"].errors) == [field]
    assert not Book.objects.exists()


def test_a_book_that_was_lent_is_not_deleted_and_another_goes_with_its_copies(client, librarian, ada):
    lent_one, other = lent(a_copy(), to=ada).book, BookFactory(copies=1)

    kept = client.post(reverse("library_book_modeladmin_delete", args=[lent_one.pk]), follow=True)
    client.post(reverse("library_book_modeladmin_delete", args=[other.pk]))

    assert "Withdraw its copies instead" in said(kept)[0]
    assert list(Book.objects.all()) == [lent_one]


def test_copies_are_added_and_those_who_wait_get_theirs_first(client, librarian, ada):
    copy = a_copy(daily_fee=0)
    lent(copy, to=UserFactory())
    held = hold(copy.book, by=ada)

    done = client.post(deed("add_copies", copy.book), {"count": "2", "location": "A 3"}, follow=True)

    held.refresh_from_db()
    assert said(done)[0].startswith("2 copies of “Dune” are here: C0000002")
    assert (held.status, copy.book.copies.available().count()) == ("READY", 1)


@pytest.mark.parametrize(
    ("name", "status"), [("to_repair", "REPAIR"), ("miss_copy", "MISSING"), ("withdraw_copy", "WITHDRAWN")]
)
def test_a_copy_goes_where_staff_puts_it_and_comes_back(client, librarian, name, status):
    copy = a_copy()

    client.post(deed(name, copy))
    copy.refresh_from_db()
    there = copy.status
    client.post(deed("back_on_shelf", copy))

    copy.refresh_from_db()
    assert (there, copy.status) == (status, "AVAILABLE")
    assert ModelLogEntry.objects.get(action=f"library.{name}").user == librarian


def test_a_card_is_blocked_and_a_mistyped_number_refused(client, librarian, ada):
    address = reverse("library_librarycard_modeladmin_edit", args=[ada.library_card.pk])
    number = ada.library_card.number

    client.post(address, {"number": number, "blocked_reason": "Reported lost."})
    page = client.post(address, {"number": "M00000019", "blocked_reason": ""})

    assert LibraryCard.objects.get().blocked_reason == "Reported lost."
    assert list(page.context["form"].errors) == ["number"]


def test_a_closure_moves_due_dates_and_says_how_many(client, librarian, ada):
    loan = lent(a_copy(daily_fee=0), to=ada)
    body = {"since": in_days(13), "until": in_days(15), "reason": "Inventory"}

    page = client.post(reverse("library_closure_modeladmin_create"), body, follow=True)

    loan.refresh_from_db()
    assert loan.expected_return_date == in_days(16)
    assert "1 loan is due on the next opening day now." in said(page)


def test_a_day_of_the_week_that_is_closed_from_now_on_moves_due_dates(client, librarian, ada):
    loan = lent(a_copy(daily_fee=0), to=ada)
    due = loan.expected_return_date
    rules = LendingRules.load()
    closed = LendingRules.WEEKDAYS[due.weekday()]
    address = reverse("wagtailsettings:edit", args=["library", "lendingrules", rules.pk])
    form = client.get(address).context["form"]
    body = {name: form[name].value() for name in form.fields if form[name].value() is not False}
    del body[f"opens_{closed}"]

    answer = client.post(address, body, follow=True)

    loan.refresh_from_db()
    assert answer.status_code == 200
    assert not getattr(LendingRules.current(), f"opens_{closed}")
    assert loan.expected_return_date == due + timedelta(days=1)


# --- Who may -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("group", ["Authors", "Moderators", "Shopkeepers", "Editors", None])
def test_the_library_is_for_librarians(client, ada, group):
    loan = lent(a_copy(), to=ada)
    outsider = UserFactory()
    if group is not None:
        outsider.groups.add(Group.objects.get(name=group))
    client.force_login(outsider)

    for address in (DESK, *(index(name) for name in LISTS), inspect(loan), deed("renew", loan)):
        assert client.get(address).status_code == 302, address
    client.post(deed("take_back", loan), {"condition": "AVAILABLE"})
    client.post(DESK, {"scan": loan.copy.barcode, "until": in_days(1), "condition": "AVAILABLE"})
    loan.refresh_from_db()
    assert loan.is_active
    if group is not None:
        assert 'href="/cms/library/desk/"' not in shown(client.get("/cms/"))


def test_who_only_looks_is_offered_nothing_and_can_do_nothing(client, onlooker, ada):
    copy = a_copy()
    loan = lent(copy, to=ada)
    charge = loan.charges.get()

    for name in LISTS:
        page = client.get(index(name))
        assert page.status_code == 200, name
        assert "/cms/library/do/" not in shown(page), name
    assert client.get(DESK).status_code == 302
    for name, row in (
        ("take_back", loan),
        ("take_cash", charge),
        ("to_repair", copy),
        ("add_copies", copy.book),
    ):
        client.post(deed(name, row), {"condition": "AVAILABLE", "count": "1"})
    loan.refresh_from_db()
    assert (loan.is_active, Copy.objects.count()) == (True, 1)
    assert not ModelLogEntry.objects.exists()


@pytest.mark.parametrize("name", SERVED)
def test_nobody_edits_what_services_own(client, librarian, name):
    one_of_each()
    model = {"borrowing": Borrowing, "hold": Hold, "charge": Charge}[name]
    pk = model.objects.first().pk

    for address in (
        reverse(f"library_{name}_modeladmin_create"),
        reverse(f"library_{name}_modeladmin_edit", args=[pk]),
        reverse(f"library_{name}_modeladmin_delete", args=[pk]),
    ):
        assert client.get(address).status_code == 302, address
        client.post(address)
    assert model.objects.filter(pk=pk).exists()


def test_the_first_screen_says_what_waits(client, librarian, ada):
    lent(a_copy(1, daily_fee=0), to=ada, days=2, ago=5)
    lent(a_copy(2, daily_fee=0), to=UserFactory(), at_desk=False)

    page = shown(client.get("/cms/"))

    assert "<strong>1</strong> overdue" in page
    assert "<strong>1</strong> waiting at the desk" in page
    assert "<strong>0</strong> on the hold shelf" in page


@pytest.mark.parametrize(
    "name",
    [
        "author",
        "book",
        "borrowing",
        "charge",
        "closure",
        "copy",
        "hold",
        "lendingrules",
        "librarycard",
        "renewal",
    ],
)
def test_the_django_admin_shows_and_changes_nothing(admin_client, name):
    one_of_each()

    assert admin_client.get(reverse(f"admin:library_{name}_changelist")).status_code == 200
    assert admin_client.get(reverse(f"admin:library_{name}_add")).status_code == 403


def test_subjects_are_made_in_the_cms(client, librarian):
    client.post(reverse("library_subject_modeladmin_create"), {"name": "History", "slug": "history"})

    assert Subject.objects.get().name == "History"
