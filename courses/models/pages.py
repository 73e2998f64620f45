"""The catalogue, courses and their sections, as pages."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Greatest
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel
from wagtail.blocks import CharBlock
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Page, PageManager, PageViewRestriction
from wagtail.query import PageQuerySet
from wagtail.search import index
from wagtail.url_routing import RouteResult

from commerce.money import AmountNotPayable, Money, minimum_charge
from courses.models.changes import AnnouncesChanges, WhatChangedPanel
from courses.models.enrolments import Enrolment, LessonCompletion, StudyPosition
from courses.models.rights import CoursePermissionTester
from courses.models.subscriptions import CourseSubscription
from courses.models.tree import STEP, ancestor_path, below
from courses.validators import validate_materials
from portal.content.blocks import RICH_TEXT_FEATURES
from portal.content.models import ContentPage


def currency_choices() -> list[tuple[str, str]]:
    return [(currency, currency) for currency in settings.CURRENCIES]


def default_currency() -> str:
    return settings.DEFAULT_CURRENCY


def validate_price(price: Decimal | None, currency: str) -> None:
    """Raise ValidationError for a price that nobody can pay: too fine, or below the least charge."""
    if not price:
        return
    try:
        money = Money(Decimal(price), currency)
    except AmountNotPayable as error:
        raise ValidationError(
            gettext("%(currency)s has no such small change. Write a whole amount."),
            params={"currency": currency},
        ) from error
    if money < minimum_charge(currency):
        raise ValidationError(
            gettext("The least that can be paid by card is %(minimum)s. Write 0 to give it away."),
            params={"minimum": minimum_charge(currency)},
        )


class MaterialPage(ContentPage):
    """A page written by a course author. `courses.views` answers for it; its links follow one rule."""

    material_fields: ClassVar[Sequence[str]] = ("title", "seo_title", "search_description")
    # A dotted path, as in settings: a page is below the views, so it names its view without importing it.
    view: ClassVar[str]
    # One rule says who may open a lesson (courses.policies); a second one per page would contradict it.
    private_page_options: ClassVar[list[str]] = []

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        validate_materials(self, self.material_fields)

    def permissions_for_user(self, user: Any) -> CoursePermissionTester:
        return CoursePermissionTester(user, self)

    #: Whether nothing in the tree of courses nor above it is restricted; None when nobody has asked.
    is_unrestricted: bool | None = None

    def get_view_restrictions(self) -> models.QuerySet[PageViewRestriction]:
        """Restrictions set above, by the paths of the pages above: Wagtail fetches those pages first."""
        if self.is_unrestricted:
            return PageViewRestriction.objects.none()
        if self.alias_of_id is not None:
            return super().get_view_restrictions()
        paths = [self.path[:end] for end in range(STEP, len(self.path) + 1, STEP)]
        return PageViewRestriction.objects.filter(page__path__in=paths)

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.is_preview = False
        return import_string(self.view)(request, self)

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        """The page as a learner would see it, to look at: its buttons do nothing."""
        request.is_preview = True
        response = import_string(self.view)(request, self)
        response["Content-Security-Policy"] = "form-action 'none'; connect-src 'none'"
        return response


class CourseIndexPageQuerySet(PageQuerySet):
    def with_restrictions(self) -> Self:
        """Annotate `is_unrestricted`: no page of the catalogue, below it or above it has a restriction."""
        near = Q(page__path__startswith=OuterRef("path")) | Q(
            page__path__in=[ancestor_path(OuterRef("path"), steps) for steps in (1, 2, 3)]
        )
        return self.annotate(is_unrestricted=~Exists(PageViewRestriction.objects.filter(near)))


class CourseIndexPage(MaterialPage):
    """The catalogue. There is one."""

    introduction = models.TextField(
        _("introduction"), blank=True, help_text=_("Stands under the title of the catalogue.")
    )

    objects = PageManager.from_queryset(CourseIndexPageQuerySet)()

    max_count = 1
    page_description = _("The catalogue of courses. There is one.")
    subpage_types = ["courses.CoursePage"]
    template = "courses/course_index_page.html"
    view = "courses.views.catalogue.show"
    material_fields = (*MaterialPage.material_fields, "introduction")
    content_panels = [*Page.content_panels, FieldPanel("introduction")]

    class Meta:
        verbose_name = _("course catalogue")
        verbose_name_plural = _("course catalogues")

    def route(self, request: HttpRequest, path_components: list[str]) -> RouteResult:
        """Find a course in one query, with what its page shows; Wagtail's own way takes four."""
        if not path_components:
            return super().route(request, path_components)
        course = (
            CoursePage.objects.child_of(self)
            .filter(slug=path_components[0])
            .select_related("preview", "topic", "social_image")
            .with_subscription_of(request.user)
            .with_learners_count()
            .first()
        )
        if course is None:
            raise Http404
        course._cached_parent_obj = self
        course.is_unrestricted = self.is_unrestricted
        return course.route(request, path_components[1:])


class CoursePageQuerySet(PageQuerySet):
    def with_outline_counts(self) -> Self:
        """Annotate `lessons_count` and `minutes` of the published lessons, in sections or not."""
        lessons = _lessons_of_outer_course()
        return self.annotate(
            lessons_count=Coalesce(_one_value(lessons, _Whole(F("pk"), function="COUNT")), 0),
            minutes=Coalesce(_one_value(lessons, _Whole(F("duration_minutes"), function="SUM")), 0),
        )

    def with_progress_of(self, member: Any) -> Self:
        """Annotate `enrolment_status` ("" without an open enrolment in the course) and `completed_count`."""
        if member.is_anonymous:
            return self.annotate(
                enrolment_status=Value("", models.CharField()),
                completed_count=Value(0, models.IntegerField()),
            )
        enrolments = Enrolment.objects.by(member).open().whole_courses().filter(course=OuterRef("pk"))
        completed = _lessons_of_outer_course().filter(completions__member=member.pk)
        return self.annotate(
            enrolment_status=Coalesce(Subquery(enrolments.values("status")[:1]), Value("")),
            completed_count=Coalesce(_one_value(completed, _Whole(F("pk"), function="COUNT")), 0),
        )

    def with_singles_of(self, member: Any) -> Self:
        """Annotate `singles_count`: published lessons that member bought alone, and `singles_completed`."""
        singles = Enrolment.objects.by(member).active().single_lessons().order_by()
        singles = singles.filter(course=OuterRef("pk"), lesson__live=True)
        completed = singles.filter(lesson__completions__member=member.pk)
        return self.annotate(
            singles_count=Coalesce(_one_value(singles, _Whole(F("pk"), function="COUNT")), 0),
            singles_completed=Coalesce(_one_value(completed, _Whole(F("pk"), function="COUNT")), 0),
        )

    def with_subscription_of(self, member: Any) -> Self:
        """Annotate `is_subscribed` for member; a visitor follows nothing."""
        if member.is_anonymous:
            return self.annotate(is_subscribed=Value(False, models.BooleanField()))
        wishes = CourseSubscription.objects.by(member).filter(course=OuterRef("pk"))
        return self.annotate(is_subscribed=Exists(wishes.order_by()))

    def known_to_follower(self, member: Any) -> Self:
        """Published courses, and those that member followed while they were published."""
        return self.filter(Q(live=True) | Q(pk__in=CourseSubscription.objects.by(member).values("course")))

    def with_learners_count(self) -> Self:
        """Annotate `learners_count`: how many people have a place in the whole course."""
        places = Enrolment.objects.active().whole_courses().filter(course=OuterRef("pk")).order_by()
        return self.annotate(
            learners_count=Coalesce(_one_value(places, _Whole(F("pk"), function="COUNT")), 0)
        )

    def studied_by(self, member: Any) -> Self:
        """Courses in which member may study: the whole course or some lesson of it."""
        return self.filter(pk__in=Enrolment.objects.by(member).active().values("course"))

    def recently_studied_first(self, member: Any) -> Self:
        """Order by the last time member opened a lesson, marked one as done or got a place."""
        done = LessonCompletion.objects.filter(
            member=member.pk, lesson__path__gt=OuterRef("path"), lesson__path__lte=below(OuterRef("path"))
        )
        places = Enrolment.objects.by(member).active().filter(course=OuterRef("pk"))
        got_place_at = Subquery(places.order_by("-activated_at").values("activated_at")[:1])
        done_at = Subquery(done.order_by("-completed_at").values("completed_at")[:1])
        position = StudyPosition.objects.order_by().filter(member=member.pk, course=OuterRef("pk"))
        opened_at = Subquery(position.values("opened_at")[:1])
        return self.annotate(
            studied_at=Greatest(
                got_place_at, Coalesce(done_at, got_place_at), Coalesce(opened_at, got_place_at)
            )
        ).order_by("-studied_at", "pk")


class _Whole(Func):
    """An aggregate over a whole subquery; Django's own would group by every row of it."""

    output_field = models.IntegerField()


def _one_value(queryset: models.QuerySet, expression: Func) -> Subquery:
    return Subquery(queryset.annotate(only=expression).values("only"), output_field=models.IntegerField())


def _lessons_of_outer_course() -> models.QuerySet:
    return (
        _lesson_model()
        .objects.shown()
        .filter(path__gt=OuterRef("path"), path__lte=below(OuterRef("path")))
        .order_by()
    )


def _lesson_model() -> Any:
    """LessonPage, which is defined on top of this module."""
    return apps.get_model("courses", "LessonPage")


class CoursePage(AnnouncesChanges, MaterialPage):
    """A course: what it is about, what it costs, and below it its lessons, in sections or without."""

    class Level(models.TextChoices):
        BEGINNER = "BEGINNER", _("Beginner")
        INTERMEDIATE = "INTERMEDIATE", _("Intermediate")
        ADVANCED = "ADVANCED", _("Advanced")

    introduction = models.TextField(
        _("introduction"),
        max_length=500,
        help_text=_("One or two sentences; stands on the card and under the title."),
    )
    description = RichTextField(
        _("description"),
        blank=True,
        features=["h2", "h3", *RICH_TEXT_FEATURES],
        help_text=_("“About this course”, below the outline."),
    )
    objectives = StreamField(
        [("objective", CharBlock(label=_("objective"), max_length=250))],
        verbose_name=_("objectives"),
        blank=True,
        help_text=_("“What you will learn”, one line each."),
    )
    preview = models.ForeignKey(
        "content.PortalImage",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("preview picture"),
        help_text=_("Cover of the card and of the page; empty: a coloured cover with the title."),
    )
    topic = models.ForeignKey(
        "courses.CourseTopic",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="courses",
        verbose_name=_("topic"),
        help_text=_("Puts the course into the catalogue's filter."),
    )
    level = models.CharField(_("level"), max_length=20, choices=Level, default=Level.BEGINNER)
    language = models.CharField(
        _("language"),
        max_length=10,
        choices=settings.LANGUAGES,
        default=settings.LANGUAGE_CODE,
        help_text=_("Language of the lessons."),
    )
    price = models.DecimalField(
        _("price"),
        max_digits=10,
        decimal_places=2,
        default=0,
        help_text=_("For the whole course; 0 makes it free. Orders placed before keep their price."),
    )
    currency = models.CharField(
        _("currency"), max_length=3, choices=currency_choices, default=default_currency
    )
    is_sequential = models.BooleanField(
        _("lessons one after the other"),
        default=False,
        help_text=_("A lesson opens when the one before it is marked complete. Free previews stay open."),
    )

    objects = PageManager.from_queryset(CoursePageQuerySet)()

    page_description = _("A course. Add its sections and lessons below it.")
    parent_page_types = ["courses.CourseIndexPage"]
    subpage_types = ["courses.CourseSectionPage", "courses.LessonPage"]
    template = "courses/course_page.html"
    view = "courses.views.course.show"
    # In the explorer lessons stand, and are dragged, in the order in which they are studied.
    admin_default_ordering = "ord"
    material_fields = (
        *MaterialPage.material_fields,
        "introduction",
        "description",
        "objectives",
        "change_note",
    )

    content_panels = [
        *Page.content_panels,
        FieldPanel("introduction"),
        FieldPanel("preview"),
        FieldRowPanel([FieldPanel("topic"), FieldPanel("level"), FieldPanel("language")]),
        MultiFieldPanel(
            [FieldRowPanel([FieldPanel("price"), FieldPanel("currency")])], heading=_("What it costs")
        ),
        FieldPanel("is_sequential"),
        FieldPanel("objectives"),
        FieldPanel("description"),
        WhatChangedPanel(),
    ]
    search_fields = [
        *ContentPage.search_fields,
        index.SearchField("introduction"),
        index.SearchField("description"),
        index.AutocompleteField("introduction"),
        index.FilterField("topic"),
        index.FilterField("level"),
        index.FilterField("language"),
        index.FilterField("price"),
        index.RelatedFields("topic", [index.SearchField("name")]),
    ]

    class Meta:
        verbose_name = _("course")
        verbose_name_plural = _("courses")
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="courses_coursepage_price_not_negative"),
        ]

    def clean(self) -> None:
        super().clean()
        try:
            validate_price(self.price, self.currency)
        except ValidationError as error:
            raise ValidationError({"price": error}) from error
        self._clean_lesson_prices()

    def _clean_lesson_prices(self) -> None:
        """Refuse a currency in which a lesson sold alone could not be paid."""
        if not self.path:
            return
        for lesson in _lesson_model().objects.of(self).filter(price__isnull=False).defer_streamfields():
            try:
                validate_price(lesson.price, self.currency)
            except ValidationError as error:
                message = gettext("The price of the lesson “%(lesson)s” does not fit: %(problem)s")
                values = {"lesson": lesson.title, "problem": " ".join(error.messages)}
                raise ValidationError({"currency": message % values}) from error

    def route(self, request: HttpRequest, path_components: list[str]) -> RouteResult:
        """Find a lesson, in a section or not, in one query."""
        if path_components:
            lesson = (
                _lesson_model()
                .objects.filter(url_path=f"{self.url_path}{'/'.join(path_components)}/")
                .select_related("preview", "social_image")
                .first()
            )
            if lesson is not None:
                lesson.course = self
                lesson.is_unrestricted = self.is_unrestricted
                return lesson.route(request, [])
        return super().route(request, path_components)

    @property
    def price_money(self) -> Money:
        """What the whole course costs; falsy when it is free."""
        return Money(Decimal(self.price), self.currency)

    @property
    def is_free(self) -> bool:
        return not self.price


class CourseSectionPage(AnnouncesChanges, MaterialPage):
    """A heading in the outline. It has no page of its own: its address leads to its place in the course."""

    page_description = _("A heading in the outline of the course, with lessons below it.")
    parent_page_types = ["courses.CoursePage"]
    subpage_types = ["courses.LessonPage"]
    template = "courses/course_page.html"
    view = "courses.views.course.show_section"
    admin_default_ordering = "ord"
    preview_modes: ClassVar[list[tuple[str, str]]] = []
    material_fields = (*MaterialPage.material_fields, "change_note")
    show_in_menus_default = False
    content_panels = [*Page.content_panels, WhatChangedPanel()]
    promote_panels = [FieldPanel("slug")]

    class Meta:
        verbose_name = _("course section")
        verbose_name_plural = _("course sections")
