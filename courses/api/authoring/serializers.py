"""What authors send and get: courses and lessons as they are written, not as they are studied."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_yasg.utils import swagger_serializer_method
from rest_framework import serializers

from commerce.money import AmountNotPayable, Money
from courses.api.authoring.fields import (
    BodyField,
    FlagField,
    IdField,
    ObjectivesField,
    PictureField,
    RichTextField,
    WordsField,
)
from courses.api.serializers import PAGE_PARAMETERS
from courses.models import CoursePage, CourseTopic

DESCRIPTION_FEATURES = list(CoursePage._meta.get_field("description").features)
COURSE_ORDERINGS = {
    "id": ("pk",),
    "-id": ("-pk",),
    "title": ("draft_title", "pk"),
    "-title": ("-draft_title", "-pk"),
    "updated_at": ("latest_revision_created_at", "pk"),
    "-updated_at": ("-latest_revision_created_at", "-pk"),
}
#: `position` is the order of the catalogue, the course and its outline.
LESSON_ORDERINGS = {"position": ("path",), "-position": ("-path",), **COURSE_ORDERINGS}


class ListQuerySerializer(serializers.Serializer):
    """Filters and order of a list. One that is not known is an error, never a full list."""

    live = FlagField(required=False, help_text="Published or not.")
    owner = IdField(required=False, help_text="Those of one person.")

    def to_internal_value(self, asked: Any) -> Any:
        unknown = sorted(set(asked) - set(self.fields) - PAGE_PARAMETERS)
        if unknown:
            known = ", ".join(self.fields)
            message = _("There is no such filter; there are: %(known)s.") % {"known": known}
            raise serializers.ValidationError({name: [message] for name in unknown})
        return super().to_internal_value(asked)


class CourseListQuerySerializer(ListQuerySerializer):
    ordering = serializers.ChoiceField(choices=list(COURSE_ORDERINGS), default="-id")


class LessonListQuerySerializer(ListQuerySerializer):
    course = IdField(required=False, help_text="Those of one course.")
    ordering = serializers.ChoiceField(choices=list(LESSON_ORDERINGS), default="position")


class PriceField(serializers.DecimalField):
    """An amount in the course's currency, as text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=10, decimal_places=2, min_value=Decimal(0), **kwargs)


class ManuscriptSerializer(serializers.Serializer):
    """What courses and lessons have in common. `content` is by the names of the model."""

    #: What is sent and is no part of the content.
    APART: tuple[str, ...] = ("live",)

    @property
    def content(self) -> dict[str, Any]:
        return {name: value for name, value in self.validated_data.items() if name not in self.APART}

    def refused(self, messages: Mapping[str, Any]) -> serializers.ValidationError:
        """The model's refusals under the names of this serializer."""
        names = {field.source: name for name, field in self.fields.items() if not field.read_only}
        names["__all__"] = "non_field_errors"
        return serializers.ValidationError({names.get(key, key): value for key, value in messages.items()})

    def get_url(self, page: Any) -> str:
        request = self.context["request"]
        return request.build_absolute_uri(page.get_url(request._request))


class LessonPriceField(PriceField):
    """For a lesson nothing is no price: only courses are given away, lessons are opened as free previews."""

    def run_validation(self, *args: Any) -> Decimal | None:
        return super().run_validation(*args) or None


def price_in_words(price: Any, currency: str) -> str:
    """As the catalogue says it; a draft's price that its currency does not know, as it is written."""
    try:
        return str(Money(Decimal(price), currency).amount)
    except AmountNotPayable:
        return str(price)


class LessonSerializer(ManuscriptSerializer):
    """A lesson as its author writes it."""

    APART = ("live", "course", "section")

    id = serializers.IntegerField(source="pk", read_only=True)
    course = IdField(
        source="course.pk", help_text="Id of the course. Another one moves the lesson to its end."
    )
    section = IdField(
        source="section_id",
        required=False,
        allow_null=True,
        help_text="Id of the section of the course in which it stands; null outside sections.",
    )
    title = WordsField(max_length=255)
    description = WordsField(
        source="introduction",
        required=False,
        allow_blank=True,
        max_length=500,
        help_text="Plain text that everyone may read. The material itself is the `body`.",
    )
    preview = PictureField(required=False, allow_null=True)
    video_url = WordsField(
        required=False, allow_blank=True, max_length=300, help_text="Of a video or playlist on YouTube."
    )
    price = LessonPriceField(
        required=False,
        allow_null=True,
        help_text="For this lesson alone; null, or 0, which is answered as null: sold with the course only.",
    )
    currency = serializers.CharField(source="course.currency", read_only=True, help_text="The course's.")
    body = BodyField(required=False)
    is_preview = FlagField(required=False, help_text="Everyone may open it.")
    duration_minutes = serializers.IntegerField(required=False, min_value=0, max_value=100_000)
    change_note = WordsField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="One line for those who follow the course, told once when this draft is published.",
    )
    is_minor_change = FlagField(required=False, help_text="Tell nobody of it.")
    live = FlagField(
        required=False,
        help_text="Whether it is published. True publishes this draft, or submits it to the moderators.",
    )
    has_unpublished_changes = serializers.BooleanField(
        read_only=True, help_text="Whether this draft differs from what is published."
    )
    workflow_status = serializers.ChoiceField(
        choices=["in_progress", "needs_changes"],
        read_only=True,
        allow_null=True,
        help_text="Where it stands in moderation; null: nowhere.",
    )
    owner = serializers.IntegerField(source="owner_id", read_only=True, allow_null=True, help_text="Id.")
    url = serializers.SerializerMethodField(help_text="The lesson's page.")

    def to_representation(self, lesson: Any) -> dict[str, Any]:
        answer = super().to_representation(lesson)
        if lesson.price is not None:
            answer["price"] = price_in_words(lesson.price, lesson.course.currency)
        return answer

    @property
    def place(self) -> dict[str, Any]:
        """Where it is to stand, as far as that was said."""
        place = {}
        if "course" in self.validated_data:
            place["course_id"] = self.validated_data["course"]["pk"]
        if "section_id" in self.validated_data:
            place["section_id"] = self.validated_data["section_id"]
        return place

    @property
    def content(self) -> dict[str, Any]:
        return {name: value for name, value in super().content.items() if name != "section_id"}


class CourseSerializer(ManuscriptSerializer):
    """A course as its author writes it, with its lessons in full."""

    id = serializers.IntegerField(source="pk", read_only=True)
    title = WordsField(max_length=255)
    introduction = WordsField(
        required=False,
        max_length=500,
        help_text="Plain text, a sentence or two. Left out of a new course: taken from the description.",
    )
    description = RichTextField(
        features=DESCRIPTION_FEATURES,
        required=False,
        help_text="HTML; what the CMS's editor does not know is dropped. Plain text is one paragraph.",
    )
    objectives = ObjectivesField(required=False, help_text="What one will learn, line by line.")
    preview = PictureField(required=False, allow_null=True)
    topic = serializers.SlugRelatedField(
        slug_field="slug",
        queryset=CourseTopic.objects.all(),
        required=False,
        allow_null=True,
        help_text="Slug of a topic.",
    )
    level = serializers.ChoiceField(choices=CoursePage.Level.choices, required=False)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)
    price = PriceField(required=False, help_text="For the whole course; 0 makes it free.")
    currency = WordsField(required=False, max_length=3, help_text="Three letters, such as USD.")
    is_sequential = FlagField(
        required=False, help_text="A lesson opens when the one before it is marked complete."
    )
    change_note = WordsField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="One line for those who follow the course, told once when this draft is published.",
    )
    is_minor_change = FlagField(required=False, help_text="Tell nobody of it.")
    live = FlagField(
        required=False,
        help_text="Whether it is published. True publishes this draft, or submits it to the moderators.",
    )
    has_unpublished_changes = serializers.BooleanField(
        read_only=True, help_text="Whether this draft differs from what is published."
    )
    workflow_status = serializers.ChoiceField(
        choices=["in_progress", "needs_changes"],
        read_only=True,
        allow_null=True,
        help_text="Where it stands in moderation; null: nowhere.",
    )
    owner = serializers.IntegerField(source="owner_id", read_only=True, allow_null=True, help_text="Id.")
    is_subscribed = serializers.BooleanField(
        read_only=True, help_text="Whether the asker follows the course."
    )
    lessons_count = serializers.SerializerMethodField(help_text="Of all lessons, published or not.")
    lessons = serializers.SerializerMethodField(help_text="All lessons in full, in the order of study.")
    url = serializers.SerializerMethodField(help_text="The course's page.")

    def get_lessons_count(self, course: CoursePage) -> int:
        return len(course.lessons)

    @swagger_serializer_method(LessonSerializer(many=True))
    def get_lessons(self, course: CoursePage) -> Any:
        return LessonSerializer(course.lessons, many=True, context=self.context).data

    def to_representation(self, course: Any) -> dict[str, Any]:
        answer = super().to_representation(course)
        answer["price"] = price_in_words(course.price, course.currency)
        return answer
