"""Labels as a scanner reads them: the PDF is rendered, and its bars are decoded by another program."""

from __future__ import annotations

from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from accounts.tests.factories import UserFactory
from library import barcodes
from library.models import Copy, ImportRow, ImportRun, LibraryCard
from library.services import labels
from library.services.labels import SHEETS, Label, LabelsRefused
from library.tests.factories import NOW, BookFactory, CopyFactory, LibraryCardFactory

ALL = [pytest.param(sheet, id=key) for key, sheet in SHEETS.items()]
NUMBERS = [barcodes.made(barcodes.COPY, n) for n in range(1, 200)]
# A4 and Letter at this resolution; an office printer has twice as much at least.
DOTS_PER_INCH = 300


def scanned(page: Path, sheet) -> dict[int, str]:
    """What a scanner reads on each label of a page, by its place from 1."""
    points = DOTS_PER_INCH / 72
    picture = Image.open(page)
    read = {}
    for place in range(sheet.count):
        left, bottom = sheet.corner(place)
        width, height = sheet.label
        top = sheet.page[1] - bottom - height
        area = picture.crop(tuple(round(n * points) for n in (left, top, left + width, top + height)))
        found = zxingcpp.read_barcodes(area, formats=zxingcpp.BarcodeFormat.Code128)
        if found:
            assert len(found) == 1
            read[place + 1] = found[0].text
    return read


@pytest.mark.parametrize("sheet", ALL)
def test_every_label_of_a_sheet_is_read_as_its_number(sheet, pages_of):
    printed = labels.printed(
        (Label(barcode=number, heading="Война и мир: роман в четырёх томах", line="SF HER") for number in
         NUMBERS[: sheet.count + 2]),
        sheet=sheet,
    )  # fmt: skip

    first, second = pages_of(printed, DOTS_PER_INCH)

    assert scanned(first, sheet) == {n + 1: NUMBERS[n] for n in range(sheet.count)}
    assert scanned(second, sheet) == {1: NUMBERS[sheet.count], 2: NUMBERS[sheet.count + 1]}


@pytest.mark.parametrize("sheet", ALL)
def test_a_used_sheet_is_printed_from_its_first_free_label(sheet, pages_of):
    printed = labels.printed([Label(barcode=number) for number in NUMBERS[:3]], sheet=sheet, start=5)

    (page,) = pages_of(printed, DOTS_PER_INCH)

    assert scanned(page, sheet) == {5: NUMBERS[0], 6: NUMBERS[1], 7: NUMBERS[2]}


def test_numbers_of_other_libraries_are_printed_too(pages_of):
    numbers = ["31234000123456", "A-12/b", "978.0$x+%_"]
    sheet = SHEETS["L7160"]

    (page,) = pages_of(labels.printed([Label(barcode=n) for n in numbers], sheet=sheet), DOTS_PER_INCH)

    assert list(scanned(page, sheet).values()) == numbers


@pytest.mark.parametrize("sheet", ALL)
def test_no_label_lies_beyond_its_sheet_or_on_its_neighbour(sheet):
    width, height = sheet.label
    corners = [sheet.corner(place) for place in range(sheet.count)]

    assert sheet.across >= width
    assert sheet.down >= height - 0.01
    assert all(x >= 0 and x + width <= sheet.page[0] + 0.01 for x, _y in corners)
    assert all(y >= 0 and y + height <= sheet.page[1] for _x, y in corners)


@pytest.mark.parametrize(
    ("given", "start", "said"),
    [
        ([], 1, "There is nothing to print a label for."),
        ([Label(barcode="C-1")], 22, "A sheet has the labels 1 to 21; 22 is none of them."),
        ([Label(barcode="C-1")], 0, "A sheet has the labels 1 to 21; 0 is none of them."),
        (
            [Label(barcode="ж")],
            1,
            "“ж” cannot be printed: letters, digits and . $ / + % _ - are.",
        ),
        ([Label(barcode="A" * 40)], 1, f"“{'A' * 40}” is too long for this label: take a wider one."),
    ],
)
def test_what_cannot_be_printed_is_said(given, start, said):
    with pytest.raises(LabelsRefused) as refused:
        labels.printed(given, sheet=SHEETS["L7160"], start=start)

    assert str(refused.value) == said


def test_a_long_title_is_cut_to_the_label():
    labels._load_font()

    lines = labels._lines("A very long title " * 9, 8.5, 170, most=2)

    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert all(labels._width(line, 8.5) <= 170 for line in lines)


@pytest.mark.django_db
class TestWhatIsPrinted:
    def test_a_copy_has_its_title_and_its_place(self):
        CopyFactory(barcode="C-1", location="SF HER", book=BookFactory(title="Dune"))

        assert list(labels.of_copies(Copy.objects.all())) == [
            Label(barcode="C-1", heading="Dune", line="SF HER")
        ]

    def test_a_card_has_its_member_and_the_library(self):
        LibraryCardFactory(number="M-1", member=UserFactory(first_name="Ada", last_name="Byron"))

        printed = list(labels.of_cards(LibraryCard.objects.all(), library="Town library"))

        assert printed == [Label(barcode="M-1", heading="Ada Byron", line="Town library")]

    def test_an_import_has_the_copies_that_it_brought(self):
        run = ImportRun.objects.create(
            filename="b.csv", format="CSV", currency="USD", created_at=NOW, touched_at=NOW
        )
        one, two, _other = CopyFactory(), CopyFactory(), CopyFactory()
        ImportRow.objects.create(
            run=run, number=1, outcome="ADDED", copies=2, barcodes=f"{one.barcode} {two.barcode}"
        )

        assert set(labels.copies_of(run)) == {one, two}

    def test_barcodes_that_nobody_has_are_named(self):
        CopyFactory(barcode="C-1")

        with pytest.raises(LabelsRefused, match="no copies with these barcodes: C-2"):
            labels.copies_with(["C-1", "C-2"])
