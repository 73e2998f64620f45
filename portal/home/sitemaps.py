"""The map of the site for search engines: what anybody may open, and nothing else."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from wagtail.contrib.sitemaps import Sitemap
from wagtail.models import Page
from wagtail.query import PageQuerySet

from courses.models import CourseSectionPage, LessonPage


class PublicPages(Sitemap):
    """Published pages without locked lessons, and without sections, which only lead to their course."""

    def items(self) -> PageQuerySet:
        open_lessons = LessonPage.objects.order_by().open_to(AnonymousUser())
        pages = self.get_wagtail_site().root_page.get_descendants(inclusive=True).live().public()
        lessons = Page.objects.type(LessonPage)
        return (
            pages.not_type(CourseSectionPage)
            .filter(~Q(pk__in=lessons.values("pk")) | Q(pk__in=open_lessons.values("pk")))
            .order_by("path")
            .defer_streamfields()
            .specific()
        )
