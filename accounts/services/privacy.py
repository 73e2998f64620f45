"""What a person may ask of the portal about themselves: a copy of everything, and to be forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from accounts import personal_data
from accounts.models import User


class DeletionRefused(Exception):
    """An account that must not go: its text is for people."""


def export(*, user: User, at: datetime) -> dict[str, Any]:
    """Everything that the portal keeps of a person, by section, as JSON."""
    return {
        "exported_at": at.isoformat(),
        **{keeper.section: keeper.export(user) for keeper in personal_data.keepers()},
    }


def delete_account(*, user: User, at: datetime) -> None:
    """Delete an account and what is kept of its owner, all or nothing, in a transaction of its own.

    Raises DeletionRefused for the last administrator. See `forget`.
    """
    with transaction.atomic(durable=True):
        forget(user=user, at=at)


def forget(*, user: User, at: datetime) -> None:
    """The same in the caller's transaction, for doors that open one themselves.

    Where accounting or the log of the admin must keep who it was about (anything that refuses the deletion of
    the row), the row stays and names nobody: no address, no name, no way to sign in. Files go when it has
    committed. Raises DeletionRefused for the last administrator.
    """
    with transaction.atomic():
        # no_key: rows that name the person can be written meanwhile, or who writes one and holds what is
        # wanted here would wait for us, and we for them.
        user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        _refuse_the_last_administrator(user)
        for keeper in personal_data.keepers():
            keeper.erase(user, at=at)
        if LogEntry.objects.filter(user=user).exists() or not _is_deleted(user):
            _empty(user)


def _refuse_the_last_administrator(user: User) -> None:
    administrators = (
        User.objects.select_for_update(no_key=True).filter(is_superuser=True, is_active=True).order_by("pk")
    )
    if user.is_superuser and user.is_active and list(administrators) == [user]:
        raise DeletionRefused(
            _("This is the only administrator. Make somebody else one first, then delete this account.")
        )


def _is_deleted(user: User) -> bool:
    """Delete the row, and say whether nothing was in the way."""
    try:
        with transaction.atomic():
            user.delete()
    except ProtectedError:
        return False
    return True


def _empty(user: User) -> None:
    user.email = f"deleted-{user.pk}@invalid"
    user.first_name = user.last_name = user.phone = user.city = user.language = user.time_zone = ""
    user.avatar = ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login = user.inactivity_warned_at = None
    user.blocked_for_inactivity_at = user.reactivated_at = None
    user.set_unusable_password()
    user.save()
