"""One person per role, so that every side of the portal can be tried at once."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, Permission
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from wagtail.models import Collection, GroupCollectionPermission, GroupPagePermission, Page

from accounts.models import User
from courses.models import CourseIndexPage

#: The same for everybody, and printed on the console: these accounts exist on a developer's machine only.
PASSWORD = "portal-demo"  # noqa: S105


ADMIN = "admin@example.com"
MODERATOR = "moderator@example.com"
AUTHOR = "author@example.com"
LEARNER = "learner@example.com"


@dataclass(frozen=True)
class Role:
    email: str
    first_name: str
    may: str | Promise
    group: str = ""
    is_superuser: bool = False


ROLES = [
    Role(ADMIN, "Admin", _("everything, also /cms/ and /admin/"), is_superuser=True),
    Role(MODERATOR, "Moderator", _("edits and publishes any course in /cms/"), group="Moderators"),
    Role(AUTHOR, "Author", _("writes courses in /cms/"), group="Authors"),
    Role("librarian@example.com", "Librarian", _("enters /cms/"), group="Librarians"),
    Role(LEARNER, "Learner", _("studies; enrolled in the free course")),
]

PAGE_PERMISSIONS = {
    "Moderators": ["change_page", "publish_page"],
    "Authors": ["add_page"],
}
#: On the root collection: who writes courses needs pictures and documents.
COLLECTION_PERMISSIONS = {
    "Moderators": ["add_portalimage", "choose_image", "add_portaldocument", "choose_document"],
    "Authors": ["add_portalimage", "choose_image", "add_portaldocument", "choose_document"],
}


def are_here() -> bool:
    """Whether the demo's people have been made before."""
    return User.objects.filter(email=ADMIN).exists()


def make_people() -> dict[str, User]:
    """The demo's people by e-mail address, each with a confirmed address and in the group of the role."""
    people = {}
    for role in ROLES:
        create = User.objects.create_superuser if role.is_superuser else User.objects.create_user
        person = create(role.email, PASSWORD, first_name=role.first_name)
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
        if role.group:
            person.groups.add(group_with_permissions(role.group))
        people[role.email] = person
    return people


def group_with_permissions(name: str) -> Group:
    """The group of this name, able to enter the CMS and to do there what the role needs."""
    group, _created = Group.objects.get_or_create(name=name)
    group.permissions.add(
        Permission.objects.get(content_type__app_label="wagtailadmin", codename="access_admin")
    )
    catalogue = CourseIndexPage.objects.first()
    for codename in PAGE_PERMISSIONS.get(name, []):
        GroupPagePermission.objects.get_or_create(
            group=group, page=catalogue, permission=permission_on(Page, codename)
        )
    for codename in COLLECTION_PERMISSIONS.get(name, []):
        GroupCollectionPermission.objects.get_or_create(
            group=group,
            collection=Collection.get_first_root_node(),
            permission=Permission.objects.get(content_type__app_label="content", codename=codename),
        )
    return group


def permission_on(model: type[Page], codename: str) -> Permission:
    return Permission.objects.get(
        content_type__app_label=model._meta.app_label,
        content_type__model=model._meta.model_name,
        codename=codename,
    )
