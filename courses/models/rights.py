"""What somebody may do in the CMS to the catalogue and the pages below it."""

from typing import Any

from wagtail.models import GroupPagePermission, Page
from wagtail.models.pages import PagePermissionTester
from wagtail.permissions import policy_registry


def granted_in_courses(user: Any) -> list[GroupPagePermission]:
    """The permissions of user's groups on the catalogue and on pages below it.

    One that was granted further up, such as on the first page for those who write its texts, does not reach
    down to courses, as it would by Wagtail's own rule.
    """
    permissions = policy_registry.get_by_type(Page).get_cached_permissions_for_user(user)
    return [each for each in permissions if each.page.cached_content_type.app_label == "courses"]


class CoursePermissionTester(PagePermissionTester):
    """Wagtail's rule, but for two things: permissions from above the catalogue do not count, and who may
    change what others wrote may not therefore delete it. Deleting is for those who may add."""

    def __init__(self, user: Any, page: Page) -> None:
        super().__init__(user, page)
        if user.is_active and not user.is_superuser:
            self.permissions = {
                each.permission.codename.rsplit("_", maxsplit=1)[0]
                for each in granted_in_courses(user)
                if page.path.startswith(each.page.path)
            }

    def can_delete(self, ignore_bulk: bool = False) -> bool:
        if not super().can_delete(ignore_bulk=ignore_bulk):
            return False
        return self.user.is_superuser or "add" in self.permissions
