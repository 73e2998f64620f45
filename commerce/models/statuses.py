"""A status that moves only along its table, one winner at a time, and remembers every move."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class IllegalTransition(ValueError):
    """The table of transitions has no such move at all."""


class StatusChange(models.Model):
    """One move of a status: from where, to where, when, by whom and why."""

    from_status = models.CharField(_("from"), max_length=20)
    to_status = models.CharField(_("to"), max_length=20)
    at = models.DateTimeField(_("at"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    cause = models.CharField(
        _("cause"), max_length=200, help_text=_("What made it happen, such as the name of an event.")
    )

    class Meta:
        abstract = True
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.from_status} → {self.to_status}"


class HasStatus(models.Model):
    """A row whose `status` changes by `transition` and by nothing else.

    Subclasses give TRANSITIONS and a reverse relation `status_changes`.
    """

    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]]

    class Meta:
        abstract = True

    def transition(
        self,
        *,
        to: str,
        at: datetime,
        cause: str,
        actor: Any = None,
        from_: Collection[str] | None = None,
        **fields: Any,
    ) -> bool:
        """Move to a status if the row, as it is in the database now, may go there; say whether it did.

        Of any number of callers at once exactly one wins. `fields` are set in the same statement. `from_` is
        what may be left, when not every status that leads there.
        Call it inside a transaction: the move and its history row belong together.
        Raises IllegalTransition when no status at all leads there.
        """
        allowed_from = [
            status
            for status, targets in self.TRANSITIONS.items()
            if to in targets and (from_ is None or status in from_)
        ]
        if not allowed_from:
            raise IllegalTransition(f"{type(self).__name__} never becomes {to}.")
        rows = type(self)._default_manager.filter(pk=self.pk)
        for from_status in allowed_from:
            if rows.filter(status=from_status).update(status=to, **fields):
                self.status_changes.create(  # type: ignore[attr-defined]
                    from_status=from_status, to_status=to, at=at, cause=cause[:200], actor=actor
                )
                self.refresh_from_db()
                return True
        self.refresh_from_db()
        return False
