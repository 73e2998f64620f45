"""The command `check_links` on pages that are no course material."""

import io

import pytest
from django.core.management import CommandError, call_command
from wagtail.models import Page

from portal.home.models import StandardPage

pytestmark = pytest.mark.django_db


def test_other_pages_may_link_anywhere_but_their_players_play_youtube_only():
    page = Page.objects.get(depth=2).add_child(
        instance=StandardPage(title="About", body=[("text", "<p>https://evil.example</p>")])
    )
    call_command("check_links", stdout=io.StringIO())
    StandardPage.objects.filter(pk=page.pk).update(
        body=[("youtube", {"url": "https://vimeo.com/1", "title": "x"})]
    )
    printed = io.StringIO()

    with pytest.raises(CommandError):
        call_command("check_links", stdout=printed)

    assert printed.getvalue().splitlines()[1] == "  Body: 1. YouTube video: Address"
