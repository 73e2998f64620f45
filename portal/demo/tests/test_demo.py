"""The demo: everything a visitor should find, made once, and only where it does no harm."""

import socket
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command
from django.utils import timezone
from wagtail.models import Page, Site

from accounts.models import User
from commerce.models import Item
from commerce.models.customers import Customer
from commerce.money import Money
from commerce.services import cart, integrity
from courses.models import (
    CourseChange,
    CoursePage,
    CourseSectionPage,
    Enrolment,
    LessonCompletion,
    LessonPage,
)
from library import isbn
from library.models import Book, Borrowing, Charge, Hold, Renewal
from library.services import lending
from portal.content.links import parse_youtube
from portal.demo import books, covers, loading, people
from portal.demo.courses import COURSES
from portal.demo.items import WELCOME_CODE
from portal.demo.material import Video

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def rows():
    """How many rows every table has, but for those that count what happened."""
    return {model._meta.label: model.objects.count() for model in apps.get_models() if model._meta.managed}


@pytest.fixture
def demo(db, settings):
    settings.DEBUG = True
    call_command("load_demo", verbosity=0)


# --- What there is -----------------------------------------------------------------------------------------
def test_there_are_three_courses_one_free_one_in_dollars_one_in_euros(demo):
    prices = [course.price_money for course in CoursePage.objects.live().order_by("path")]

    assert prices == [
        Money(Decimal("0"), "USD"),
        Money(Decimal("49.00"), "USD"),
        Money(Decimal("35.00"), "EUR"),
    ]


def test_every_course_has_lessons_in_order_a_cover_and_an_open_door(demo):
    for course, material in zip(CoursePage.objects.order_by("path"), COURSES, strict=True):
        lessons = LessonPage.objects.of(course).shown()

        assert [lesson.title for lesson in lessons] == [lesson.title for lesson in material.lessons()]
        assert 4 <= len(lessons) <= 8
        assert lessons.filter(is_preview=True).exists()
        assert (course.preview.width, course.preview.height) == covers.SIZE
        assert course.preview.description
        assert course.owner.email == people.AUTHOR


def test_a_few_changes_are_told_and_nothing_of_what_opened_with_its_course(demo):
    changes = CourseChange.objects.order_by("page__path")

    assert [(change.title, change.kind, change.note) for change in changes] == [
        ("Logic gates", "CHANGED", "With the truth table of XOR."),
        ("What a p-value says, and what it does not", "CHANGED", ""),
        ("Hashes, and how to keep a password", "CHANGED", "Salt, and how a password is checked with it."),
    ]
    assert {change.made_by.email for change in changes} == {people.MODERATOR}


def test_some_courses_have_sections(demo):
    assert CourseSectionPage.objects.live().count() == 3


def test_the_tree_is_sound(demo):
    assert Page.find_problems() == ([], [], [], [], [])


def test_everybody_can_sign_in(demo, client):
    for role in people.ROLES:
        assert client.login(email=role.email, password=people.PASSWORD)
        assert EmailAddress.objects.filter(email=role.email, verified=True, primary=True).exists()


@pytest.mark.parametrize(
    ("email", "may_enter"),
    [
        ("admin@example.com", True),
        ("moderator@example.com", True),
        ("author@example.com", True),
        ("editor@example.com", True),
        ("librarian@example.com", True),
        ("shopkeeper@example.com", True),
        ("learner@example.com", False),
    ],
)
def test_who_has_work_to_do_enters_the_cms(demo, client, email, may_enter):
    client.force_login(User.objects.get(email=email))

    answer = client.get("/cms/", follow=True)

    assert answer.status_code == (200 if may_enter else 403)


def test_only_the_administrator_is_one(demo):
    assert [user.email for user in User.objects.filter(is_superuser=True)] == [people.ADMIN]


def test_the_learner_has_begun_the_free_course(demo):
    enrolment = Enrolment.objects.get()
    completion = LessonCompletion.objects.get()

    assert (enrolment.member.email, enrolment.course.slug) == (people.LEARNER, "how-computers-work")
    assert enrolment.status == Enrolment.Status.ACTIVE
    assert completion.lesson.slug == "machines-that-count"


def test_every_page_of_the_demo_opens(demo, client):
    client.force_login(User.objects.get(email=people.ADMIN))

    for page in Page.objects.live().filter(depth__gt=1).not_type(CourseSectionPage):
        assert client.get(page.url).status_code == 200, page.url


def test_a_visitor_meets_open_and_locked_lessons(demo, client):
    open_lessons = LessonPage.objects.open_to(AnonymousUser())

    for lesson in LessonPage.objects.all():
        expected = 200 if lesson in open_lessons else 403
        assert client.get(lesson.url).status_code == expected, lesson.url


# --- Once --------------------------------------------------------------------------------------------------
def test_loading_twice_changes_nothing(demo):
    before = rows()

    call_command("load_demo", verbosity=0)

    assert rows() == before


def test_loading_again_keeps_what_people_changed(demo):
    course = CoursePage.objects.get(slug="how-computers-work")
    course.title = "My own course"
    course.save()
    CoursePage.objects.get(slug="everyday-cryptography").delete()
    learner = User.objects.get(email=people.LEARNER)
    learner.set_password("mine")
    learner.save()
    Enrolment.objects.update(status=Enrolment.Status.CANCELLED, activated_at=None)

    call_command("load_demo", verbosity=0)

    assert sorted(CoursePage.objects.values_list("title", flat=True)) == [
        "My own course",
        "Reading data honestly",
    ]
    learner.refresh_from_db()
    assert learner.check_password("mine")
    assert Enrolment.objects.get().status == Enrolment.Status.CANCELLED


def test_loading_again_is_cheap(demo, django_assert_max_num_queries):
    with django_assert_max_num_queries(7):
        loading.load(at=NOW)


def test_links_follow_the_address_of_the_portal(demo, settings):
    settings.PORTAL_BASE_URL = "http://localhost:8001"

    call_command("load_demo", verbosity=0)

    assert Site.objects.values_list("hostname", "port").get() == ("localhost", 8001)


# --- Only on a developer's machine -------------------------------------------------------------------------
@pytest.mark.django_db
def test_where_debug_is_off_the_demo_is_refused(settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="passwords that everybody knows"):
        call_command("load_demo", verbosity=0)

    assert not User.objects.exists()
    assert not CoursePage.objects.exists()


def test_the_console_names_the_address_and_everybody(demo, capsys, settings):
    call_command("load_demo")

    printed = capsys.readouterr().out
    assert f"{settings.PORTAL_BASE_URL}/" in printed
    assert people.PASSWORD in printed
    for role in people.ROLES:
        assert role.email in printed


# --- Its parts ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("motif", sorted(covers.MOTIFS))
def test_a_cover_is_the_same_every_time(motif):
    first = covers.draw_cover(motif=motif, palette="clay", seed="course")
    again = covers.draw_cover(motif=motif, palette="clay", seed="course")
    other = covers.draw_cover(motif=motif, palette="clay", seed="another course")

    assert first == again
    assert first != other


def test_every_video_is_one_of_youtube_and_none_is_shown_twice():
    addresses = [
        address
        for course in COURSES
        for lesson in course.lessons()
        for address in [lesson.video, *(part.url for part in lesson.body if isinstance(part, Video))]
        if address
    ]

    assert len({parse_youtube(address).id for address in addresses}) == len(addresses)


# --- Ports -------------------------------------------------------------------------------------------------
@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_free_ports_are_fine(settings, free_port):
    settings.PORT, settings.SANDBOX_PORT = free_port, 1 + free_port

    call_command("check_ports")


def test_a_taken_port_is_named_with_the_remedy(settings, taken_port, free_port):
    settings.PORT, settings.SANDBOX_PORT = taken_port, free_port

    with pytest.raises(CommandError, match=rf"Port {taken_port} is in use .* make run PORT={taken_port + 1}"):
        call_command("check_ports")


def test_two_servers_cannot_share_a_port(settings, free_port):
    settings.PORT = settings.SANDBOX_PORT = free_port

    with pytest.raises(CommandError, match="two different ports"):
        call_command("check_ports")


# --- The shop ----------------------------------------------------------------------------------------------
def test_the_shop_has_six_items_in_two_currencies_with_pictures_and_one_is_sold_out(demo):
    items = Item.objects.for_sale()

    assert [item.currency for item in items].count("USD") == 4
    assert [item.currency for item in items].count("EUR") == 2
    assert [item.name for item in items if not item.is_in_stock] == ["Tote bag"]
    assert all(item.picture.size for item in items)


def test_the_code_on_the_console_is_one_that_the_cart_takes(demo):
    learner = Customer(user=User.objects.get(email=people.LEARNER))
    cart.add(customer=learner, item=Item.objects.get(price="12.50"), at=NOW)

    cheaper = cart.ask_for_discount(customer=learner, code=WELCOME_CODE, at=NOW)

    assert cheaper.total == Money(Decimal("11.25"), "USD")


def test_the_tax_of_the_demo_changes_no_price(demo):
    learner = Customer(user=User.objects.get(email=people.LEARNER))

    priced = cart.add(customer=learner, item=Item.objects.get(price="24.00"), at=NOW)

    assert (priced.total, priced.tax) == (Money(Decimal("24.00"), "EUR"), Money(Decimal("3.83"), "EUR"))


# --- The library -------------------------------------------------------------------------------------------
def test_the_library_has_twenty_four_books_that_there_are(demo):
    shelf = Book.objects.all()

    assert len(shelf) == 24
    assert all(isbn.parse(book.isbn) == book.isbn for book in shelf)
    assert all(1 <= book.copies.count() <= 4 for book in shelf)
    assert 8 <= shelf.filter(picture__isnull=False).count() < 24  # the portal draws the other covers
    assert shelf.filter(daily_fee=0).count() == 2
    assert {book.language for book in shelf} == {"eng", "spa", "fra"}


def test_loans_and_holds_are_in_many_states_and_all_is_sound(demo):
    today = timezone.localdate()
    loans = Borrowing.objects.all()

    assert loans.overdue(on=today).exists()
    assert loans.waiting_at_desk().exists()
    assert Renewal.objects.exists()
    assert Charge.objects.filter(kind="FINE").exists()
    assert Charge.objects.unpaid().exists()
    assert {hold.status for hold in Hold.objects.open()} == {"READY", "WAITING"}
    assert [breach for breach in integrity.breaches(at=timezone.now()) if not breach.is_warning] == []


def test_the_learner_may_borrow_at_once(demo):
    learner = User.objects.get(email=people.LEARNER)
    at = timezone.now()
    today = timezone.localdate()
    book = Book.objects.get(title="Fluent Python")

    offered = lending.offer(book=book, to=learner, until=today + timedelta(days=7), on=today, at=at)

    assert offered.blocks == ()


def test_where_somebody_has_borrowed_already_nothing_is_lent(demo):
    before = Borrowing.objects.count()

    books.lend_some(at=timezone.now())

    assert Borrowing.objects.count() == before
