"""The step at which moderators read what authors have written."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from wagtail.models import AbstractGroupApprovalTask, TaskState


class ModerationTask(AbstractGroupApprovalTask):  # type: ignore[misc]
    """Wagtail's approval by a group, for one decision: of two moderators who decide at once, one does."""

    class Meta:
        verbose_name = _("moderation")
        verbose_name_plural = _("moderations")

    @transaction.atomic
    def on_action(self, task_state: TaskState, user: Any, action_name: str, **kwargs: Any) -> None:
        """Approve or reject. Raises PermissionDenied when it has been decided in the meantime."""
        TaskState.objects.select_for_update().get(pk=task_state.pk)
        # What the caller holds was read before the lock; so was the workflow that hangs on it.
        task_state.refresh_from_db()
        super().on_action(task_state, user, action_name, **kwargs)
