"""The people of the portal as everybody signed in may see them."""

from __future__ import annotations

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower, NullIf

from accounts.models import User

#: All that a person's profile tells others.
PUBLIC_FACTS = ("id", "first_name", "city", "avatar")


def people(*, search: str = "") -> QuerySet[User]:
    """Everybody whose account is open, with their public facts only; each word of search in name or city.

    By first name, whatever its case; who has none comes last, and among equals who came first.
    """
    found = User.objects.filter(is_active=True).only(*PUBLIC_FACTS)
    found = found.order_by(NullIf(Lower("first_name"), Value("")).asc(nulls_last=True), "pk")
    for word in search.split():
        found = found.filter(_holds(word))
    return found


def _holds(word: str) -> Q:
    condition = Q()
    # SQLite ignores the case of Latin letters only.
    for spelling in {word, word.lower(), word.capitalize()}:
        condition |= Q(first_name__icontains=spelling) | Q(city__icontains=spelling)
    return condition
