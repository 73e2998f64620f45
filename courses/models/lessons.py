"""Lessons, as pages below a course or one of its sections."""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q, Value
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel
from wagtail.fields import StreamField
from wagtail.models import Page, PageManager
from wagtail.query import PageQuerySet
from wagtail.search import index

from commerce.money import Money
from courses.models.changes import AnnouncesChanges, NewAsDraftForm, WhatChangedPanel
from courses.models.enrolments import Enrolment, LessonCompletion, StudyPosition
from courses.models.pages import CoursePage, MaterialPage, validate_price
from courses.models.tree import LAST_BELOW, STEP, ancestor_path, edited_paths
from courses.validators import validate_youtube_url
from portal.content.blocks import LessonBody
from portal.content.links import LinkRefused, Video, parse_youtube
from portal.content.models import ContentPage


class LessonPageQuerySet(PageQuerySet):
    def of(self, course: CoursePage) -> Self:
        """Lessons of course in the order in which they are studied."""
        return self.of_any([course])

    def of_any(self, courses: Iterable[CoursePage]) -> Self:
        """Lessons of several courses, each course's in the order in which they are studied."""
        ranges = [Q(path__gt=course.path, path__lte=course.path + LAST_BELOW) for course in courses]
        return self.filter(reduce(or_, ranges, Q(pk__in=[]))).order_by("path")

    def shown(self) -> Self:
        """Published lessons whose section and course are published too."""
        above = [ancestor_path(OuterRef("path"), 1), ancestor_path(OuterRef("path"), 2)]
        return self.live().filter(~Exists(Page.objects.order_by().filter(path__in=above, live=False)))

    def with_completion_of(self, member: Any) -> Self:
        """Annotate `is_completed` for member."""
        if member.is_anonymous:
            return self.annotate(is_completed=Value(False, models.BooleanField()))
        done = LessonCompletion.objects.filter(member=member.pk, lesson=OuterRef("pk"))
        return self.annotate(is_completed=Exists(done))

    def with_position_of(self, member: Any) -> Self:
        """Annotate `left_off_at`: when member opened it, on the lesson of a course that they opened last."""
        if member.is_anonymous:
            return self.annotate(left_off_at=Value(None, models.DateTimeField()))
        here = StudyPosition.objects.order_by().filter(member=member.pk, lesson=OuterRef("pk"))
        return self.annotate(left_off_at=models.Subquery(here.values("opened_at")[:1]))

    def with_section(self) -> Self:
        """Annotate `section_title`: the title of the page above; outside sections it is the course's."""
        section = Page.objects.order_by().filter(path=ancestor_path(OuterRef("path"), 1))
        return self.annotate(section_title=models.Subquery(section.values("title")[:1]))

    def open_to(self, user: Any) -> Self:
        """Lessons that user may open. Says in SQL what `courses.policies.decide` says of one lesson."""
        if user.is_superuser and user.is_active:
            return self
        if user.is_anonymous:
            return self.shown().filter(is_preview=True)

        course_paths = [ancestor_path(OuterRef("path"), 1), ancestor_path(OuterRef("path"), 2)]
        active = Enrolment.objects.by(user).active()
        own_courses = CoursePage.objects.order_by().filter(owner=user.pk, path__in=course_paths)
        kept = Q(owner=user.pk) | Exists(own_courses)
        for path in edited_paths(user):
            kept |= Q(path__startswith=path)
        shown = LessonPage.objects.order_by().shown()
        place = active.whole_courses().filter(course__path__in=course_paths)
        before = shown.filter(path__gt=OuterRef("course__path"), path__lt=OuterRef(OuterRef("path")))
        undone_before = before.with_completion_of(user).filter(is_completed=False)
        is_in_turn = Exists(place.filter(Q(course__is_sequential=False) | ~Exists(undone_before)))
        is_done = Q(pk__in=LessonCompletion.objects.filter(member=user.pk).values("lesson"))
        is_bought_alone = Q(pk__in=active.single_lessons().values("lesson"))
        opened = Q(is_preview=True) | is_bought_alone | is_in_turn | (is_done & Exists(place))
        return self.filter(kept | (Q(pk__in=shown.values("pk")) & opened))


class LessonForm(NewAsDraftForm):
    """The CMS's form. A new lesson knows where it is to stand, for its price is in its course's currency."""

    def __init__(self, *args: Any, parent_page: Page | None = None, **kwargs: Any) -> None:
        super().__init__(*args, parent_page=parent_page, **kwargs)
        if not self.instance.path and parent_page is not None:
            self.instance._cached_parent_obj = parent_page


class LessonPage(AnnouncesChanges, MaterialPage):
    """A lesson: a video, or words, or both."""

    introduction = models.TextField(
        _("introduction"),
        max_length=500,
        blank=True,
        help_text=_("Stands under the title, and in search results: everyone may read it."),
    )
    preview = models.ForeignKey(
        "content.PortalImage",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("preview picture"),
        help_text=_("Stands over the video until it is started; empty: a coloured cover."),
    )
    video_url = models.URLField(
        _("video"),
        max_length=300,
        blank=True,
        validators=[validate_youtube_url],
        help_text=_("Address of a video or playlist on YouTube; stands on top of the lesson."),
    )
    duration_minutes = models.PositiveIntegerField(
        _("minutes"), default=0, help_text=_("How long the lesson takes; the course page adds them up.")
    )
    body = StreamField(
        LessonBody(),
        verbose_name=_("material"),
        blank=True,
        help_text=_("Only people who may open the lesson see it. Links lead to the portal or to YouTube."),
    )
    is_preview = models.BooleanField(
        _("free preview"), default=False, help_text=_("Everyone may open this lesson, signed in or not.")
    )
    price = models.DecimalField(
        _("price"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("For this lesson alone, in the course's currency; empty: sold with the course only."),
    )

    objects = PageManager.from_queryset(LessonPageQuerySet)()

    base_form_class = LessonForm
    page_description = _("A lesson: a video, words, or both.")
    parent_page_types = ["courses.CoursePage", "courses.CourseSectionPage"]
    subpage_types: list[str] = []
    template = "courses/lesson_page.html"
    view = "courses.views.lesson.show"
    material_fields = (*MaterialPage.material_fields, "introduction", "body", "change_note")

    content_panels = [
        *Page.content_panels,
        FieldPanel("introduction"),
        FieldPanel("preview"),
        FieldRowPanel([FieldPanel("video_url"), FieldPanel("duration_minutes")]),
        FieldPanel("body"),
        MultiFieldPanel([FieldPanel("is_preview"), FieldPanel("price")], heading=_("Who may open it")),
        WhatChangedPanel(),
    ]
    search_fields = [
        *ContentPage.search_fields,
        index.SearchField("introduction"),
        index.AutocompleteField("introduction"),
        index.SearchField("body"),
        index.FilterField("is_preview"),
    ]

    class Meta:
        verbose_name = _("lesson")
        verbose_name_plural = _("lessons")
        constraints = [
            models.CheckConstraint(
                condition=Q(price__isnull=True) | Q(price__gt=0), name="courses_lessonpage_price_positive"
            ),
        ]

    def clean(self) -> None:
        super().clean()
        if self.price is None:
            return
        if self.price == 0:
            raise ValidationError(
                {"price": _("Leave it empty, or tick “free preview” to let everyone open the lesson.")}
            )
        if not self.path and not hasattr(self, "_cached_parent_obj"):
            return  # without a place, and so without a currency
        try:
            validate_price(self.price, self.course.currency)
        except ValidationError as error:
            raise ValidationError({"price": error}) from error

    @cached_property
    def course(self) -> CoursePage:
        """The course above, whether or not a section stands between."""
        # A page that is about to be added has no path; treebeard keeps a parent that is known here.
        parent_path = self.path[:-STEP] if self.path else self._cached_parent_obj.path
        return CoursePage.objects.get(path__in=[parent_path, parent_path[:-STEP]])

    @property
    def price_money(self) -> Money | None:
        """What the lesson costs by itself; None when it is sold with the course only."""
        return None if self.price is None else Money(Decimal(self.price), self.course.currency)

    @property
    def video(self) -> Video | None:
        """The video on top; None without one (or, in an old draft, with an address that is none)."""
        try:
            return parse_youtube(self.video_url).titled(self.title)
        except LinkRefused:
            return None
