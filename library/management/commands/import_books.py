from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation

from library.models import Encoding, Format, ImportRow, ImportRun
from library.services import exporting, importing
from library.services.importing import Defaults
from library.services.records import FileUnreadable

WIDTH = 30


class Command(BaseCommand):
    help = (
        "Take books from a file: CSV, MARC 21 or MARCXML. The whole file is looked through first; one that "
        "cannot be read to its end is not imported at all. The same file again changes nothing. Ends with 1 "
        "when a record was refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--format",
            choices=[each.lower() for each in Format.values],
            help="recognised when it is not said",
        )
        parser.add_argument("--encoding", choices=Encoding.values, default=Encoding.UTF_8, help="of CSV")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would happen, and change nothing"
        )
        parser.add_argument(
            "--fee", type=Decimal, default=Decimal(0), help="a day, where the file names none"
        )
        parser.add_argument("--currency", default=settings.DEFAULT_CURRENCY)
        parser.add_argument("--location", default="", help="of new copies, where the file names none")
        parser.add_argument("--report", type=Path, help="write what became of each record here, as CSV")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        at = timezone.now()
        defaults = Defaults(
            daily_fee=options["fee"], currency=options["currency"], location=options["location"]
        )
        try:
            opened = file.open("rb")
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        with opened:
            if options["dry_run"] and not options["report"]:
                self._foresee(opened, defaults, options)
                return
            try:
                run = importing.begin(
                    file=opened,
                    filename=file.name,
                    format=options["format"] and options["format"].upper(),
                    encoding=options["encoding"],
                    defaults=defaults,
                    by=None,
                    language=translation.get_language() or "en",
                    at=at,
                    is_kept=False,
                )
            except importing.ImportRefused as refusal:
                raise CommandError(str(refusal)) from refusal
            try:
                importing.check(run=run, file=opened, at=at, progress=self._bar("Looking"))
                if run.status == ImportRun.Status.CHECKED and not options["dry_run"]:
                    importing.confirm(run=run, by=None, at=at, is_queued=False)
                    importing.carry_out(
                        run=run, file=opened, on=timezone.localdate(), at=at, progress=self._bar("Importing")
                    )
            except BaseException:
                if run.is_running:
                    importing.fail(run=run, at=timezone.now(), error="The command was stopped.")
                raise
            finally:
                self._end_of_bar()
        if run.error:
            raise CommandError(run.error)
        for row in run.rows.exclude(outcome=ImportRow.Outcome.UNCHANGED).iterator():
            if row.outcome == ImportRow.Outcome.REFUSED:
                self._say(row.outcome, row.number, row.line, row.title, row.words)
        if options["report"]:
            options["report"].write_bytes(b"".join(exporting.report(run=run)))
        if options["dry_run"]:
            importing.cancel(run=run, by=None, at=timezone.now())
        self._sum_up(
            "would be " if options["dry_run"] else "",
            {name: getattr(run, name) for name in ("added", "updated", "unchanged", "refused")},
            run.copies,
            run.notes,
        )

    def _foresee(self, file: Any, defaults: Defaults, options: dict[str, Any]) -> None:
        """A dry run that leaves no trace, not even a run."""
        counts = dict.fromkeys(("added", "updated", "unchanged", "refused"), 0)
        copies = 0
        try:
            found = (options["format"] and options["format"].upper()) or importing.recognised(file)
            reading = importing.source(file, format=found, encoding=options["encoding"])
            for planned in importing.examine(reading, defaults=defaults):
                counts[planned.outcome.value.lower()] += 1
                copies += planned.copies
                if planned.outcome != ImportRow.Outcome.UNCHANGED:
                    read = planned.read
                    self._say(planned.outcome, read.number, read.line, read.title, planned.words)
        except FileUnreadable as unreadable:
            raise CommandError(str(unreadable)) from unreadable
        self._sum_up("would be ", counts, copies, "\n".join(reading.notes))

    def _say(self, outcome: str, number: int, line: int | None, title: str, words: str) -> None:
        place = f"record {number}" + (f" (line {line})" if line else "")
        text = f"{place}: {outcome.lower()}: {title or '–'}" + (f": {words}" if words else "")
        is_refused = outcome == ImportRow.Outcome.REFUSED
        self.stdout.write(self.style.ERROR(text) if is_refused else text)

    def _sum_up(self, would: str, counts: dict[str, int], copies: int, notes: str) -> None:
        if notes:
            self.stdout.write(self.style.WARNING(notes))
        said = ", ".join(f"{count} {would}{name}" for name, count in counts.items())
        self.stdout.write(f"{said}; {copies} new copies")
        if counts["refused"]:
            sys.exit(1)

    # --- Progress: on a terminal, in one line of its own ---------------------------------------------------
    def _bar(self, word: str) -> importing.Progress | None:
        if not self.stderr.isatty():
            return None

        def show(done: int, total: int | None) -> None:
            if total and (done % 50 == 0 or done == total):
                filled = WIDTH * done // total
                bar = "█" * filled + "░" * (WIDTH - filled)
                self.stderr.write(f"\r{word} {bar} {done}/{total}", ending="")
            elif not total and done % 50 == 0:
                self.stderr.write(f"\r{word}: {done}", ending="")

        return show

    def _end_of_bar(self) -> None:
        if self.stderr.isatty():
            self.stderr.write("")
