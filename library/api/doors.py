"""What the endpoints of the library have in common: who may, whose rows one sees, words of refusals."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from commerce.api.doors import CostlyMixin
from library import permissions

INVALID = "A field is missing or wrong; `errors` says which."
BAD_FILTER = "A filter, or the value of one, is not known; `errors` says which."
NO_PAGE = "There is no such page of the list."
NO_BOOK = "There is no such book."
NO_BORROWING = "There is no such borrowing, or it is somebody else's."
NO_HOLD = "There is no such hold, or it is somebody else's."
STAFF_ONLY = "Only the library's staff may do that."
OUTDATED = "It is not what `If-Match` names: it has been changed since. Read it again, and repeat."

ACTIONS = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


class ReadOrStaff(BasePermission):
    """Everyone reads books; staff and those whose role lets them write."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS:
            return True
        return permissions.may_write_books(request.user, action=ACTIONS.get(request.method, "change"))


class MayLend(BasePermission):
    """The desk: staff, and those whose role lets them."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return permissions.may_lend(request.user)


class ScarceMixin(CostlyMixin):
    """POST here takes what others wait for: it has a limit of its own."""

    costly_scope = "lending"
