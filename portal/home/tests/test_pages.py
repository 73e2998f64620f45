"""The small pages of the whole site, and who gets in where."""

import re
from datetime import UTC, datetime

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import RequestFactory
from wagtail.models import Site

from accounts.services.telegram import Folder
from accounts.tests.factories import UserFactory
from portal.home.context_processors import payments_are_a_stand_in, portal
from portal.home.models import HomePage, SiteSettings, StandardPage
from portal.home.tests.pages import make_course, make_lesson

pytestmark = pytest.mark.django_db


# --- The developer's outbox --------------------------------------------------------------------------------
@pytest.fixture
def outbox_folder(settings, tmp_path):
    settings.DEBUG = True
    settings.EMAIL_FILE_PATH = tmp_path
    settings.TELEGRAM_FILE_PATH = tmp_path / "telegram"
    return tmp_path


def send(folder, subject, text, html=""):
    connection = get_connection("django.core.mail.backends.filebased.EmailBackend", file_path=str(folder))
    letter = EmailMultiAlternatives(
        subject, text, "portal@example.com", ["reader@example.com"], connection=connection
    )
    if html:
        letter.attach_alternative(html, "text/html")
    letter.send()


def test_the_outbox_shows_letters_with_links_to_follow(client, outbox_folder):
    send(outbox_folder, "Confirm – подтвердите", "Go to http://localhost:8000/confirm/1/", html="<p>Go</p>")

    answer = client.get("/dev/outbox/")

    (letter,) = answer.context["letters"]
    assert (letter.subject, letter.recipients) == ("Confirm – подтвердите", "reader@example.com")
    assert 'href="http://localhost:8000/confirm/1/"' in answer.content.decode()


def test_the_newest_letter_stands_first(client, outbox_folder):
    connection = get_connection(
        "django.core.mail.backends.filebased.EmailBackend", file_path=str(outbox_folder)
    )
    connection.send_messages(
        [
            EmailMultiAlternatives(name, "…", "a@example.com", ["b@example.com"])
            for name in ("First", "Second")
        ]
    )
    send(outbox_folder, "Third", "…")

    letters = client.get("/dev/outbox/").context["letters"]

    assert [letter.subject for letter in letters] == ["Third", "Second", "First"]


def test_the_outbox_shows_what_would_be_said_in_chats_among_the_letters(client, outbox_folder):
    send(outbox_folder, "Welcome", "Hello")
    Folder().say(
        chat="staff",
        html="<b>New borrowing</b>\n&lt;i&gt;Dune<script>alert(1)</script>",
        at=datetime(2126, 3, 2, 9, 0, tzinfo=UTC),
    )

    answer = client.get("/dev/outbox/")

    said, letter = answer.context["letters"]
    assert (said.chat, letter.subject) == ("staff", "Welcome")
    assert "<b>New borrowing</b><br>&lt;i&gt;Dunealert(1)" in answer.content.decode()


def test_an_outbox_without_letters_says_so(client, outbox_folder):
    assert client.get("/dev/outbox/").context["letters"] == []


def test_there_is_no_outbox_in_production(client, settings, tmp_path):
    settings.DEBUG = False
    settings.EMAIL_FILE_PATH = tmp_path

    assert client.get("/dev/outbox/").status_code == 404


# --- Doors -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/cms/", "/cms/pages/", "/admin/"])
def test_the_back_rooms_are_entered_through_the_portal_s_sign_in(client, path):
    answer = client.get(path, follow=True)

    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/cms/", "/admin/"])
def test_a_learner_is_turned_away_and_not_sent_round_in_circles(client, path):
    client.force_login(UserFactory())

    answer = client.get(path, follow=True)

    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/cms/", "/admin/"])
def test_an_administrator_comes_in(client, path):
    client.force_login(UserFactory(superuser=True))

    assert client.get(path).status_code == 200


# --- Search engines ----------------------------------------------------------------------------------------
def test_the_map_of_the_site_has_what_everybody_may_open(client):
    course = make_course("Baking")
    make_lesson(course, "Flour", is_preview=True)
    make_lesson(course, "Dough")
    make_course("Cooking", live=False)

    content = client.get("/sitemap.xml").content.decode()

    assert content.count("<loc>") == 5
    for path in ("/", "/courses/", "/courses/baking/", "/courses/baking/flour/", "/library/"):
        assert f"<loc>http://localhost:8000{path}</loc>" in content


def test_crawlers_are_told_where_not_to_go(client):
    lines = client.get("/robots.txt").content.decode().splitlines()

    assert "Disallow: /search/" in lines
    assert lines[-1] == "Sitemap: http://testserver/sitemap.xml"


# --- What every page has -----------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/search/", "/accounts/login/", "/accounts/password/reset/"])
def test_a_page_without_a_description_makes_none_up(client, path):
    content = client.get(path).content.decode()

    assert re.search(r'<meta name="description"\s+content="">', content)


def test_the_menu_marks_where_one_is(django_assert_num_queries):
    with django_assert_num_queries(0):
        context = portal(RequestFactory().get("/courses/baking/"))

    assert context["navigation"] == [
        {"title": "Courses", "url": "/courses/", "is_current": True},
        {"title": "Library", "url": "/library/", "is_current": False},
        {"title": "Shop", "url": "/shop/", "is_current": False},
    ]


@pytest.mark.parametrize(
    ("api_base", "expected"),
    [
        ("https://api.stripe.com", False),
        ("https://api.stripe.com:443/v1", False),
        ("http://127.0.0.1:12111", True),
        ("https://api.stripe.com.example.com", True),
    ],
)
def test_payments_to_anybody_but_stripe_are_told(api_base, expected):
    assert payments_are_a_stand_in(api_base) is expected


def test_the_language_is_chosen_and_remembered(client):
    answer = client.post("/language/", {"language": "ru", "next": "/courses/"})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/courses/")
    assert client.cookies["django_language"].value == "ru"


def test_choosing_a_language_leads_nowhere_else(client):
    answer = client.post("/language/", {"language": "ru", "next": "https://example.com/"})

    assert answer.headers["Location"] == "/"


def test_a_standard_page_shows_its_text(client):
    page = StandardPage(title="About", introduction="Who we are.", body=[("text", "<p>Readers.</p>")])
    HomePage.objects.get().add_child(instance=page)

    answer = client.get("/about/")

    assert "Who we are." in answer.content.decode()
    assert "Readers." in answer.content.decode()


def test_the_foot_of_every_page_says_what_editors_set(client):
    settings = SiteSettings.for_site(Site.objects.get())
    settings.footer_text = "Open on weekdays."
    settings.save()

    assert "Open on weekdays." in client.get("/").content.decode()


def test_an_unknown_page_is_not_found_in_words(client):
    answer = client.get("/nothing/")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
