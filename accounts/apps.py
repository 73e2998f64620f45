from typing import Any

from django.apps import AppConfig
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.users.apps import WagtailUsersAppConfig


class AccountsConfig(AppConfig):
    default = True
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from anymail.signals import tracking

        from accounts import adapter, notifications, personal_data
        from accounts.services import digesting, keeping

        adapter.connect()
        tracking.connect(note_event_of_mail, dispatch_uid="accounts.note_event_of_mail")
        notifications.register_own()
        digesting.register_own()
        for keeper in keeping.KEEPERS:
            personal_data.register(keeper)


def note_event_of_mail(event: Any, **kwargs: Any) -> None:
    """After the mail provider has reported something. Anymail has checked that it was the provider."""
    from accounts.services import stopping

    stopping.note_event(
        kind=event.event_type,
        rejected_for=event.reject_reason,
        recipient=event.recipient,
        details=event.description or event.mta_response,
        at=event.timestamp or timezone.now(),  # noqa: TID251 (an interface: Anymail calls it)
    )


class PeopleInTheCmsConfig(WagtailUsersAppConfig):
    """Wagtail's own app for people, with the portal's list and form."""

    default = False
    user_viewset = "accounts.wagtail_hooks.people.PeopleViewSet"
