"""Where pictures and documents lie, and who could guess it."""

import io
import re

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from PIL import Image

from portal.content.models import PortalDocument, PortalImage

pytestmark = pytest.mark.django_db


def picture(name="cover.png"):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 36), "navy").save(buffer, "PNG")
    return PortalImage.objects.create(title="Cover", file=ContentFile(buffer.getvalue(), name=name))


def folder_of(file):
    return re.fullmatch(r"images/([0-9a-f]{32})/[^/]+", file.name)[1]


def test_each_picture_lies_in_a_folder_nobody_guesses():
    assert folder_of(picture().file) != folder_of(picture().file)


def test_the_sizes_of_a_picture_share_its_folder():
    image = picture()

    rendition = image.get_rendition("fill-32x18")

    assert folder_of(rendition.file) == folder_of(image.file)
    assert rendition.file.name != image.file.name


def test_a_long_name_is_cut_to_what_fits():
    image = picture("Очень длинное имя файла, которое никто не дочитает до конца, даже если захочет.png")

    assert len(image.file.name) <= 100
    assert image.file.name.endswith(".png")
    assert len(image.get_rendition("fill-32x18|format-webp").file.name) <= 100


def test_a_picture_is_described_by_its_description():
    image = picture()
    image.description = "A spade in a flower bed"

    assert image.get_rendition("fill-32x18").alt == "A spade in a flower bed"


def test_documents_lie_in_private_storage_and_have_no_public_address(client):
    document = PortalDocument.objects.create(title="Plan", file=ContentFile(b"x", name="plan.txt"))

    assert document.file.storage is storages["private"]
    assert document.url == f"/documents/{document.pk}/plan.txt"
    assert client.get(f"/media/{document.file.name}").status_code == 404
