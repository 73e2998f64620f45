from __future__ import annotations

import sys
from datetime import UTC, date, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from commerce.gateways import GatewayError
from commerce.models import Reconciliation
from commerce.services import reconciling


class Command(BaseCommand):
    help = (
        "Compare a day of the payment provider's ledger with ours: charges and refunds, by account. "
        "Prints what does not agree; ends with 1 while something is unresolved, or cannot be asked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--day", type=date.fromisoformat, help="such as 2026-11-20, in UTC; yesterday by default"
        )
        parser.add_argument("--account", help="such as usd; all by default")

    def handle(self, *args: Any, day: date | None, account: str | None, **options: Any) -> None:
        at = timezone.now()
        if account and account not in settings.STRIPE_ACCOUNTS:
            accounts = ", ".join(settings.STRIPE_ACCOUNTS)
            raise CommandError(f'There is no account "{account}"; there are: {accounts}.')
        asked = day or at.astimezone(UTC).date() - timedelta(days=1)
        unresolved = 0
        for each in [account] if account else settings.STRIPE_ACCOUNTS:
            try:
                compared = reconciling.reconcile(account=each, day=asked, at=at)
            except GatewayError as error:
                self.stderr.write(self.style.ERROR(f"{each} {asked}: {error}"))
                unresolved += 1
                continue
            self._print(compared)
            unresolved += compared.unresolved
        if unresolved:
            sys.exit(1)

    def _print(self, compared: Reconciliation) -> None:
        self.stdout.write(
            f"{compared.account} {compared.day}: {compared.matched} matched, {compared.missing_here} missing "
            f"here, {compared.missing_there} missing there, {compared.different} different, "
            f"{compared.unresolved} unresolved"
        )
        for finding in compared.findings.select_related("payment__order"):
            done = f"resolved: {finding.resolution_words}" if finding.resolved_at else "unresolved"
            order = finding.payment.order.number if finding.payment else "-"
            self.stdout.write(
                f"  {finding.get_kind_display():13}  {finding.provider_id or '-':28}  order {order:9}  "
                f"here {finding.ours or '-'}, there {finding.theirs or '-'}  {finding.words}  ({done})"
            )
