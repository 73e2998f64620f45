"""The first page, plain pages, what is set for the whole site, and what is noted of background work."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseSiteSetting, register_setting
from wagtail.fields import StreamField
from wagtail.models import Page

from commerce.models import Item
from courses.models import CourseIndexPage
from courses.services import browsing
from portal.content.blocks import LessonBody
from portal.content.models import ContentPage

#: So many courses stand on the first page; the catalogue has the rest.
FEATURED_COURSES = 6
#: And so many things of the shop.
FEATURED_ITEMS = 6


class HomePage(ContentPage):
    """The first page: what the portal is, the newest courses, how it works."""

    headline = models.CharField(
        _("headline"), max_length=120, help_text=_("The large line at the top: what people find here.")
    )
    lead = models.TextField(
        _("lead"), max_length=400, blank=True, help_text=_("One or two sentences under the headline.")
    )
    call_to_action = models.CharField(
        _("call to action"),
        max_length=60,
        blank=True,
        help_text=_("Text of the button that leads to the courses; empty: the portal's standard text."),
    )
    body = StreamField(
        LessonBody(required=False),
        blank=True,
        verbose_name=_("body"),
        help_text=_("Under the courses: how it works, for whom it is."),
    )

    max_count = 1
    # A restriction here would hold for all courses, and contradict the one rule of who may open a lesson.
    private_page_options: ClassVar[list[str]] = []
    subpage_types = ["courses.CourseIndexPage", "home.StandardPage"]
    page_description = _("The first page of the portal. There is one.")
    content_panels = [
        *ContentPage.content_panels,
        FieldPanel("headline"),
        FieldPanel("lead"),
        FieldPanel("call_to_action"),
        FieldPanel("body"),
    ]
    template = "home/home_page.html"

    class Meta:
        verbose_name = _("home page")
        verbose_name_plural = _("home pages")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        newest = browsing.for_cards(browsing.catalogue(), viewer=request.user)[:FEATURED_COURSES]
        context["courses"] = browsing.cards(newest, url_of=lambda course: course.get_url(request))
        context["items"] = Item.objects.for_sale()[:FEATURED_ITEMS]
        context["catalogue_url"] = self._catalogue_url(request)
        return context

    def _catalogue_url(self, request: HttpRequest) -> str:
        catalogue = CourseIndexPage.objects.child_of(self).live().first()
        return catalogue.get_url(request) if catalogue is not None else ""


class StandardPage(ContentPage):
    """A page of text: about us, terms, help."""

    introduction = models.TextField(
        _("introduction"), max_length=500, blank=True, help_text=_("Stands under the title.")
    )
    body = StreamField(LessonBody(required=False), blank=True, verbose_name=_("body"))

    parent_page_types = ["home.HomePage", "home.StandardPage"]
    subpage_types = ["home.StandardPage"]
    page_description = _("A page of text: about us, terms, help.")
    content_panels = [*ContentPage.content_panels, FieldPanel("introduction"), FieldPanel("body")]
    template = "home/standard_page.html"

    class Meta:
        verbose_name = _("standard page")
        verbose_name_plural = _("standard pages")


@register_setting(icon="site")
class SiteSettings(BaseSiteSetting):
    """What editors set once for the whole site."""

    footer_text = models.TextField(
        _("footer text"), max_length=500, blank=True, help_text=_("Stands at the foot of every page.")
    )
    contact_email = models.EmailField(
        _("contact e-mail"),
        blank=True,
        help_text=_("Shown at the foot of every page; empty: no address is shown."),
    )
    social_image = models.ForeignKey(
        "content.PortalImage",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("picture for social networks"),
        help_text=_("Shown when somebody shares a page that has no picture of its own."),
    )

    @classmethod
    def base_queryset(cls) -> models.QuerySet:
        """With `about_title`: what the page at /about/ is called, if there is one; every footer names it."""
        about = Page.objects.live().filter(
            slug="about",
            path__startswith=OuterRef("site__root_page__path"),
            depth=OuterRef("site__root_page__depth") + 1,
        )
        return super().base_queryset().annotate(about_title=Subquery(about.order_by().values("title")[:1]))

    panels = [
        MultiFieldPanel([FieldPanel("footer_text"), FieldPanel("contact_email")], heading=_("Footer")),
        FieldPanel("social_image"),
    ]

    class Meta:
        verbose_name = _("site settings")
        verbose_name_plural = _("site settings")


class Heartbeat(models.Model):
    """When a background process last worked."""

    name = models.CharField(_("name"), max_length=50, unique=True)
    beat_at = models.DateTimeField(_("last beat"))

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name


class ScheduledWork(models.Model):
    """Since when a schedule is as it is: before that it owes no run."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    cron = models.CharField(_("cron expression"), max_length=100)
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("scheduled work")
        verbose_name_plural = _("scheduled work")

    def __str__(self) -> str:
        return self.name


class ScheduledRun(models.Model):
    """One run of a schedule: when, and what came of it. Written by whoever runs it, not by the queue."""

    class Outcome(models.TextChoices):
        RUNNING = "RUNNING", _("Running")
        SUCCEEDED = "SUCCEEDED", _("Succeeded")
        FAILED = "FAILED", _("Failed")
        CUT_OFF = "CUT_OFF", _("Cut off: its process ended")

    name = models.CharField(_("schedule"), max_length=80)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.RUNNING)
    result = models.CharField(_("result"), max_length=500, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("run of a schedule")
        verbose_name_plural = _("runs of schedules")
        ordering = ["-started_at", "-pk"]
        indexes = [models.Index(name="home_scheduledrun_of_schedule", fields=["name", "-started_at"])]
        constraints = [
            models.CheckConstraint(
                name="home_scheduledrun_finished_or_not",
                condition=models.Q(outcome__in=["RUNNING", "CUT_OFF"], finished_at__isnull=True)
                | models.Q(outcome__in=["SUCCEEDED", "FAILED"], finished_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs, and when its end is unknown."""
        if self.finished_at is None:
            return None
        return round((self.finished_at - self.started_at).total_seconds(), 1)
