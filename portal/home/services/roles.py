"""The roles that the portal ships: one table, made true by `migrate`.

A role is a group. What it may is what stands here and nothing else: `migrate` takes away what was added by
hand. Who wants other rights makes another group, which is left alone. docs/roles.md says the same for people,
and a test tries it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from wagtail.models import Collection, GroupCollectionPermission, GroupPagePermission, Page

logger = logging.getLogger(__name__)

ENTER_THE_CMS = "wagtailadmin.access_admin"
CATALOGUE = "courses.courseindexpage"
FIRST_PAGE = "home.homepage"
#: Pictures and documents: one's own to upload and change, everybody's to choose. Wagtail asks for the rights
#: on its own models, also where the portal has put others in their place.
MATERIAL = (
    "wagtailimages.add_image",
    "wagtailimages.choose_image",
    "wagtaildocs.add_document",
    "wagtaildocs.choose_document",
)
ALL_MATERIAL = (*MATERIAL, "wagtailimages.change_image", "wagtaildocs.change_document")


def _all(*models: str) -> tuple[str, ...]:
    """Every permission on models, such as "library.book"."""
    return tuple(
        f"{model.split('.')[0]}.{action}_{model.split('.')[1]}"
        for model in models
        for action in ("view", "add", "change", "delete")
    )


def _view(*models: str) -> tuple[str, ...]:
    return tuple(f"{model.split('.')[0]}.view_{model.split('.')[1]}" for model in models)


@dataclass(frozen=True)
class Role:
    """What one group may.

    permissions: on models, as "app.codename"; those of models that do not exist yet come with them.
    pages: on a type of page, and all pages below each page of it.
    material: on the root collection, and so on all pictures and documents.
    """

    name: str
    permissions: tuple[str, ...] = ()
    pages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    material: tuple[str, ...] = ()


MODERATORS = Role(
    "Moderators",
    permissions=(ENTER_THE_CMS,),
    pages={CATALOGUE: ("change_page", "publish_page")},
    material=MATERIAL,
)
AUTHORS = Role("Authors", permissions=(ENTER_THE_CMS,), pages={CATALOGUE: ("add_page",)}, material=MATERIAL)
LIBRARIANS = Role(
    "Librarians",
    permissions=(
        ENTER_THE_CMS,
        *_all("library.book", "library.copy", "library.subject", "library.closure", "library.librarycard"),
        *_view(
            "library.author",
            "library.borrowing",
            "library.borrowingstatuschange",
            "library.charge",
            "library.copystatuschange",
            "library.hold",
            "library.holdstatuschange",
            "library.lendingrules",
            "library.renewal",
        ),
        # Lend, take back, renew and hand out; place and cancel holds; forgive fines; set the rules.
        "library.add_borrowing",
        "library.change_borrowing",
        "library.add_hold",
        "library.change_hold",
        "library.change_charge",
        "library.change_lendingrules",
    ),
)
SHOPKEEPERS = Role(
    "Shopkeepers",
    permissions=(
        ENTER_THE_CMS,
        *_all("commerce.item", "commerce.discount", "commerce.tax"),
        *_view(
            "commerce.order",
            "commerce.orderline",
            "commerce.orderstatuschange",
            "commerce.orderdiscount",
            "commerce.ordertax",
            "commerce.stockhold",
            "commerce.payment",
            "commerce.paymentstatuschange",
            "commerce.refund",
            "commerce.reconciliation",
            "commerce.finding",
        ),
        # Give orders up and hand over again; take cash, give money back, and mend what the ledgers differ in.
        "commerce.change_order",
        "commerce.change_payment",
    ),
)
EDITORS = Role(
    "Editors",
    permissions=(ENTER_THE_CMS, "home.change_sitesettings"),
    pages={FIRST_PAGE: ("add_page", "change_page", "publish_page")},
    material=ALL_MATERIAL,
)
ROLES = (MODERATORS, AUTHORS, LIBRARIANS, SHOPKEEPERS, EDITORS)


@transaction.atomic
def install_roles(roles: Iterable[Role] = ROLES) -> None:
    """Make the groups of roles, and let each may exactly what its role says.

    Groups of these names that are there already, such as Wagtail's own Moderators and Editors, are taken over
    with their members.
    """
    for role in roles:
        group, _created = Group.objects.get_or_create(name=role.name)
        wanted = set(_found(role.permissions).values())
        had = set(group.permissions.all())
        if wanted != had:
            group.permissions.set(wanted)
        changed = _set_page_permissions(group, role) | _set_material_permissions(group, role)
        if changed or wanted != had:
            logger.info("The role %s may now what its definition says", role.name)


def make_permissions(roles: Iterable[Role] = ROLES) -> None:
    """Make the permission rows that roles name: Django's own handler may come after ours."""
    labels = {name.partition(".")[0] for role in roles for name in (*role.permissions, *role.material)}
    for label in sorted(labels | {"wagtailcore"}):
        create_permissions(apps.get_app_config(label), verbosity=0)


def _found(names: Iterable[str]) -> dict[str, Permission]:
    """Permissions by "app.codename"; without those of models that do not exist yet."""
    wanted = set(names)
    codenames = {name.partition(".")[2] for name in wanted}
    rows = Permission.objects.filter(codename__in=codenames).select_related("content_type")
    by_name = {f"{row.content_type.app_label}.{row.codename}": row for row in rows}
    return {name: row for name, row in by_name.items() if name in wanted}


def _set_page_permissions(group: Group, role: Role) -> bool:
    rows = Permission.objects.filter(
        content_type__app_label=Page._meta.app_label, content_type__model=Page._meta.model_name
    )
    by_codename = {row.codename: row for row in rows}
    wanted = set()
    for kind, codenames in role.pages.items():
        app_label, _dot, model = kind.partition(".")
        pages = Page.objects.filter(content_type__app_label=app_label, content_type__model=model)
        for pk in pages.order_by("path").values_list("pk", flat=True):
            wanted |= {(pk, by_codename[codename].pk) for codename in codenames}
    return _replace(GroupPagePermission.objects.filter(group=group), "page_id", wanted, group)


def _set_material_permissions(group: Group, role: Role) -> bool:
    root = Collection.get_first_root_node()
    wanted = {(root.pk, row.pk) for row in _found(role.material).values()}
    return _replace(GroupCollectionPermission.objects.filter(group=group), "collection_id", wanted, group)


def _replace(rows: Any, place: str, wanted: set[tuple[int, int]], group: Group) -> bool:
    """Make the rows say what is wanted, as (place, permission); whether that changed anything."""
    there = {(getattr(row, place), row.permission_id): row.pk for row in rows}
    rows.filter(pk__in=[pk for key, pk in there.items() if key not in wanted]).delete()
    missing = wanted - set(there)
    rows.model.objects.bulk_create(
        rows.model(group=group, permission_id=permission, **{place: where})
        for where, permission in sorted(missing)
    )
    return wanted != set(there)
