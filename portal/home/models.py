"""The first page, plain pages, what is set for the whole site, and the worker's sign of life."""

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
from library.models import LibraryPage
from library.services import browsing as books
from portal.content.blocks import LessonBody
from portal.content.models import ContentPage

#: So many courses stand on the first page; the catalogue has the rest.
FEATURED_COURSES = 6
#: And so many things of the shop.
FEATURED_ITEMS = 6
#: And so many books.
FEATURED_BOOKS = 6


class HomePage(ContentPage):
    """The first page: what the portal is, the newest courses and books, how it works."""

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
    subpage_types = ["courses.CourseIndexPage", "library.LibraryPage", "home.StandardPage"]
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
        library = LibraryPage.objects.live().first()
        context["library"] = library
        context["books"] = books.newest(FEATURED_BOOKS) if library is not None else []
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
