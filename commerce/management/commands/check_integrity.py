from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from commerce.services import integrity


class Command(BaseCommand):
    help = (
        "Look whether what must hold does hold: stock, payments, refunds, discounts, statuses, enrolments. "
        "Prints each row that breaks a rule; ends with 1 when there is one. Warnings alone end with 0."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rule", default="", help="only this rule; --list names them")
        parser.add_argument("--list", action="store_true", help="name the rules and look at nothing")

    def handle(self, *args: Any, rule: str, list: bool, **options: Any) -> None:
        if list:
            self.stdout.write("\n".join(integrity.rules()))
            return
        errors = warnings = 0
        try:
            for breach in integrity.breaches(at=timezone.now(), only=rule):
                style = self.style.WARNING if breach.is_warning else self.style.ERROR
                kind = "warning" if breach.is_warning else "broken"
                self.stdout.write(style(f"{kind}  {breach.rule}  {breach.row}  {breach.words}"))
                errors += not breach.is_warning
                warnings += breach.is_warning
        except integrity.UnknownRule as error:
            raise CommandError(str(error)) from error
        looked_at = 1 if rule else len(integrity.rules())
        self.stdout.write(f"{looked_at} rules, {errors} broken rows, {warnings} warnings")
        if errors:
            sys.exit(1)
