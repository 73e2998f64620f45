"""Redirects made in the CMS that send visitors out of the portal."""

import pytest
from wagtail.contrib.redirects.models import Redirect
from wagtail.models import Page

from portal.content.links import PortalLinks
from portal.content.redirects import leads_outside, redirected_outside

pytestmark = pytest.mark.django_db

EVIL = "https://evil.example/"
VIDEO = "https://youtu.be/dQw4w9WgXcQ"


@pytest.mark.parametrize(
    ("link", "leaves"),
    [
        (EVIL, True),
        ("//evil.example/", True),
        ("javascript:alert(1)", True),
        ("http://localhost:8000@evil.example/", True),
        ("http://localhost:8000.evil.example/", True),
        ("https://www.youtube.com/redirect?q=https://evil.example", True),
        (VIDEO, False),
        ("/courses/", False),
        ("http://localhost:8000/courses/", False),
        ("http://localhost:8000", False),
    ],
)
def test_a_redirect_leads_outside_unless_to_the_portal_or_youtube(settings, link, leaves):
    settings.PORTAL_BASE_URL = "http://localhost:8000"
    redirect = Redirect.add_redirect("/out", redirect_to=link)

    assert leads_outside(redirect) is leaves
    assert redirected_outside(PortalLinks(paths=frozenset({"/out/"}))) == (
        {"/out/": "/out/"} if leaves else {}
    )


def test_a_redirect_to_a_page_stays_inside():
    redirect = Redirect.add_redirect("/out", redirect_to=Page.objects.get(depth=2))

    assert leads_outside(redirect) is False
    assert redirected_outside(PortalLinks(paths=frozenset({"/out"}))) == {}


@pytest.mark.parametrize(
    "path",
    [
        "/out",
        "/out/",
        "/out/?page=2",
        "/out#top",
        "/./a/../out/",
        "/%2e/out",
        "/o%75t/",
        "/a/%2E%2e/out?b=1&a=2",
    ],
)
def test_every_spelling_of_a_path_finds_its_redirect(path):
    Redirect.add_redirect("/out", redirect_to=EVIL)

    assert redirected_outside(PortalLinks(paths=frozenset({path, "/in/"}))) == {path: path}


def test_a_redirect_for_one_query_is_found_in_any_order_of_its_parameters():
    Redirect.add_redirect("/out/?b=2&a=1", redirect_to=EVIL)

    assert redirected_outside(PortalLinks(paths=frozenset({"/out/?a=1&b=2", "/out/"}))) == {
        "/out/?a=1&b=2": "/out/?a=1&b=2"
    }


def test_a_path_in_another_script_is_found_encoded_or_not():
    Redirect.add_redirect("/вон", redirect_to=EVIL)
    paths = frozenset({"/вон/", "/%D0%B2%D0%BE%D0%BD/"})

    assert set(redirected_outside(PortalLinks(paths=paths))) == paths


def test_a_chain_of_redirects_is_followed_to_its_end():
    Redirect.add_redirect("/first", redirect_to="/second")
    Redirect.add_redirect("/second", redirect_to="/third")
    third = Redirect.add_redirect("/third", redirect_to=EVIL)
    links = PortalLinks(paths=frozenset({"/first/", "/fourth/"}))

    assert redirected_outside(links) == {"/first/": "/first/"}
    third.delete()
    assert redirected_outside(links) == {}


def test_redirects_in_a_circle_lead_nowhere():
    Redirect.add_redirect("/first", redirect_to="/second")
    Redirect.add_redirect("/second", redirect_to="/first")

    assert redirected_outside(PortalLinks(paths=frozenset({"/first/"}))) == {}


def test_a_page_is_known_by_its_id():
    page = Page.objects.get(depth=2).add_child(instance=Page(title="Sponsor", slug="sponsor"))
    Redirect.add_redirect("/sponsor", redirect_to=EVIL)

    assert redirected_outside(PortalLinks(page_ids=frozenset({page.pk, 999_999}))) == {page.pk: "/sponsor/"}


def test_a_text_without_links_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert redirected_outside(PortalLinks()) == {}


@pytest.mark.parametrize("count", [1, 30])
def test_however_many_links_take_one_query(django_assert_num_queries, count):
    paths = frozenset(f"/out-{number}/" for number in range(count))
    for path in paths:
        Redirect.add_redirect(path, redirect_to=EVIL)
    redirected_outside(PortalLinks(paths=frozenset({"/warm/"})))

    with django_assert_num_queries(1):
        assert set(redirected_outside(PortalLinks(paths=paths))) == paths
