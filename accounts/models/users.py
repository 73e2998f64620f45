"""The people of the portal. They sign in by e-mail address; there is no user name."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, Self

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import AbstractUser, BaseUserManager, Permission
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Lower
from django.utils.translation import gettext_lazy as _

from accounts.validators import validate_one_line, validate_phone, validate_time_zone


def avatar_path(user: User, filename: str) -> str:
    """Where an avatar is kept: a name that tells nothing, cannot be guessed and is not the uploader's."""
    return f"avatars/{secrets.token_urlsafe(16)}.webp"


class UserQuerySet(models.QuerySet["User"]):
    def with_access(self) -> Self:
        """Annotate `enters_cms` and `unread`: what every page's head, and every course, asks of a person."""
        key = Permission.objects.filter(
            Q(user=OuterRef("pk")) | Q(group__user=OuterRef("pk")),
            content_type__app_label="wagtailadmin",
            codename="access_admin",
        )
        unread = (
            apps.get_model("accounts", "Message")
            .objects.unread()
            .filter(recipient=OuterRef("pk"))
            .order_by()
            .values("recipient")
            .annotate(number=Count("pk"))
            .values("number")
        )
        return self.annotate(
            enters_cms=Q(is_superuser=True) | Exists(key), unread=Coalesce(Subquery(unread), 0)
        )

    def last_seen_before(self, moment: datetime) -> Self:
        """People whose `last_seen_at` is earlier than a moment."""
        return self.filter(
            Q(last_login__lt=moment) | Q(last_login__isnull=True, date_joined__lt=moment),
            Q(reactivated_at__isnull=True) | Q(reactivated_at__lt=moment),
        )

    def warned_since_seen(self) -> Self:
        """People who were warned of blocking and have not been seen since."""
        return self.filter(
            Q(last_login__isnull=True, inactivity_warned_at__gte=F("date_joined"))
            | Q(inactivity_warned_at__gte=F("last_login")),
            Q(reactivated_at__isnull=True) | Q(inactivity_warned_at__gte=F("reactivated_at")),
        )

    def not_warned_since_seen(self) -> Self:
        """The others. Not an exclusion by subquery: PostgreSQL would not look at that again after a lock."""
        return self.filter(
            Q(inactivity_warned_at__isnull=True)
            | Q(inactivity_warned_at__lt=F("last_login"))
            | Q(last_login__isnull=True, inactivity_warned_at__lt=F("date_joined"))
            | Q(inactivity_warned_at__lt=F("reactivated_at"))
        )


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Makes users from an e-mail address and a password; addresses are kept in lower case."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make an ordinary user. Raises ValueError without an e-mail address."""
        fields.setdefault("is_staff", False)
        fields.setdefault("is_superuser", False)
        return self._create(email, password, **fields)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a user who may do everything."""
        return self._create(email, password, **{**fields, "is_staff": True, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())

    def _create(self, email: str, password: str | None, **fields: Any) -> User:
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractUser):
    """A person with an account."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(
        _("e-mail address"),
        unique=True,
        error_messages={"unique": _("An account with this e-mail address exists already.")},
    )
    first_name = models.CharField(_("first name"), max_length=150, blank=True, validators=[validate_one_line])
    last_name = models.CharField(_("last name"), max_length=150, blank=True, validators=[validate_one_line])
    phone = models.CharField(
        _("phone"),
        max_length=20,
        blank=True,
        validators=[validate_phone],
        help_text=_("With the country code and without spaces, such as +34911234567."),
    )
    city = models.CharField(_("city"), max_length=120, blank=True, validators=[validate_one_line])
    avatar = models.ImageField(_("avatar"), upload_to=avatar_path, blank=True)
    language = models.CharField(
        _("language"),
        max_length=10,
        blank=True,
        choices=settings.LANGUAGES,
        help_text=_("Language of messages to this person; empty: the site's."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text=_("Name from the time zone database, such as Europe/Madrid; empty: the site's."),
    )
    # Digests come at this hour by the clock of the person's zone; weekly ones on this day (0: Monday).
    digest_hour = models.PositiveSmallIntegerField(
        _("hour of digests"), default=8, db_default=8, validators=[MaxValueValidator(23)], editable=False
    )
    digest_weekday = models.PositiveSmallIntegerField(
        _("day of weekly digests"), default=0, db_default=0, validators=[MaxValueValidator(6)], editable=False
    )
    # Set when the warning that comes before blocking was written; older than the last sign-in, it counts for
    # nothing any more.
    inactivity_warned_at = models.DateTimeField(
        _("warned of blocking"), null=True, blank=True, editable=False
    )
    # Set when inactivity, and not a person, blocked the account: only then may its owner open it again.
    blocked_for_inactivity_at = models.DateTimeField(
        _("blocked for inactivity"), null=True, blank=True, editable=False
    )
    reactivated_at = models.DateTimeField(_("opened again"), null=True, blank=True, editable=False)
    # How often all tokens were ended at once; a token that names another number is dead.
    token_generation = models.PositiveIntegerField(
        _("generation of tokens"), default=0, db_default=0, editable=False
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []

    objects = UserManager()  # type: ignore[assignment,misc]

    class Meta(AbstractUser.Meta):
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            # Unique means unique: two spellings of one address are not two people.
            models.CheckConstraint(condition=Q(email=Lower("email")), name="accounts_user_email_lower_case"),
        ]

    def __str__(self) -> str:
        return display_name(self)

    @property
    def last_seen_at(self) -> datetime:
        """The last sign-in, by browser or token; before the first one, the registration; or opening again."""
        seen = self.last_login or self.date_joined
        return max(seen, self.reactivated_at) if self.reactivated_at else seen

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.lower()
        super().save(*args, **kwargs)


def display_name(user: User) -> str:
    """What the portal calls a person on their own pages: the first name, else the e-mail address."""
    return user.first_name or user.email
