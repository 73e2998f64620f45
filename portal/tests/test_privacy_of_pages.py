"""No page tells one person what belongs to another: asked at every address of the table of permissions."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.core.files.storage import FileSystemStorage
from django.test import Client

from accounts.models import User
from commerce.models import Payment
from portal.content.models import PortalDocument
from portal.tests.matrix import World, build_world, read_table

SECRETS = {
    "last_name": "Lovelace-Byron",
    "phone": "+442079460018",
    "email": "ada.keeps.this@example.com",
}
# Who runs the shop or the site may see what is sold to whom.
CURIOUS = ("anonymous", "blocked", "other", "author", "moderator", "librarian")
ADDRESSES = sorted({row.address for row in read_table() if "GET" in row.methods})


@pytest.fixture(autouse=True)
def documents_on_disk(monkeypatch, tmp_path):
    """Wagtail sends files from a disk; the storage in memory of the other tests claims to be one."""
    field = PortalDocument._meta.get_field("file")
    monkeypatch.setattr(field, "storage", FileSystemStorage(location=tmp_path, base_url=None))


@pytest.fixture
def world(db) -> World:
    world = build_world()
    member = world.people["member"]
    User.objects.filter(pk=member.pk).update(first_name="Ada", city="London", **SECRETS)
    EmailAddress.objects.filter(user=member).update(email=SECRETS["email"])
    return world


def hidden(world: World, path: str) -> list[str]:
    """What is the member's alone; what the asker has written into the address is no secret."""
    payment = Payment.objects.get(pk=world.names["payment"])
    password = User.objects.get(pk=world.people["member"].pk).password
    secrets = [*SECRETS.values(), password, payment.session_id, payment.session_url, payment.order.number]
    return [secret for secret in secrets if secret and secret not in path]


def read(world: World, role: str, address: str) -> str:
    """What the answer says, headers and all."""
    path = "/" + address.format_map(world.names)
    cache.clear()
    client = Client(raise_request_exception=False)
    headers = {}
    if path.startswith("/api/") and role != "anonymous":
        headers["authorization"] = f"Bearer {world.tokens[role]}"
    elif role != "anonymous":
        client.force_login(world.people[role])
    answer = client.get(path, headers=headers)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return body.decode(errors="replace") + str(dict(answer.headers))


@pytest.mark.parametrize("role", CURIOUS)
def test_no_address_tells_what_is_anothers(world, role):
    found = []
    for address in ADDRESSES:
        said = read(world, role, address)
        found += [
            f"{address}: {secret}"
            for secret in hidden(world, address.format_map(world.names))
            if secret in said
        ]

    assert found == []


def test_the_secrets_are_such_that_their_owner_reads_them(world):
    profile, addresses = (read(world, "member", f"accounts/{page}/") for page in ("profile", "email"))

    assert [value in profile + addresses for value in SECRETS.values()] == [True] * 3
    assert re.findall(r"\$49\.00", profile) == ["$49.00"]
