"""Pictures of items: small where they are shown small, made once, and kept by browsers."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse
from PIL import Image

from commerce.models import Item
from commerce.templatetags.pictures import SHAPES, picture_url

pytestmark = pytest.mark.django_db


def drawn(size: tuple[int, int] = (2000, 1500), kind: str = "PNG") -> ContentFile:
    file = BytesIO()
    Image.new("RGB", size, "#0d5656").save(file, kind)
    return ContentFile(file.getvalue(), name=f"mug.{kind.lower()}")


def make_item(**fields) -> Item:
    return Item.objects.create(name="Mug", price=Decimal("12.50"), currency="USD", **fields)


def shown(page: str) -> list[tuple[str, list[str]]]:
    """Source and candidates of every picture of an item on a page."""
    return [
        (source, [candidate.strip() for candidate in candidates.split(",")])
        for source, candidates in re.findall(r'<img src="(/item/[^"]+)" srcset="([^"]+)"', page)
    ]


def kept() -> dict[str, datetime]:
    """The sizes that were made, with the moment."""
    folder = "items/sizes"
    names = default_storage.listdir(folder)[1] if default_storage.exists(folder) else []
    return {name: default_storage.get_modified_time(f"{folder}/{name}") for name in names}


@pytest.fixture(autouse=True)
def no_sizes_of_other_tests() -> None:
    for name in kept():
        default_storage.delete(f"items/sizes/{name}")


@pytest.fixture
def mug(db) -> Item:
    return make_item(picture=drawn())


@pytest.mark.parametrize("shape", SHAPES)
def test_a_picture_comes_in_each_size_of_its_shape(client, mug, shape):
    for width in SHAPES[shape].widths:
        answer = client.get(picture_url(mug, shape, width))

        with Image.open(BytesIO(answer.getvalue())) as picture:
            assert (picture.format, picture.size) == ("WEBP", SHAPES[shape].size(width))
        assert answer["Content-Type"] == "image/webp"
        assert answer["Cache-Control"] == "public, max-age=31536000, immutable"


def test_pages_offer_the_sizes_and_load_the_one_that_they_are_about_first(client, mug):
    card = client.get("/shop/").content.decode()
    page = client.get(f"/item/{mug.pk}/").content.decode()

    [(source, candidates)] = shown(card)
    assert source == picture_url(mug, "card", 640)
    assert candidates == [f"{picture_url(mug, 'card', width)} {width}w" for width in (320, 640, 960)]
    assert 'loading="lazy"' in card
    assert shown(page)[0][0] == picture_url(mug, "whole", 960)
    assert 'alt="Mug" width="960" height="720" fetchpriority="high"' in page


def test_the_cart_shows_small_ones(client, mug):
    client.post(f"/item/{mug.pk}/add-to-order/")

    [(source, _candidates)] = shown(client.get("/cart/").content.decode())

    assert source == picture_url(mug, "small", 192)


def test_a_size_is_made_once(client, mug):
    first = client.get(picture_url(mug, "card", 320)).getvalue()
    made = kept()

    second = client.get(picture_url(mug, "card", 320)).getvalue()

    assert second == first
    assert kept() == made
    assert len(made) == 1


def test_a_small_picture_is_not_blown_up(client):
    small = make_item(picture=drawn((200, 150)))

    answer = client.get(picture_url(small, "whole", 960))

    with Image.open(BytesIO(answer.getvalue())) as picture:
        assert picture.size == (200, 150)


def test_a_new_picture_has_new_addresses(client, mug):
    before = picture_url(mug, "card", 320)
    mug.picture = drawn()
    mug.save()

    assert picture_url(mug, "card", 320) != before
    assert client.get(before).status_code == 404
    assert client.get(picture_url(mug, "card", 320)).status_code == 200


def test_only_the_sizes_that_pages_show_are_made_and_only_for_who_knows_the_key(client, mug):
    key = picture_url(mug, "card", 320).split("/")[4]
    bare = make_item()

    for pk, given, shape, width in (
        (mug.pk, key, "card", 321),
        (mug.pk, key, "whole", 320),
        (mug.pk, key, "huge", 320),
        (mug.pk, "a" * 20, "card", 320),
        (bare.pk, key, "card", 320),
        (999, key, "card", 320),
    ):
        address = reverse("commerce:item_picture", args=[pk, given, shape, width])
        assert client.get(address).status_code == 404
    assert kept() == {}


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_a_file_that_is_gone_or_broken_is_not_found(client, mug, damage):
    default_storage.delete(mug.picture.name)
    if damage == "broken":
        default_storage.save(mug.picture.name, ContentFile(b"\x89PNG\r\n\x1a\nnothing more"))

    assert client.get(picture_url(mug, "card", 320)).status_code == 404
    assert client.get("/shop/").status_code == 200


def test_a_picture_sets_no_cookie_and_costs_one_query(client, mug, django_assert_num_queries):
    client.get(picture_url(mug, "card", 320))

    with django_assert_num_queries(1):
        answer = client.get(picture_url(mug, "card", 320))

    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")
