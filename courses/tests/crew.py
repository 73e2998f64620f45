"""Somebody of every role around one course: for tests that ask the same as everybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services.tokens import issue
from accounts.tests.factories import UserFactory

GROUPS = {
    "author": "Authors",
    "moderator": "Moderators",
    "librarian": "Librarians",
    "shopkeeper": "Shopkeepers",
    "editor": "Editors",
}
#: `owner` is a member without a role who owns the course; `author` is another, with the role.
ROLES = (
    "anonymous",
    "blocked",
    "member",
    "owner",
    "author",
    "moderator",
    "librarian",
    "shopkeeper",
    "editor",
    "staff",
    "superuser",
)


@dataclass(frozen=True)
class Crew:
    """People and their clients by role."""

    people: dict[str, Any]
    clients: dict[str, APIClient]

    @classmethod
    def gather(cls) -> Crew:
        people = {role: person_of(role) for role in ROLES if role != "anonymous"}
        clients = {role: client_of(people.get(role)) for role in ROLES}
        User.objects.filter(pk=people["blocked"].pk).update(is_active=False)
        return cls(people, clients)

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, int]:
        """The status that everybody gets for a request that changes nothing."""
        return {role: client.generic_ask(method, path, body) for role, client in self.clients.items()}


class Client(APIClient):
    def generic_ask(self, method: str, path: str, body: Any = None) -> int:
        return getattr(self, method)(path, body, format="json").status_code


def person_of(role: str) -> Any:
    person = UserFactory(
        email=f"{role}@example.com", is_staff=role in ("staff", "superuser"), is_superuser=role == "superuser"
    )
    if role in GROUPS:
        person.groups.add(Group.objects.get(name=GROUPS[role]))
    return person


def client_of(person: Any | None) -> Client:
    """A client with a real token, as people have it."""
    client = Client()
    if person is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue(user=person, at=timezone.now()).access_token}")
    return client
