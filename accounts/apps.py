from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from accounts import adapter, notifications, personal_data
        from accounts.services import keeping

        adapter.connect()
        notifications.register_own()
        for keeper in keeping.KEEPERS:
            personal_data.register(keeper)
