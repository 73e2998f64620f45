"""Whatever is uploaded, what is kept is a small square picture that the portal has drawn itself."""

import re
import struct
import zlib
from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import ExifTags, Image, PngImagePlugin

from accounts.models import User
from accounts.services import avatars
from accounts.tests.factories import UserFactory


def picture(format="JPEG", size=(900, 600), colour="#b03060", mode="RGB", **options):
    written = BytesIO()
    Image.new(mode, size, colour).save(written, format, **options)
    return written.getvalue()


def upload(content, name="me.jpg", content_type="image/jpeg"):
    return SimpleUploadedFile(name, content, content_type)


def drawn(content, **kwargs):
    return Image.open(BytesIO(avatars.process(upload(content, **kwargs)).read()))


def png_header(width, height):
    """A PNG that claims a size and brings no pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_picture_becomes_a_square_webp_of_at_most_512_pixels(format):
    kept = drawn(picture(format))

    assert (kept.format, kept.size) == ("WEBP", (512, 512))


def test_a_small_picture_is_not_blown_up():
    assert drawn(picture(size=(90, 60))).size == (60, 60)


def test_the_square_is_cut_out_of_the_middle():
    wide = Image.new("RGB", (900, 300), "#0000ff")
    wide.paste("#ff0000", (300, 0, 600, 300))
    written = BytesIO()
    wide.save(written, "PNG")

    kept = drawn(written.getvalue()).convert("RGB")

    red, _green, blue = kept.getpixel((5, 150))
    assert (red > 200, blue < 60) == (True, True)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright_as_the_camera_noted(orientation):
    upright = Image.new("RGB", (64, 64), "#ffffff")
    upright.paste("#000000", (0, 0, 32, 32))  # top left is dark, as one sees it
    lies = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright.transpose(lies) if lies is not None else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    written = BytesIO()
    stored.save(written, "JPEG", exif=exif, quality=95)

    kept = drawn(written.getvalue()).convert("L")

    assert kept.getpixel((8, 8)) < 60
    assert min(kept.getpixel(corner) for corner in [(56, 8), (8, 56), (56, 56)]) > 200


def test_place_camera_comments_and_colour_profile_are_not_carried_over():
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Hidden camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (55.0, 45.0, 0.0)
    content = picture(exif=exif, comment=b"hidden words", icc_profile=b"hidden profile" * 20)
    assert b"Hidden camera" in content

    kept = avatars.process(upload(content)).read()

    assert b"idden" not in kept
    assert not {"exif", "icc_profile", "xmp", "comment"} & set(Image.open(BytesIO(kept)).info)
    assert not Image.open(BytesIO(kept)).getexif()


def test_words_hidden_in_a_png_are_not_carried_over():
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "<script>hidden</script>", zip=False)

    assert b"hidden" not in avatars.process(upload(picture("PNG", pnginfo=words))).read()


@pytest.mark.parametrize("tail", [b"<script>alert(1)</script>", b"PK\x03\x04 a whole archive", b"<?php ?>"])
def test_what_hangs_behind_a_picture_is_cut_off(tail):
    assert tail not in avatars.process(upload(picture() + tail)).read()


def test_what_can_be_seen_through_stays_so():
    kept = drawn(picture("PNG", mode="RGBA", colour=(255, 0, 0, 0)))

    assert kept.convert("RGBA").getpixel((100, 100))[3] == 0


@pytest.mark.parametrize(("mode", "format"), [("CMYK", "JPEG"), ("P", "PNG"), ("1", "PNG"), ("I;16", "PNG")])
def test_pictures_of_rarer_kinds_are_read_too(mode, format):
    written = BytesIO()
    Image.new(mode, (200, 100)).save(written, format)

    assert drawn(written.getvalue()).size == (100, 100)


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<html><script>alert(1)</script></html>",
        b"%PDF-1.7 pretends",
        b"\xff\xd8\xff\xe0 begins like a photograph",
        b"\x89PNG\r\n\x1a\n begins like a drawing",
        b"",
    ],
)
@pytest.mark.parametrize("name", ["me.jpg", "me.png"])
def test_what_is_no_picture_is_refused_whatever_it_is_called(content, name):
    with pytest.raises(avatars.AvatarRefused, match="no picture we can read"):
        avatars.process(upload(content, name))


@pytest.mark.parametrize("format", ["GIF", "BMP", "TIFF", "ICO"])
def test_other_kinds_of_pictures_are_refused_by_what_they_are(format):
    with pytest.raises(avatars.AvatarRefused, match="no picture we can read"):
        avatars.process(upload(picture(format, size=(64, 64)), "me.jpg"))


def test_a_picture_that_breaks_off_is_refused():
    with pytest.raises(avatars.AvatarRefused, match="no picture we can read"):
        avatars.process(upload(picture()[:-300]))


@pytest.mark.parametrize("size", [(8000, 5001), (60_000, 60_000), (1, 40_000_001)])
def test_a_picture_that_unpacks_into_too_much_is_refused_before_it_is_unpacked(size, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda picture: pytest.fail("It was unpacked."))

    with pytest.raises(avatars.AvatarRefused, match="too many pixels"):
        avatars.process(upload(png_header(*size), "bomb.png"))


def test_a_large_file_is_refused_before_it_is_read():
    large = upload(picture())
    large.size = avatars.MAX_BYTES + 1

    with pytest.raises(avatars.AvatarRefused, match="At most 5 MB"):
        avatars.process(large)


@pytest.mark.django_db
def test_the_file_is_kept_under_a_name_that_is_not_the_uploaders():
    user = UserFactory()

    avatars.replace(user=user, upload=upload(picture(), "../../ada lovelace.php.jpg"))

    name = User.objects.get().avatar.name
    assert re.fullmatch(r"avatars/[\w-]{20,}\.webp", name)
    assert default_storage.exists(name)


@pytest.mark.django_db
def test_a_new_picture_takes_the_place_of_the_former_file(django_capture_on_commit_callbacks):
    user = UserFactory()
    avatars.replace(user=user, upload=upload(picture()))
    former = user.avatar.name

    with django_capture_on_commit_callbacks(execute=True):
        avatars.replace(user=user, upload=upload(picture(colour="#00ff00")))

    assert not default_storage.exists(former)
    assert default_storage.exists(User.objects.get().avatar.name)


@pytest.mark.django_db
def test_a_removed_picture_leaves_no_file(django_capture_on_commit_callbacks):
    user = UserFactory()
    avatars.replace(user=user, upload=upload(picture()))
    former = user.avatar.name

    with django_capture_on_commit_callbacks(execute=True):
        avatars.remove(user=user)
        avatars.remove(user=user)

    assert not User.objects.get().avatar
    assert not default_storage.exists(former)


@pytest.mark.django_db
def test_a_refused_picture_leaves_the_former_one():
    user = UserFactory()
    avatars.replace(user=user, upload=upload(picture()))

    with pytest.raises(avatars.AvatarRefused):
        avatars.replace(user=user, upload=upload(b"<svg/>"))

    assert default_storage.exists(User.objects.get().avatar.name)


@pytest.mark.django_db
def test_a_picture_is_uploaded_and_removed_on_the_profile(client):
    user = UserFactory()
    client.force_login(user)

    shown = client.post("/accounts/profile/avatar/", {"picture": upload(picture())}, follow=True)
    assert User.objects.get().avatar.url in shown.content.decode()

    client.post("/accounts/profile/avatar/", {"remove": "1"})
    assert not User.objects.get().avatar


@pytest.mark.django_db
@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b""])
def test_a_refusal_is_told_at_the_field(client, content):
    client.force_login(UserFactory())

    answer = client.post("/accounts/profile/avatar/", {"picture": upload(content)})

    assert answer.status_code == 422
    assert answer.context["avatar_form"].errors["picture"]


# --- In the Django admin -----------------------------------------------------------------------------------
@pytest.fixture
def change(client):
    """Change a person in the admin."""
    client.force_login(UserFactory(superuser=True))

    def post(user, **fields):
        url = f"/admin/accounts/user/{user.pk}/change/"
        return client.post(url, {"email": user.email, "is_active": "on", **fields})

    return post


@pytest.mark.django_db
def test_what_an_administrator_uploads_is_drawn_anew_too(change, django_capture_on_commit_callbacks):
    user = UserFactory()
    avatars.replace(user=user, upload=upload(picture()))
    former = user.avatar.name
    photograph = picture(comment=b"taken at home")

    with django_capture_on_commit_callbacks(execute=True):
        change(user, avatar=upload(photograph + b"<script>"))

    user.refresh_from_db()
    kept = user.avatar.read()
    assert Image.open(BytesIO(kept)).format == "WEBP"
    assert b"taken at home" not in kept
    assert b"<script>" not in kept
    assert user.avatar.name != former
    assert not default_storage.exists(former)


@pytest.mark.django_db
def test_what_an_administrator_clears_leaves_no_file(change, django_capture_on_commit_callbacks):
    user = UserFactory()
    avatars.replace(user=user, upload=upload(picture()))
    former = user.avatar.name

    with django_capture_on_commit_callbacks(execute=True):
        change(user)
        assert default_storage.exists(former)
        change(user, **{"avatar-clear": "on"})

    user.refresh_from_db()
    assert not user.avatar
    assert not default_storage.exists(former)


@pytest.mark.django_db
def test_what_is_refused_on_the_profile_is_refused_in_the_admin(change):
    user = UserFactory()

    answer = change(user, avatar=upload(picture("GIF"), "me.gif", "image/gif"))

    assert "Choose a JPEG, PNG or WebP file" in answer.context["adminform"].form.errors["avatar"][0]
    user.refresh_from_db()
    assert not user.avatar
