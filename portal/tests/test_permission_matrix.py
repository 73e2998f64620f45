"""Who gets what from every route: one table, asked as everybody, by every method."""

from __future__ import annotations

import pytest
from django.core.files.storage import FileSystemStorage
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from portal.content.models import PortalDocument
from portal.tests.matrix import GROUPS, METHODS, ROLES, Row, ask, build_world, read_table, routes

ROWS = read_table()
# Roles that may not enter these trees; in the CMS the editors' roles may.
SHUT_OUT = {
    "admin/": [role for role in ROLES if role not in ("staff", "superuser")],
    "cms/": [role for role in ROLES if role not in (*GROUPS, "superuser")],
}
# Sign-in, which only sends on, and the words and icons of the CMS's own pages.
DOORS = {
    "admin/login/",
    "admin/logout/",
    "cms/login/",
    "cms/logout/",
    "cms/jsi18n/",
    "cms/sprite/",
    "admin/jsi18n/",
}


def test_every_route_has_its_rows():
    missing = set(routes()) - {row.route for row in ROWS}

    assert sorted(missing) == [], "give these routes their rows in portal/tests/permissions.csv"


def test_no_row_is_about_a_route_that_is_gone():
    assert sorted({row.route for row in ROWS} - set(routes())) == []


def test_every_method_of_every_address_stands_in_the_table_once():
    by_address: dict[tuple[str, str], list[str]] = {}
    for row in ROWS:
        by_address.setdefault((row.route, row.address), []).extend(row.methods)

    assert {key: methods for key, methods in by_address.items() if sorted(methods) != sorted(METHODS)} == {}


def by_part_of_the_site() -> dict[str, list[Row]]:
    """The rows, by the first words of their address; making the people is dear, so a part shares them."""
    parts: dict[str, list[Row]] = {}
    for row in ROWS:
        words = row.address.split("/")
        parts.setdefault("/".join(words[:3] if words[0] == "api" else words[:2]), []).append(row)
    return parts


PARTS = by_part_of_the_site()


@pytest.fixture(autouse=True)
def documents_on_disk(monkeypatch, tmp_path):
    """Wagtail sends files from a disk; the storage in memory of the other tests claims to be one."""
    field = PortalDocument._meta.get_field("file")
    monkeypatch.setattr(field, "storage", FileSystemStorage(location=tmp_path, base_url=None))


@pytest.mark.django_db
@pytest.mark.parametrize("part", PARTS)
def test_everybody_gets_what_the_table_says(part: str):
    world = build_world()

    surprises = []
    for row in PARTS[part]:
        for method in row.methods:
            answers = {role: ask(world, role=role, method=method, address=row.address) for role in ROLES}
            if answers != dict(row.expected):
                surprises.append(f"{row.route},{row.address},{method},{','.join(map(str, answers.values()))}")

    assert surprises == [], "what the routes answer, in the form of the table"


@pytest.mark.django_db
@pytest.mark.parametrize("tree", SHUT_OUT)
def test_nobody_without_the_right_gets_anything_from_the_trees_of_the_admins(tree):
    world = build_world()
    addresses = sorted(set(plain_addresses(tree)) - DOORS)

    got_in = []
    for role in SHUT_OUT[tree]:
        client = Client(raise_request_exception=False)
        if role != "anonymous":
            client.force_login(world.people[role])
        for address in addresses:
            status = client.get(f"/{address}").status_code
            if status not in (302, 403, 404):
                got_in.append((role, address, status))

    assert len(addresses) > 20
    assert got_in == []


def plain_addresses(tree: str) -> list[str]:
    """The addresses of a tree that need no arguments."""

    def walk(resolver: URLResolver, prefix: str) -> list[str]:
        found = []
        for pattern in resolver.url_patterns:
            spelt = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$")
            if isinstance(pattern, URLPattern):
                found.append(spelt)
            else:
                found.extend(walk(pattern, spelt))
        return found

    return [
        each for each in walk(get_resolver(), "") if each.startswith(tree) and not set("<(?[") & set(each)
    ]
