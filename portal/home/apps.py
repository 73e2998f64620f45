from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.signals import post_migrate
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class HomeConfig(AppConfig):
    name = "portal.home"
    label = "home"
    verbose_name = _("Home")

    def ready(self) -> None:
        post_migrate.connect(install_schedules, sender=self, dispatch_uid="home.install_schedules")
        post_migrate.connect(install_roles, sender=self, dispatch_uid="home.install_roles")


def install_schedules(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """After `migrate`: make the schedules what the settings say. Waits while there are no tables for it."""
    from django_q.models import Schedule

    from portal.home.models import ScheduledWork
    from portal.home.services import scheduling

    needed = {model._meta.db_table for model in (Schedule, ScheduledWork)}
    if needed - set(connections[using].introspection.table_names()):
        return
    scheduling.install_schedules(
        settings.SCHEDULES,
        at=timezone.now(),  # noqa: TID251 (an interface: Django calls it)
        zone=timezone.get_default_timezone(),
    )


def install_roles(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """After `migrate`: let the shipped groups may what the table says. Waits while Wagtail has no tables."""
    from wagtail.models import GroupCollectionPermission, GroupPagePermission

    from portal.home.services import roles

    needed = {model._meta.db_table for model in (GroupCollectionPermission, GroupPagePermission)}
    if needed - set(connections[using].introspection.table_names()):
        return
    roles.make_permissions()
    roles.install_roles()
