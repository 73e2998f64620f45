"""Make the superuser that the environment names."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from accounts.models import User


class Command(BaseCommand):
    help = (
        "Make the superuser named by DJANGO_SUPERUSER_EMAIL and DJANGO_SUPERUSER_PASSWORD. "
        "One that exists is left as it is, its password too."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        email = settings.SUPERUSER_EMAIL.lower()
        password = settings.SUPERUSER_PASSWORD
        if not email or not password:
            raise CommandError(
                "Set DJANGO_SUPERUSER_EMAIL and DJANGO_SUPERUSER_PASSWORD in the environment or in .env."
            )
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"DJANGO_SUPERUSER_EMAIL is not an e-mail address: {email}") from error
        existing = User.objects.filter(email=email).first()
        if existing is None:
            User.objects.create_superuser(email, password, first_name=settings.SUPERUSER_USERNAME)
            self.stdout.write(f"Made the superuser {email}.")
        elif existing.is_superuser:
            self.stdout.write(f"The superuser {email} exists already.")
        else:
            raise CommandError(
                f"{email} belongs to an ordinary account; it is not made a superuser. "
                "Choose another DJANGO_SUPERUSER_EMAIL, or grant the right in the admin."
            )
