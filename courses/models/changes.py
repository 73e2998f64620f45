"""What changed in a course, as its readers are told."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminPageForm
from wagtail.admin.panels import FieldPanel, MultiFieldPanel


class NewAsDraftForm(WagtailAdminPageForm):  # type: ignore[misc]
    """A page that is written and published in one go is on the site from its publication on, and not, as
    Wagtail has it, from a moment before: its first publication would look like a second one."""

    def save(self, commit: bool = True) -> Any:
        if self.instance.pk is None:
            self.instance.live = False
        return super().save(commit=commit)


class AnnouncesChanges(models.Model):
    """A page of a course. What its editor says of a change is published with the change, and only with it:
    `courses.services.announcing` takes both fields off the page when they have been said."""

    change_note = models.CharField(
        _("what changed"),
        max_length=200,
        blank=True,
        help_text=_(
            "One line for those who follow the course; it stands on the course page when you publish."
        ),
    )
    is_minor_change = models.BooleanField(
        _("minor, tell nobody"),
        default=False,
        help_text=_(
            "A slip of the pen put right: followers get no message and the course page lists nothing."
        ),
    )

    base_form_class = NewAsDraftForm
    #: A copy is another page: nobody has changed it yet.
    exclude_fields_in_copy: ClassVar[list[str]] = ["change_note", "is_minor_change"]

    class Meta:
        abstract = True


class WhatChangedPanel(MultiFieldPanel):  # type: ignore[misc]
    """The two fields, on pages that were published before: of a new page there is no change to tell."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("heading", _("For those who follow the course"))
        kwargs.setdefault("children", [FieldPanel("change_note"), FieldPanel("is_minor_change")])
        super().__init__(**kwargs)

    class BoundPanel(MultiFieldPanel.BoundPanel):  # type: ignore[misc]
        def is_shown(self) -> bool:
            page = self.instance
            is_new = page.pk is None or not (page.live or page.first_published_at)
            return not is_new and super().is_shown()


class CourseChangeQuerySet(models.QuerySet["CourseChange"]):
    def of(self, course: Any) -> Self:
        return self.filter(course=course.pk)

    def notable(self) -> Self:
        """Changes of which people are told."""
        return self.filter(is_minor=False)


class CourseChange(models.Model):
    """One publication of a course, a section or a lesson that was there to be read."""

    class Kind(models.TextChoices):
        ADDED = "ADDED", _("added")
        CHANGED = "CHANGED", _("changed")

    course = models.ForeignKey(
        "courses.CoursePage", on_delete=models.CASCADE, related_name="changes", verbose_name=_("course")
    )
    page = models.ForeignKey(
        "wagtailcore.Page",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("page"),
        help_text=_("The course itself, a section or a lesson."),
    )
    title = models.CharField(_("title"), max_length=255, help_text=_("The page's title at that time."))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    note = models.CharField(_("what changed"), max_length=200, blank=True)
    is_minor = models.BooleanField(_("minor, tell nobody"), default=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("published by"),
    )
    published_at = models.DateTimeField(_("published"))

    objects = CourseChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("change of a course")
        verbose_name_plural = _("changes of courses")
        ordering = ["-published_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["ADDED", "CHANGED"]), name="courses_coursechange_kind_known"
            ),
            # A publication of a page is known by its moment.
            models.UniqueConstraint(
                fields=["page", "published_at"], name="courses_coursechange_once_per_publication"
            ),
        ]
        indexes = [models.Index(fields=["course", "-published_at"], name="courses_coursechange_latest")]

    def __str__(self) -> str:
        return f"{self.course} · {self.title}"
