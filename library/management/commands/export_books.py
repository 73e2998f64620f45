from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from library.models import Book, Format
from library.services import exporting
from library.services.marc import RecordTooLong


class Command(BaseCommand):
    help = "Write the whole catalogue with its copies to a file that import_books reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="- for standard output")
        parser.add_argument(
            "--format", choices=[each.lower() for each in Format.values], default=Format.CSV.lower()
        )

    def handle(self, *args: Any, file: Path, format: str, **options: Any) -> None:
        books = Book.objects.all()
        try:
            pieces = exporting.export(books=books, format=Format(format.upper()), on=timezone.localdate())
        except RecordTooLong as refusal:
            raise CommandError(str(refusal)) from refusal
        if str(file) == "-":
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            return
        # Under another name until it is whole: a file that was cut off is never taken for the catalogue.
        unfinished = file.with_name(f"{file.name}.part")
        try:
            with unfinished.open("wb") as written:
                written.writelines(pieces)
            unfinished.replace(file)
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"{books.count()} books in {file}")
