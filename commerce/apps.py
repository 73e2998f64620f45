from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommerceConfig(AppConfig):
    name = "commerce"
    verbose_name = _("Orders and payments")

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from accounts import personal_data
        from accounts.notifications import Section, register_section
        from commerce import fulfilment, notifications
        from commerce.personal_data import OrderKeeper, PaymentKeeper
        from commerce.services import integrity, reminding, stocking
        from commerce.views.customers import bring_cart_along

        personal_data.register(PaymentKeeper())
        personal_data.register(OrderKeeper())
        fulfilment.register(stocking.ITEM, stocking.ItemSeller())
        integrity.register_own()
        notifications.register_own()
        register_section(
            Section(
                "commerce.unpaid",
                title=_("Waits to be paid"),
                kinds=frozenset({notifications.PAYMENT_EXPIRING}),
                lines=reminding.unpaid_lines,
            )
        )
        user_logged_in.connect(bring_cart_along, dispatch_uid="commerce.bring_cart_along")
