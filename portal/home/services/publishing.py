"""Put on the site, and take off it, what editors have scheduled."""

from __future__ import annotations

import logging
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import transaction
from wagtail.log_actions import log
from wagtail.models import Revision

logger = logging.getLogger(__name__)


def publish_due(*, at: datetime) -> int:
    """Publish what is due at a moment and unpublish what has expired; give the number of refused drafts.

    A draft that may not be published, such as one with a link that leads outside, is taken off the schedule
    and stays a draft, with an entry in its history: Wagtail's own command would stop at it every time, and
    with it everything that is scheduled after it.
    """
    refused = 0
    for revision in Revision.objects.filter(approved_go_live_at__lt=at).order_by("approved_go_live_at"):
        draft = revision.as_object()
        try:
            draft.full_clean()
        except ValidationError as error:
            logger.error("%r was scheduled and cannot be published: %s", draft, error.messages)
            with transaction.atomic():
                Revision.objects.filter(pk=revision.pk).update(approved_go_live_at=None)
                log(instance=draft, action="wagtail.schedule.cancel", revision=revision)
            refused += 1
    call_command("publish_scheduled", verbosity=0)
    return refused
