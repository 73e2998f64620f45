"""One person per role, so that every side of the portal can be tried at once."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from portal.home.services import roles

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
    is_staff: bool = False
    is_superuser: bool = False


ROLES = [
    Role(ADMIN, "Admin", _("everything, also /cms/ and /admin/"), is_superuser=True),
    Role(MODERATOR, "Moderator", _("edits and publishes any course in /cms/"), group=roles.MODERATORS.name),
    Role(AUTHOR, "Author", _("writes courses in /cms/"), group=roles.AUTHORS.name),
    Role(
        "editor@example.com",
        "Editor",
        _("writes the first page and other texts in /cms/"),
        group=roles.EDITORS.name,
    ),
    Role("librarian@example.com", "Librarian", _("enters /cms/"), group=roles.LIBRARIANS.name),
    Role(
        "shopkeeper@example.com",
        "Shopkeeper",
        _("sees orders and payments in /admin/"),
        group=roles.SHOPKEEPERS.name,
        is_staff=True,
    ),
    Role(LEARNER, "Learner", _("studies; enrolled in the free course")),
]


def are_here() -> bool:
    """Whether the demo's people have been made before."""
    return User.objects.filter(email=ADMIN).exists()


def make_people() -> dict[str, User]:
    """The demo's people by e-mail address, each with a confirmed address and in the group of the role."""
    people = {}
    for role in ROLES:
        create = User.objects.create_superuser if role.is_superuser else User.objects.create_user
        person = create(role.email, PASSWORD, first_name=role.first_name)
        if role.is_staff:
            person.is_staff = True
            person.save(update_fields=["is_staff"])
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
        if role.group:
            person.groups.add(Group.objects.get(name=role.group))
        people[role.email] = person
    return people
