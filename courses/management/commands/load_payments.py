import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from commerce.money import AmountNotPayable, Money
from commerce.services.receiving import BY_HAND
from courses.services import recording
from courses.services.recording import PaidByHand

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "payments.json"
NEEDED = frozenset({"reference", "user", "date", "amount", "currency", "method"})
THINGS = frozenset({"course", "lesson"})


class Command(BaseCommand):
    help = (
        "Record payments in cash and by bank transfer from a JSON file, all or none of them, with their "
        "orders and places. A second time it records nothing more. Without a file: the demo's payments."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("fixture", nargs="?", type=Path, default=FIXTURE, help="default: %(default)s")

    def handle(self, *args: Any, fixture: Path, **options: Any) -> None:
        rows = read(fixture, until=timezone.now())
        try:
            payments = recording.record(rows=rows)
        except recording.RowRefused as refusal:
            raise CommandError(f"{refusal} Nothing was recorded.") from refusal
        if options["verbosity"]:
            self.stdout.write(
                f"{len(payments)} payments recorded, {len(rows) - len(payments)} were there already."
            )


def read(path: Path, *, until: datetime) -> list[PaidByHand]:
    """The rows of a file, none later than until. Raises CommandError naming the row and the remedy."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(
            f"{path} cannot be read: {error.strerror}. Give the path of a JSON file."
        ) from error
    except ValueError as error:
        raise CommandError(f"{path} is no JSON: {error}.") from error
    if not isinstance(entries, list):
        raise CommandError(f"{path} must hold a list of rows: [{{…}}, …].")
    rows = [parse(entry, place=place, until=until) for place, entry in enumerate(entries, 1)]
    seen: set[str] = set()
    for place, row in enumerate(rows, 1):
        if row.reference in seen:
            raise CommandError(
                f"Row {place}: “{row.reference}” stands twice. Give each row a reference of its own."
            )
        seen.add(row.reference)
    return rows


def parse(entry: Any, *, place: int, until: datetime) -> PaidByHand:
    """One row. Raises CommandError."""

    def refuse(problem: str) -> CommandError:
        return CommandError(f"Row {place}: {problem}")

    if not isinstance(entry, Mapping) or not all(isinstance(value, str) for value in entry.values()):
        raise refuse("it must be an object whose values are all texts.")
    if missing := sorted(NEEDED - {name for name, value in entry.items() if value}):
        raise refuse(f"{', '.join(missing)} must be there.")
    if unknown := sorted(set(entry) - NEEDED - THINGS):
        raise refuse(f"{', '.join(unknown)} is not known. A row has {', '.join(sorted(NEEDED | THINGS))}.")
    if bool(entry.get("course")) == bool(entry.get("lesson")):
        raise refuse("name either the course or the lesson that was paid for.")
    if entry["method"] not in BY_HAND:
        raise refuse(f"“{entry['method']}” is no method. Write {' or '.join(BY_HAND)}.")
    if entry["currency"] not in settings.CURRENCIES:
        raise refuse(
            f"“{entry['currency']}” is not taken here. Write one of {', '.join(settings.CURRENCIES)}."
        )
    try:
        amount = Money(Decimal(entry["amount"]), entry["currency"])
    except (InvalidOperation, AmountNotPayable) as error:
        raise refuse(f"“{entry['amount']}” is no amount of {entry['currency']}. Write 12.50.") from error
    paid_at = moment(entry["date"])
    if paid_at is None:
        raise refuse(f"“{entry['date']}” is no date. Write 2026-02-28, or 2026-02-28T12:00:00+01:00.")
    if paid_at > until:
        raise refuse(f"{entry['date']} is still to come. Record what has been paid.")
    return PaidByHand(
        reference=entry["reference"],
        email=entry["user"],
        paid_at=paid_at,
        amount=amount,
        method=entry["method"],
        course=entry.get("course", ""),
        lesson=entry.get("lesson", ""),
    )


def moment(written: str) -> datetime | None:
    """A moment with its zone, or a day, which is taken as its noon here; None for anything else."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        pass
    else:
        return datetime.combine(day, time(12), tzinfo=timezone.get_default_timezone())
    try:
        read_as = datetime.fromisoformat(written)
    except ValueError:
        return None
    return read_as if timezone.is_aware(read_as) else None
