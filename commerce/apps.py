from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommerceConfig(AppConfig):
    name = "commerce"
    verbose_name = _("Orders and payments")

    def ready(self) -> None:
        from accounts import personal_data
        from commerce import fulfilment
        from commerce.personal_data import OrderKeeper, PaymentKeeper
        from commerce.services import stocking

        personal_data.register(PaymentKeeper())
        personal_data.register(OrderKeeper())
        fulfilment.register(stocking.ITEM, stocking.ItemSeller())
