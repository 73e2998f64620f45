"""Large files: the memory of a few records, whatever their number."""

from __future__ import annotations

import gc
import io
import os
import tempfile
import tracemalloc
from collections import Counter

import pytest

from library.models import Book, Format, ImportRun
from library.services import exporting, importing
from library.services.importing import Defaults
from library.tests.factories import NOW, TODAY

#: Ten thousand by `make sizes`, fewer in the suite.
RECORDS = 10_000 if os.environ.get("SIZES") == "long" else 2_000
MEGABYTE = 1_000_000
DEFAULTS = Defaults(currency="USD")


def spreadsheet(count: int) -> bytes:
    rows = (
        f'"Book {n}, a novel",Author {n % 700},{1900 + n % 120},Publisher {n % 50},C-{n},'
        f'"Subject {n % 40}; Subject {n % 7}","{"About it. " * 20}"\n'
        for n in range(count)
    )
    return ("title,author,year,publisher,barcode,subjects,description\n" + "".join(rows)).encode()


def peak_of_import(
    file: io.BytesIO, format: Format, progress: importing.Progress | None = None
) -> tuple[ImportRun, int]:
    """The run, and how many bytes it took beyond what there was."""
    tracemalloc.start()
    run = importing.begin(
        file=file, filename="b", format=format, encoding="utf-8", defaults=DEFAULTS, by=None,
        language="en", at=NOW, is_kept=False,
    )  # fmt: skip
    run = importing.check(run=run, file=file, at=NOW, progress=progress)
    importing.confirm(run=run, by=None, at=NOW, is_queued=False)
    run = importing.carry_out(run=run, file=file, on=TODAY, at=NOW, progress=progress)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return run, peak


def collect(done: int, total: int | None) -> None:
    """Take away what nobody holds any more: rows that point to each other wait for that otherwise."""
    if done % 100 == 0:
        gc.collect()


@pytest.mark.django_db(transaction=True)
def test_three_times_the_records_take_the_same_memory():
    new, peak_of_new = peak_of_import(io.BytesIO(spreadsheet(1_200)), Format.CSV, collect)

    few, peak_of_few = peak_of_import(io.BytesIO(spreadsheet(400)), Format.CSV, collect)
    many, peak_of_many = peak_of_import(io.BytesIO(spreadsheet(1_200)), Format.CSV, collect)

    assert (new.added, few.unchanged, many.unchanged) == (1_200, 400, 1_200)
    assert peak_of_many < 1.3 * peak_of_few
    assert peak_of_new < 4 * MEGABYTE


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_however_many_records_fit_into_sixteen_megabytes():
    run, peak = peak_of_import(io.BytesIO(spreadsheet(RECORDS)), Format.CSV, collect)
    assert (run.added, run.copies) == (RECORDS, RECORDS)
    assert peak < 16 * MEGABYTE

    for format in Format:
        with tempfile.TemporaryFile() as file:
            tracemalloc.start()
            file.writelines(exporting.export(books=Book.objects.all(), format=format, on=TODAY))
            reading = importing.source(file, format=format)
            outcomes = Counter()
            for number, planned in enumerate(importing.examine(reading, defaults=DEFAULTS)):
                outcomes[planned.outcome] += 1
                collect(number, None)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        # Written and read again in one go, by the way of the dry run.
        assert outcomes == {"UNCHANGED": RECORDS}
        assert peak < 32 * MEGABYTE
