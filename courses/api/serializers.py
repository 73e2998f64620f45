"""What the course endpoints read and answer."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework import serializers
from wagtail.rich_text import expand_db_html

from courses.models import CoursePage, CourseTopic
from courses.services import browsing
from courses.services.outlining import progress_percent
from portal.content.catalogues import LONGEST_SEARCH

PREVIEW_RENDITION = "fill-960x540"
# Query parameters of every list; what they may hold, pagination says.
PAGE_PARAMETERS = {"page", "page_size", "format"}


class WordsField(serializers.CharField):
    """What somebody looks for; what is longer than anybody types is cut, as it would not find more."""

    def to_internal_value(self, value: Any) -> str:
        return super().to_internal_value(value)[:LONGEST_SEARCH]


class FacetsQuerySerializer(serializers.Serializer):
    """The catalogue's filters. A parameter or value that is not known is an error, never a full list."""

    search = WordsField(
        required=False,
        allow_blank=True,
        default="",
        help_text="Courses with all of these words, or beginnings of words, in the course or in one lesson.",
    )
    topic = serializers.SlugField(required=False, allow_blank=True, help_text="Slug of a topic.")
    level = serializers.ChoiceField(required=False, allow_blank=True, choices=CoursePage.Level.choices)
    language = serializers.ChoiceField(required=False, allow_blank=True, choices=settings.LANGUAGES)
    price = serializers.ChoiceField(required=False, allow_blank=True, choices=list(browsing.PRICES))

    page_parameters = {"format"}

    def validate_topic(self, slug: str) -> str:
        is_in_use = slug in self.context.get("topics", ())
        if slug and not is_in_use and not CourseTopic.objects.filter(slug=slug).exists():
            raise serializers.ValidationError(_("There is no topic “%(slug)s”.") % {"slug": slug})
        return slug

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields) - self.page_parameters)
        if unknown:
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                {
                    name: [_("There is no such filter; there are: %(known)s.") % {"known": known}]
                    for name in unknown
                }
            )
        return super().to_internal_value(data)


class CatalogueQuerySerializer(FacetsQuerySerializer):
    """The catalogue's filters and orders."""

    ordering = serializers.ChoiceField(
        required=False,
        choices=[browsing.RELEVANCE, *browsing.ORDERINGS],
        help_text="Without it: `relevance` when `search` is given, else `-published_at`.",
    )

    page_parameters = PAGE_PARAMETERS


class OptionSerializer(serializers.Serializer):
    value = serializers.CharField()
    label = serializers.CharField(help_text="In the language of the asker.")
    count = serializers.IntegerField(help_text="Courses with it among those that the other filters leave.")


class FacetsSerializer(serializers.Serializer):
    """How many courses there are, and how many there would be with one more choice."""

    count = serializers.IntegerField(help_text="Courses that fit all filters.")
    topic = OptionSerializer(many=True)
    level = OptionSerializer(many=True)
    language = OptionSerializer(many=True)
    price = OptionSerializer(many=True)


class TopicSerializer(serializers.Serializer):
    name = serializers.CharField()
    slug = serializers.SlugField()


class OutlineEntrySerializer(serializers.Serializer):
    """A lesson in the outline: no material, which `learning/lessons/{id}/` gives to those who may open it."""

    id = serializers.IntegerField(source="lesson.pk")
    title = serializers.CharField()
    section = serializers.CharField(
        source="lesson.section_heading", help_text="Title of its section; empty outside sections."
    )
    duration_minutes = serializers.IntegerField(source="minutes")
    is_preview = serializers.BooleanField(help_text="Open to everyone.")
    is_locked = serializers.BooleanField(help_text="For the asker.")
    lock_reason = serializers.CharField(help_text="What opens it, in words; empty when it is open.")
    is_completed = serializers.BooleanField(help_text="By the asker.")


class CatalogueCourseSerializer(serializers.Serializer):
    """A published course as the asker sees it."""

    id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    introduction = serializers.CharField()
    description = serializers.SerializerMethodField(help_text="HTML.")
    preview = serializers.SerializerMethodField(help_text="Address of the cover; null without one.")
    topic = TopicSerializer(allow_null=True)
    level = serializers.ChoiceField(choices=CoursePage.Level.choices)
    language = serializers.CharField()
    price = serializers.SerializerMethodField(help_text="“0.00” when the course is free.")
    currency = serializers.CharField()
    is_sequential = serializers.BooleanField(help_text="Whether lessons open one after the other.")
    lessons_count = serializers.IntegerField()
    minutes = serializers.IntegerField()
    lessons = serializers.SerializerMethodField()
    is_subscribed = serializers.BooleanField(help_text="Whether the asker is told when the course changes.")
    is_enrolled = serializers.SerializerMethodField(help_text="Whether the asker may study the whole course.")
    progress = serializers.SerializerMethodField(
        help_text="Percent done by the asker; null before they begin."
    )
    url = serializers.SerializerMethodField(help_text="The course's page.")

    def get_description(self, course: CoursePage) -> str:
        return expand_db_html(course.description)

    def get_preview(self, course: CoursePage) -> str | None:
        if course.preview is None:
            return None
        return self._absolute(course.preview.get_rendition(PREVIEW_RENDITION).url)

    def get_price(self, course: CoursePage) -> str:
        return str(course.price_money.amount)

    def get_lessons(self, course: CoursePage) -> list[dict[str, Any]]:
        outline = self.context["outlines"][course.pk]
        for section in outline:
            for entry in section.entries:
                entry.lesson.section_heading = section.title
        return OutlineEntrySerializer(outline.entries, many=True).data

    def get_is_enrolled(self, course: CoursePage) -> bool:
        return self.context["standings"][course.pk].is_active

    def get_progress(self, course: CoursePage) -> int | None:
        if not self.context["standings"][course.pk].is_active and not course.completed_count:
            return None
        return progress_percent(completed_count=course.completed_count, lessons_count=course.lessons_count)

    def get_url(self, course: CoursePage) -> str:
        return self._absolute(course.get_url(self.context["request"]._request))

    def _absolute(self, url: str) -> str:
        return self.context["request"].build_absolute_uri(url)


class LessonVideoSerializer(serializers.Serializer):
    id = serializers.CharField(help_text="YouTube's id; empty for a whole playlist.")
    title = serializers.CharField()
    start_seconds = serializers.IntegerField()
    playlist_id = serializers.CharField(allow_blank=True)
    embed_url = serializers.URLField()
    watch_url = serializers.URLField()


class LessonBlockSerializer(serializers.Serializer):
    id = serializers.CharField()
    type = serializers.ChoiceField(
        choices=["text", "heading", "quote", "callout", "code", "picture", "youtube", "download"]
    )
    value = serializers.JSONField(
        help_text="A string for text (HTML) and headings, an object for the others."
    )


class LearningLessonSerializer(serializers.Serializer):
    """A lesson with its material, for one who may open it."""

    id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    introduction = serializers.CharField()
    course = serializers.IntegerField(source="course.pk", help_text="Id of the course.")
    duration_minutes = serializers.IntegerField()
    is_preview = serializers.BooleanField()
    is_completed = serializers.BooleanField(help_text="By the asker.")
    video = LessonVideoSerializer(allow_null=True)
    body = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField(help_text="The lesson's page.")

    def get_body(self, lesson: Any) -> list[dict[str, Any]]:
        return lesson.body.stream_block.get_api_representation(lesson.body, context=self.context)

    def get_url(self, lesson: Any) -> str:
        request = self.context["request"]
        return request.build_absolute_uri(lesson.get_url(request._request))


class CompletionSerializer(serializers.Serializer):
    lesson = serializers.IntegerField()
    is_completed = serializers.BooleanField()
