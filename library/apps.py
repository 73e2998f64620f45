from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LibraryConfig(AppConfig):
    name = "library"
    verbose_name = _("Library")

    def ready(self) -> None:
        from wagtail import hooks

        from accounts import my_page, personal_data
        from accounts.notifications import Section, register_section
        from commerce import fulfilment
        from library import notifications
        from library.personal_data import LibraryKeeper
        from library.sales import FeeSeller, FineSeller, RenewalSeller, order_for_borrowing
        from library.services import charging, integrity, reminding
        from library.services.overviews import LoansSection
        from library.services.shelf import BookShelf
        from portal.content import shelves

        fulfilment.register(charging.BORROWING, FeeSeller())
        fulfilment.register(charging.RENEWAL, RenewalSeller())
        fulfilment.register(charging.FINE, FineSeller())
        fulfilment.register_payable(charging.BORROWING, order_for_borrowing)
        personal_data.register(LibraryKeeper())
        integrity.register_own()
        notifications.register_own()
        register_section(
            Section(
                "library.due",
                title=_("Books to bring back"),
                kinds=frozenset({notifications.DUE_SOON}),
                lines=reminding.due_lines,
            )
        )
        register_section(
            Section(
                "library.ready",
                title=_("Books that are ready for you"),
                kinds=frozenset({notifications.HOLD_READY}),
                lines=reminding.ready_lines,
            )
        )
        my_page.register(LoansSection())
        shelves.put_up(shelves.BOOKS, BookShelf())
        hooks.register("register_admin_viewset", choose_books)


def choose_books() -> Any:
    """The window of the CMS in which books are chosen."""
    from library.choosers import book_chooser

    return book_chooser
