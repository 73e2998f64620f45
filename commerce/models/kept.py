"""What waits for its turn in a member's cart."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models.items import Item


class KeptLineQuerySet(models.QuerySet["KeptLine"]):
    def of(self, user: object) -> Self:
        """With their items, the one kept first in front."""
        return self.filter(user=user).select_related("item").order_by("kept_at", "pk")


class KeptLine(models.Model):
    """So many of an item that somebody had in a visitor's cart, and that did not go into their own.

    It is of another currency than what is in there, and comes into the cart when that is free.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="kept_lines",
        verbose_name=_("member"),
    )
    item = models.ForeignKey(
        Item, on_delete=models.CASCADE, related_name="kept_lines", verbose_name=_("item")
    )
    quantity = models.PositiveIntegerField(_("quantity"))
    kept_at = models.DateTimeField(_("kept since"))

    objects = KeptLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("thing kept for later")
        verbose_name_plural = _("things kept for later")
        constraints = [
            models.UniqueConstraint(fields=["user", "item"], name="commerce_keptline_item_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="commerce_keptline_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.item}"
