import logging
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from portal.demo import front, loading, people
from portal.demo.items import WELCOME_CODE


class Command(BaseCommand):
    help = "Fill a developer's portal with courses and one person per role. A second time it changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "The demo has passwords that everybody knows; it is loaded only where DEBUG is on "
                "(DJANGO_SETTINGS_MODULE=portal.settings.development)."
            )
        if options["verbosity"] < 2:
            # Wagtail tells of every page that is made.
            logging.getLogger("wagtail").setLevel(logging.WARNING)
        is_new = loading.load(at=timezone.now())
        front.answer_at(settings.PORTAL_BASE_URL)
        if options["verbosity"]:
            self.announce(is_new=is_new)

    def announce(self, *, is_new: bool) -> None:
        """Say where the portal is and who may sign in."""
        base = settings.PORTAL_BASE_URL
        rows = [(role.email, str(role.may)) for role in people.ROLES]
        width = max(len(email) for email, _may in rows)
        lines = [
            "",
            self.style.MIGRATE_HEADING(f"{settings.PORTAL_NAME}: {base}/"),
            f"  content management {base}/cms/ · administration {base}/admin/",
            f"  API documentation {base}/api/docs/ · letters sent {base}/dev/outbox/",
            "",
            f"  Sign in with the password {self.style.SUCCESS(people.PASSWORD)} as",
            *(f"    {email:<{width}}  {may}" for email, may in rows),
            "",
            "  Pay with the card 4242 4242 4242 4242, any future date, any CVC.",
            f"  The shop is at {base}/shop/; the code {WELCOME_CODE} takes 10 % off.",
            "" if is_new else "  The demo had been loaded before; it was left as it is.",
        ]
        self.stdout.write("\n".join(lines))
