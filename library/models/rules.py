"""How the library lends: what librarians set in the CMS, and when the library is closed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting

from library.policies import Calendar, FineRule


@register_setting(icon="clipboard-list", order=300)
class LendingRules(BaseGenericSetting):
    """The one record of rules. What was lent keeps the rules about fines of its day."""

    max_loans = models.PositiveSmallIntegerField(
        _("books at a time"), default=5, validators=[MinValueValidator(1)], help_text=_("For each member.")
    )
    max_loan_days = models.PositiveSmallIntegerField(
        _("longest loan, in days"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
    )
    usual_loan_days = models.PositiveSmallIntegerField(
        _("usual loan, in days"),
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text=_("What the date picker and the desk propose."),
    )
    max_renewals = models.PositiveSmallIntegerField(
        _("renewals"), default=2, help_text=_("How often a loan may be renewed; 0: never.")
    )
    renewal_days = models.PositiveSmallIntegerField(
        _("days of a renewal"), default=14, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    max_holds = models.PositiveSmallIntegerField(
        _("holds at a time"), default=5, help_text=_("For each member; 0: nobody places holds.")
    )
    hold_shelf_days = models.PositiveSmallIntegerField(
        _("days on the hold shelf"),
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text=_("Opening days that a copy waits for the member who is next."),
    )
    unpaid_limit = models.DecimalField(
        _("unpaid beyond which nothing is lent"),
        max_digits=12,
        decimal_places=2,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("Fees and fines whose time to pay is over, in any one currency; 0: any blocks."),
    )
    fine_multiplier = models.DecimalField(
        _("fine, as a multiple of the fee"),
        max_digits=5,
        decimal_places=2,
        default=Decimal(2),
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("For each day of delay; 0: no fines."),
    )
    fine_max_days = models.PositiveSmallIntegerField(
        _("days fined at most"), default=60, help_text=_("A fine grows no more after so many days.")
    )
    fine_grace_days = models.PositiveSmallIntegerField(
        _("days of grace"), default=0, help_text=_("Not fined at the beginning of a delay.")
    )
    are_closed_days_fined = models.BooleanField(
        _("closed days are fined"),
        default=False,
        help_text=_("Whether days on which nothing can be returned count as days of delay."),
    )
    may_members_return = models.BooleanField(
        _("members return by themselves"),
        default=True,
        help_text=_("On the site and by API; otherwise only the desk takes books back."),
    )
    is_handed_out_at_desk = models.BooleanField(
        _("books are handed out at the desk"),
        default=True,
        help_text=_(
            "What is borrowed on the site waits at the desk, and is given up if its fee is not paid in time. "
            "Off: members take books from the shelf, and owe the fee."
        ),
    )
    opens_monday = models.BooleanField(_("Monday"), default=True)
    opens_tuesday = models.BooleanField(_("Tuesday"), default=True)
    opens_wednesday = models.BooleanField(_("Wednesday"), default=True)
    opens_thursday = models.BooleanField(_("Thursday"), default=True)
    opens_friday = models.BooleanField(_("Friday"), default=True)
    opens_saturday = models.BooleanField(_("Saturday"), default=True)
    opens_sunday = models.BooleanField(_("Sunday"), default=True)

    WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

    panels = [
        MultiFieldPanel(
            [
                FieldRowPanel([FieldPanel("max_loans"), FieldPanel("unpaid_limit")]),
                FieldRowPanel([FieldPanel("usual_loan_days"), FieldPanel("max_loan_days")]),
                FieldRowPanel([FieldPanel("max_renewals"), FieldPanel("renewal_days")]),
                FieldPanel("is_handed_out_at_desk"),
                FieldPanel("may_members_return"),
            ],
            heading=_("Loans"),
        ),
        MultiFieldPanel(
            [FieldRowPanel([FieldPanel("max_holds"), FieldPanel("hold_shelf_days")])], heading=_("Holds")
        ),
        MultiFieldPanel(
            [
                FieldRowPanel([FieldPanel("fine_multiplier"), FieldPanel("fine_max_days")]),
                FieldRowPanel([FieldPanel("fine_grace_days"), FieldPanel("are_closed_days_fined")]),
            ],
            heading=_("Fines"),
        ),
        MultiFieldPanel(
            [FieldRowPanel([FieldPanel(f"opens_{day}") for day in WEEKDAYS])], heading=_("Opening days")
        ),
    ]

    class Meta:
        verbose_name = _("lending rules")
        verbose_name_plural = _("lending rules")
        constraints = [
            models.CheckConstraint(
                condition=Q(usual_loan_days__lte=F("max_loan_days")),
                name="library_lendingrules_usual_loan_within_longest",
            ),
            models.CheckConstraint(
                condition=Q(opens_monday=True)
                | Q(opens_tuesday=True)
                | Q(opens_wednesday=True)
                | Q(opens_thursday=True)
                | Q(opens_friday=True)
                | Q(opens_saturday=True)
                | Q(opens_sunday=True),
                name="library_lendingrules_opens_some_day",
            ),
        ]

    def __str__(self) -> str:
        return gettext("Lending rules")

    def clean(self) -> None:
        super().clean()
        if not self.open_weekdays:
            raise ValidationError(gettext("The library opens on one day of the week at least."))
        usual, longest = self.usual_loan_days, self.max_loan_days
        if usual is not None and longest is not None and usual > longest:
            raise ValidationError(
                {"usual_loan_days": gettext("The usual loan is not longer than the longest.")}
            )

    @classmethod
    def current(cls) -> LendingRules:
        """The rules of today; those of a fresh portal while nobody has written any. Writes nothing."""
        return cls.objects.order_by("pk").first() or cls()

    @property
    def open_weekdays(self) -> frozenset[int]:
        """Days of the week on which the library opens: 0 is Monday."""
        return frozenset(n for n, day in enumerate(self.WEEKDAYS) if getattr(self, f"opens_{day}"))

    @property
    def fine_rule(self) -> FineRule:
        """How a loan made today is fined when it comes back late."""
        return FineRule(
            multiplier=self.fine_multiplier,
            max_days=self.fine_max_days,
            grace_days=self.fine_grace_days,
            are_closed_days_fined=self.are_closed_days_fined,
        )

    def calendar(self, *, since: date) -> Calendar:
        """Opening days from a day on: by the week, and without closures."""
        closures = Closure.objects.filter(until__gte=since)
        return Calendar(
            open_weekdays=self.open_weekdays,
            closures=tuple((closure.since, closure.until) for closure in closures),
        )


class Closure(models.Model):
    """Days on which the library is closed although it opens on such days of the week."""

    since = models.DateField(pgettext_lazy("day", "from"))
    until = models.DateField(_("until"), help_text=_("The last day on which it is closed."))
    reason = models.CharField(
        _("reason"), max_length=120, help_text=_("Shown to members, such as “Summer holidays”.")
    )

    panels = [FieldRowPanel([FieldPanel("since"), FieldPanel("until")]), FieldPanel("reason")]

    class Meta:
        verbose_name = _("closure")
        verbose_name_plural = _("closures")
        ordering = ["since", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gte=F("since")), name="library_closure_ends_after_it_begins"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.since}–{self.until}: {self.reason}"

    def clean(self) -> None:
        super().clean()
        if self.since and self.until and self.until < self.since:
            raise ValidationError({"until": gettext("It ends on the day it begins, or later.")})
        if self.since and self.until and (self.until - self.since).days > 366:
            raise ValidationError({"until": gettext("A closure lasts a year at most.")})
