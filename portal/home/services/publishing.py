"""Put on the site, and take off it, what editors have scheduled."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from wagtail.log_actions import LogContext, log
from wagtail.models import DraftStateMixin, Page, PageLogEntry, Revision

logger = logging.getLogger(__name__)

TAKEN_OFF = "wagtail.schedule.cancel"
REMEMBERED = timedelta(days=7)


def publish_due(*, at: datetime) -> int:
    """Publish what is due at a moment and unpublish what has expired; give the number that could not be.

    One at a time, each in its own transaction, so that what fails holds up nothing else; Wagtail's command
    would stop at it, every time. A draft that may not be published, such as one with a link that leads
    outside, is taken off the schedule and stays a draft, with an entry in its history. Whatever else fails is
    tried again at the next call. The log takes all of it for one act: what opens together belongs together.
    """
    with LogContext():
        failed = sum(not _unpublished(page) for page in _expired(at))
        return failed + sum(not _published(revision) for revision in list(overdue(at=at)))


def overdue(*, at: datetime) -> QuerySet[Revision]:
    """Drafts whose moment is past."""
    return Revision.objects.filter(approved_go_live_at__lt=at).order_by("approved_go_live_at", "pk")


def taken_off(*, at: datetime) -> QuerySet[PageLogEntry]:
    """Of the last days, the entries of pages whose draft could not be published and that nobody has published
    since."""
    entries = PageLogEntry.objects.filter(
        action=TAKEN_OFF, user__isnull=True, timestamp__gt=at - REMEMBERED, deleted=False
    )
    return entries.filter(page__has_unpublished_changes=True).select_related("page")


def _expired(at: datetime) -> Iterator[Any]:
    models = [model for model in apps.get_models() if issubclass(model, DraftStateMixin)]
    for model in [Page, *(model for model in models if not issubclass(model, Page))]:
        yield from list(model.objects.filter(live=True, expire_at__lt=at).order_by("expire_at", "pk"))


def _unpublished(page: Any) -> bool:
    try:
        with transaction.atomic():
            page.unpublish(set_expired=True, log_action="wagtail.unpublish.scheduled")
    except Exception:
        # Whatever one page raises must not keep the others on the site.
        logger.exception("%r has expired and could not be unpublished", page)
        return False
    return True


def _published(revision: Revision) -> bool:
    draft = None
    try:
        draft = revision.as_object()
        draft.full_clean()
        with transaction.atomic():
            revision.publish(log_action="wagtail.publish.scheduled")
    except ValidationError as error:
        logger.error("%r was scheduled and cannot be published: %s", draft, error.messages)
        with transaction.atomic():
            Revision.objects.filter(pk=revision.pk).update(approved_go_live_at=None)
            log(instance=draft, action=TAKEN_OFF, revision=revision)
        return False
    except Exception:
        # Whatever one draft raises must not keep the others waiting.
        logger.exception("Revision %s of %s could not be published", revision.pk, revision.object_str)
        return False
    return True
