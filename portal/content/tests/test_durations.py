"""How long lessons take, as people read it."""

import pytest
from django.utils import translation

from portal.content.templatetags.durations import duration


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "0 minutes"),
        (1, "1 minute"),
        (59, "59 minutes"),
        (60, "1 hour"),
        (61, "1 h 1 min"),
        (90, "1 h 30 min"),
        (120, "2 hours"),
        (200, "3 h 20 min"),
    ],
)
def test_a_time_reads_as_it_is_and_is_not_rounded(minutes, words):
    with translation.override("en"):
        assert duration(minutes) == words
