"""The library's front page. Books are no pages: docs/decisions/0027-books-are-routes.md."""

from typing import ClassVar

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.models import Page

from portal.content.models import ContentPage


class LibraryPage(ContentPage):
    """The way into the library: title and introduction of its catalogue. There is one.

    It stands at one address, which is that of the routes below it; without it, or while it is a draft, there
    are no books to be seen either.
    """

    introduction = models.TextField(
        _("introduction"), blank=True, help_text=_("Stands under the title of the library's catalogue.")
    )

    max_count = 1
    page_description = _("The library's catalogue. There is one.")
    parent_page_types = ["home.HomePage"]
    subpage_types: ClassVar[list[str]] = []
    # The books have addresses of their own, to which a restriction here would not reach.
    private_page_options: ClassVar[list[str]] = []
    template = "library/library_page.html"
    # A dotted path, as in settings: a page is below the views, so it names its view without importing it.
    view = "library.views.catalogue.show"
    content_panels = [*Page.content_panels, FieldPanel("introduction")]
    # Without the slug: other addresses of the library begin with this page's.
    promote_panels = [
        MultiFieldPanel(
            [FieldPanel("seo_title"), FieldPanel("search_description"), FieldPanel("social_image")],
            heading=_("Search engines and social networks"),
        ),
        MultiFieldPanel([FieldPanel("show_in_menus")], heading=_("Navigation")),
    ]

    class Meta:
        verbose_name = _("library")
        verbose_name_plural = _("libraries")

    @property
    def address(self) -> str:
        """Where it stands: a path on this site."""
        return reverse("library:front")

    def serve(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        return import_string(self.view)(request, self)

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        """The page as visitors would see it, to look at: its forms do nothing."""
        response = import_string(self.view)(request, self)
        response["Content-Security-Policy"] = "form-action 'none'; connect-src 'none'"
        return response
