"""What tests of messages share."""

import pytest

from accounts import notifications
from accounts.tests import letters

SUBJECT = "{% autoescape off %}News of {{ title }}{% endautoescape %}"
TEXT = (
    '{% extends "accounts/email/base.txt" %}'
    "{% block content %}{% autoescape off %}{{ title }} has changed.{% endautoescape %}{% endblock %}"
)
HTML = (
    '{% extends "accounts/email/base.html" %}{% block content %}<p>{{ title }} has changed.</p>{% endblock %}'
)


@pytest.fixture
def own_kinds(monkeypatch, settings):
    """Two kinds for the test alone, with templates: letters.NEWS and letters.RECEIPT."""
    monkeypatch.setattr(notifications, "_kinds", dict(notifications._kinds))
    (engine,) = settings.TEMPLATES
    found = {
        f"accounts/email/{folder}/{part}": text
        for folder in ("test_news", "test_receipt")
        for part, text in (("subject.txt", SUBJECT), ("body.txt", TEXT), ("body.html", HTML))
    }
    loaders = [
        ("django.template.loaders.locmem.Loader", found),
        ("django.template.loaders.filesystem.Loader", engine["DIRS"]),
        "django.template.loaders.app_directories.Loader",
    ]
    options = {**engine["OPTIONS"], "loaders": loaders}
    settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": options}]
    letters.register(letters.NEWS)
    letters.register(letters.RECEIPT)
    return letters.register
