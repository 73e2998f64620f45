"""Shapes that answers of all endpoints have in common."""

from rest_framework import serializers


class WayToPaySerializer(serializers.Serializer):
    """What has to be paid first, and where."""

    course = serializers.IntegerField(help_text="Id of the course.")
    amount = serializers.CharField()
    currency = serializers.CharField()
    url = serializers.URLField(help_text="The course's page, with the button that buys it.")
    payments_url = serializers.URLField(help_text="Where a client POSTs `{course}` to pay for it.")


class ProblemSerializer(serializers.Serializer):
    """A problem document (RFC 9457)."""

    type = serializers.CharField(help_text="about:blank: the status says what kind of problem it is.")
    title = serializers.CharField(help_text="The status in words.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What went wrong this time, for people.")
    errors = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="For invalid input: messages by field.",
    )
    code = serializers.CharField(
        required=False, help_text="Of the library's refusals: why, for programs. It stays the same."
    )
    payment = WayToPaySerializer(required=False, help_text="With 402: the way to pay.")
