from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from wagtail.users.apps import WagtailUsersAppConfig


class AccountsConfig(AppConfig):
    default = True
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from accounts import adapter, notifications, personal_data
        from accounts.services import digesting, keeping

        adapter.connect()
        notifications.register_own()
        digesting.register_own()
        for keeper in keeping.KEEPERS:
            personal_data.register(keeper)


class PeopleInTheCmsConfig(WagtailUsersAppConfig):
    """Wagtail's own app for people, with the portal's list and form."""

    default = False
    user_viewset = "accounts.wagtail_hooks.PeopleViewSet"
