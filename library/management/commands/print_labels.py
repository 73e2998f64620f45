from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from library.models import Copy, ImportRun, LibraryCard
from library.services import labels


class Command(BaseCommand):
    help = "Write labels with barcodes to a PDF: of copies, by number or by import, or of members' cards."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--barcodes", nargs="+", metavar="BARCODE", help="of copies")
        which.add_argument("--run", type=int, help="the number of an import: the copies that it brought")
        which.add_argument("--cards", nargs="*", metavar="NUMBER", help="of members; all when none is named")
        which.add_argument("--all", action="store_true", help="every copy that is not withdrawn")
        parser.add_argument("--sheet", choices=list(labels.SHEETS), default="L7160")
        parser.add_argument("--start", type=int, default=1, help="the first free label of the first sheet")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            pdf = labels.printed(
                self._chosen(options), sheet=labels.SHEETS[options["sheet"]], start=options["start"]
            )
        except labels.LabelsRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        file.write_bytes(pdf)
        self.stdout.write(f"Labels in {file}")

    def _chosen(self, options: dict[str, Any]) -> Any:
        if options["barcodes"]:
            return labels.of_copies(labels.copies_with(options["barcodes"]))
        if options["run"]:
            run = ImportRun.objects.filter(pk=options["run"]).first()
            if run is None:
                raise CommandError(f"There is no import {options['run']}.")
            return labels.of_copies(labels.copies_of(run))
        if options["all"]:
            return labels.of_copies(Copy.objects.held())
        cards = LibraryCard.objects.all()
        if options["cards"]:
            cards = cards.filter(number__in=options["cards"])
        return labels.of_cards(cards, library=settings.PORTAL_NAME)
