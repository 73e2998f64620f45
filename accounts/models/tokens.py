"""What is over of the tokens of the API, before they expire."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class EndedTokenFamily(models.Model):
    """A sign-in by token that is over, with every token renewed from it.

    It names no person: the tokens name the family. Once the last of them has expired, the row may go.
    """

    family = models.CharField(_("family"), max_length=255)
    ended_at = models.DateTimeField(_("ended at"))

    class Meta:
        verbose_name = _("ended family of tokens")
        verbose_name_plural = _("ended families of tokens")
        constraints = [
            models.UniqueConstraint(name="accounts_endedtokenfamily_once", fields=["family"]),
        ]

    def __str__(self) -> str:
        return self.family
