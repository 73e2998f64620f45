from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LibraryConfig(AppConfig):
    name = "library"
    verbose_name = _("Library")

    def ready(self) -> None:
        from accounts import personal_data
        from commerce import fulfilment
        from library import notifications
        from library.personal_data import LibraryKeeper
        from library.sales import FeeSeller, FineSeller, RenewalSeller, order_for_borrowing
        from library.services import charging, integrity

        fulfilment.register(charging.BORROWING, FeeSeller())
        fulfilment.register(charging.RENEWAL, RenewalSeller())
        fulfilment.register(charging.FINE, FineSeller())
        fulfilment.register_payable(charging.BORROWING, order_for_borrowing)
        personal_data.register(LibraryKeeper())
        integrity.register_own()
        notifications.register_own()
