"""What is kept of a person here and in the packages below: profile, letters, sessions, and work in the CMS.

Apps above say themselves what they keep (`<app>/personal_data.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import SESSION_KEY
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import models, transaction
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts.models import Message, User
from accounts.notifications import shown_of
from accounts.personal_data import Json, Keeper
from accounts.services import stopping


class ProfileKeeper:
    """The account itself and the addresses of its owner. The row is `privacy.delete_account`'s to delete."""

    section = "profile"
    covers = frozenset(
        {
            "account.EmailAddress.user",
            "accounts.User_groups.user",
            "accounts.User_user_permissions.user",
            "socialaccount.SocialAccount.user",
            "wagtailusers.UserProfile.user",
        }
    )

    def export(self, user: User) -> Json:
        return {
            "email": user.email,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "phone": user.phone,
            "city": user.city,
            "avatar": user.avatar.url if user.avatar else "",
            "language": user.language,
            "time_zone": user.time_zone,
            "registered_at": user.date_joined.isoformat(),
            "last_sign_in_at": _iso(user.last_login),
            "warned_of_blocking_at": _iso(user.inactivity_warned_at),
            "blocked_for_inactivity_at": _iso(user.blocked_for_inactivity_at),
            "opened_again_at": _iso(user.reactivated_at),
            "roles": list(user.groups.order_by("name").values_list("name", flat=True)),
            "email_addresses": [
                {"email": row.email, "is_verified": row.verified, "is_primary": row.primary}
                for row in _rows("account.EmailAddress", user=user).order_by("pk")
            ],
            "signs_in_with": [
                {"provider": row.provider, "uid": row.uid, "said_by_the_provider": row.extra_data}
                for row in _rows("socialaccount.SocialAccount", user=user).order_by("pk")
            ],
            "cms_preferences": [
                {"language": row.preferred_language, "time_zone": row.current_time_zone}
                for row in _rows("wagtailusers.UserProfile", user=user)
            ],
        }

    def erase(self, user: User, *, at: datetime) -> None:
        _delete_rows(["account.EmailAddress", "socialaccount.SocialAccount"], user=user)
        for profile in _rows("wagtailusers.UserProfile", user=user):
            _delete_file_on_commit(profile.avatar)
            profile.delete()
        _delete_file_on_commit(user.avatar)
        user.groups.clear()
        user.user_permissions.clear()
        self._take_the_name_out_of_logs(user)

    def _take_the_name_out_of_logs(self, user: User) -> None:
        """What others did to the account stays written down, and no longer says whose it was."""
        about = {"content_type": ContentType.objects.get_for_model(User), "object_id": str(user.pk)}
        nobody = f"#{user.pk}"
        _rows("admin.LogEntry", **about).update(object_repr=nobody, change_message="")
        _rows("wagtailcore.ModelLogEntry", **about).update(label=nobody, data={})


class MessagesKeeper:
    """Messages to the person."""

    section = "messages"
    covers = frozenset({"accounts.Message.recipient"})

    def export(self, user: User) -> Json:
        return [
            {
                "kind": message.kind,
                "about": message.subject_of,
                "contents": shown_of(message),
                "status": message.status,
                "written_at": message.created_at.isoformat(),
                "sent_at": _iso(message.sent_at),
                "read_at": _iso(message.read_at),
                "went_by": [
                    {"channel": delivery.channel, "status": delivery.status, "at": delivery.at.isoformat()}
                    for delivery in message.deliveries.all()
                ],
            }
            for message in Message.objects.to(user)
            .prefetch_related("deliveries")
            .order_by("created_at", "pk")
        ]

    def erase(self, user: User, *, at: datetime) -> None:
        Message.objects.to(user).delete()


class ChoicesKeeper:
    """What the person chose about messages, and what the mail provider reported of their addresses."""

    section = "message_choices"
    deletes = ("accounts.NotificationChoice", "accounts.TelegramChat", "accounts.TelegramCode")
    covers = frozenset(f"{label}.user" for label in deletes)

    def export(self, user: User) -> Json:
        return {
            "choices": [
                {"kind": row.kind, "channel": row.channel, "frequency": row.frequency}
                for row in _rows("accounts.NotificationChoice", user=user)
            ],
            "digest_hour": user.digest_hour,
            "digest_weekday": user.digest_weekday,
            "telegram": [
                {"chat": row.chat, "since": row.linked_at.isoformat()}
                for row in _rows("accounts.TelegramChat", user=user)
            ],
            "addresses_without_mail": [
                {
                    "email": row.email,
                    "reason": row.reason,
                    "details": row.details,
                    "since": row.stopped_at.isoformat(),
                }
                for row in stopping.stopped_of(user=user)
            ],
        }

    def erase(self, user: User, *, at: datetime) -> None:
        stopping.stopped_of(user=user).delete()
        _delete_rows(self.deletes, user=user)


class SessionsKeeper:
    """Where the person is signed in, and what signs them in: sessions, tokens, second factors."""

    section = "sessions"
    covers = frozenset(
        {
            "mfa.Authenticator.user",
            "token_blacklist.OutstandingToken.user",
            "usersessions.UserSession.user",
            "wagtailcore.APIToken.user",
        }
    )

    def export(self, user: User) -> Json:
        return {
            "browsers": [
                {
                    "address": row.ip,
                    "browser": row.user_agent,
                    "since": row.created_at.isoformat(),
                    "last_seen_at": row.last_seen_at.isoformat(),
                }
                for row in _rows("usersessions.UserSession", user=user).order_by("pk")
            ],
            "tokens": [
                {"issued_at": _iso(row.created_at), "valid_until": _iso(row.expires_at)}
                for row in OutstandingToken.objects.filter(user=user).order_by("pk")
            ],
            "second_factors": [
                {"type": row.type, "since": _iso(row.created_at), "last_used_at": _iso(row.last_used_at)}
                for row in _rows("mfa.Authenticator", user=user).order_by("pk")
            ],
        }

    def erase(self, user: User, *, at: datetime) -> None:
        tokens = OutstandingToken.objects.filter(user=user)
        # Kept on the black list, without the person, until they expire: deleted, they would count as good.
        BlacklistedToken.objects.bulk_create(
            [BlacklistedToken(token=token, blacklisted_at=at) for token in tokens], ignore_conflicts=True
        )
        tokens.update(user=None)
        Session.objects.filter(pk__in=_session_keys(user, at=at)).delete()
        _delete_rows(["usersessions.UserSession", "mfa.Authenticator", "wagtailcore.APIToken"], user=user)


class EditingKeeper:
    """What the person did in the CMS and in the admin.

    Their pages, pictures and documents are the portal's and stay, owned by nobody: others have learned from
    them and paid for them. The history says that something was done, and no longer by whom; what was done in
    the Django admin stays with the emptied account (`privacy.delete_account`).
    """

    section = "editing"
    deletes = (
        "wagtailadmin.EditingSession",
        "wagtailadmin.FormState",
        "wagtailcore.Comment",
        "wagtailcore.CommentReply",
        "wagtailcore.PageSubscription",
    )
    forgets = (
        "content.PortalDocument.uploaded_by_user",
        "content.PortalImage.uploaded_by_user",
        "wagtailcore.Comment.resolved_by",
        "wagtailcore.ModelLogEntry.user",
        "wagtailcore.Page.locked_by",
        "wagtailcore.Page.owner",
        "wagtailcore.PageLogEntry.user",
        "wagtailcore.Revision.user",
        "wagtailcore.TaskState.finished_by",
        "wagtailcore.UploadedFile.uploaded_by_user",
        "wagtailcore.WorkflowState.requested_by",
        "wagtaildocs.Document.uploaded_by_user",
        "wagtailimages.Image.uploaded_by_user",
    )
    covers = frozenset({*forgets, *(f"{label}.user" for label in deletes), "admin.LogEntry.user"})

    def export(self, user: User) -> Json:
        return {
            "pages": [
                {
                    "title": page.title,
                    "address": page.url_path,
                    "first_published_at": _iso(page.first_published_at),
                }
                for page in _rows("wagtailcore.Page", owner=user).order_by("pk")
            ],
            "pictures": self._titles("content.PortalImage", user),
            "documents": self._titles("content.PortalDocument", user),
            "comments": [
                {"text": row.text, "written_at": row.created_at.isoformat()}
                for label in ("wagtailcore.Comment", "wagtailcore.CommentReply")
                for row in _rows(label, user=user).order_by("pk")
            ],
            "drafts_saved": _rows("wagtailcore.Revision", user=user).count(),
            "changes_in_the_cms": [
                {"action": row.action, "of": row.label, "at": row.timestamp.isoformat()}
                for label in ("wagtailcore.PageLogEntry", "wagtailcore.ModelLogEntry")
                for row in _rows(label, user=user).order_by("pk")
            ],
            "changes_in_the_admin": [
                {"of": row.object_repr, "at": row.action_time.isoformat()}
                for row in _rows("admin.LogEntry", user=user).order_by("pk")
            ],
        }

    def erase(self, user: User, *, at: datetime) -> None:
        _delete_rows(self.deletes, user=user)
        for name in self.forgets:
            label, _dot, field = name.rpartition(".")
            _rows(label, **{field: user}).update(**{field: None})

    def _titles(self, label: str, user: User) -> list[dict[str, Any]]:
        return [
            {"title": row.title, "file": row.file.name, "uploaded_at": row.created_at.isoformat()}
            for row in _rows(label, uploaded_by_user=user).order_by("pk")
        ]


KEEPERS: Sequence[Keeper] = (
    ProfileKeeper(),
    MessagesKeeper(),
    ChoicesKeeper(),
    SessionsKeeper(),
    EditingKeeper(),
)


def _rows(label: str, **conditions: Any) -> models.QuerySet[Any]:
    """Rows of another package's model; none when it is not installed here."""
    try:
        model = apps.get_model(label)
    except LookupError:
        return Message.objects.none()
    return model._default_manager.filter(**conditions)


def _delete_rows(labels: Iterable[str], *, user: User) -> None:
    for label in labels:
        _rows(label, user=user).delete()


def _session_keys(user: User, *, at: datetime) -> list[str]:
    """Keys of the sessions in the database in which the person is signed in."""
    live = Session.objects.filter(expire_date__gt=at).iterator(chunk_size=500)
    return [session.pk for session in live if session.get_decoded().get(SESSION_KEY) == str(user.pk)]


def _delete_file_on_commit(file: Any) -> None:
    if file:
        name, storage = file.name, file.storage
        transaction.on_commit(lambda: storage.delete(name), robust=True)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
