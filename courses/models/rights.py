"""What somebody may do in the CMS to the catalogue and the pages below it."""

from typing import Any

from django.db.models import Q
from wagtail.models import GroupPagePermission, Page
from wagtail.models.pages import PagePermissionTester
from wagtail.permission_policies.pages import PagePermissionPolicy
from wagtail.permissions import policy_registry
from wagtail.query import PageQuerySet


def granted_in_courses(user: Any) -> list[GroupPagePermission]:
    """The permissions of user's groups on the catalogue and on pages below it.

    One that was granted further up, such as on the first page for those who write its texts, does not reach
    down to courses, as it would by Wagtail's own rule.
    """
    permissions = policy_registry.get_by_type(Page).get_cached_permissions_for_user(user)
    return [each for each in permissions if each.page.cached_content_type.app_label == "courses"]


class OwnCoursesPolicy(PagePermissionPolicy):  # type: ignore[misc]
    """Wagtail's rule for pages, but in the catalogue everybody sees what they may edit and nothing else.

    Explorer, search, choosers and the CMS's API all ask for `explorable_instances`.
    """

    def explorable_instances(self, user: Any) -> PageQuerySet:
        """The pages that user sees in the CMS."""
        pages = super().explorable_instances(user)
        if not user.is_active or user.is_superuser:
            return pages
        seen = Q(owner=user)
        for path in own_course_paths(user):
            seen |= Q(path__startswith=path)
        for granted in granted_in_courses(user):
            seen |= Q(pk=granted.page.pk)
            if granted.permission.codename != "add_page":
                seen |= Q(path__startswith=granted.page.path)
        return pages.filter(~Q(content_type__app_label="courses") | seen)


def own_course_paths(user: Any) -> list[str]:
    """Where the courses that user owns stand in the tree."""
    courses = Page.objects.filter(
        owner=user, content_type__app_label="courses", content_type__model="coursepage"
    )
    return list(courses.values_list("path", flat=True))


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

    def can_add_subpage(self) -> bool:
        """Who may add, but not change what others wrote, adds to the catalogue and to own courses."""
        if not super().can_add_subpage():
            return False
        if self.user.is_superuser or "change" in self.permissions:
            return True
        is_catalogue = self.page.cached_content_type.model == "courseindexpage"
        return is_catalogue or any(self.page.path.startswith(path) for path in own_course_paths(self.user))

    def can_delete(self, ignore_bulk: bool = False) -> bool:
        if not super().can_delete(ignore_bulk=ignore_bulk):
            return False
        return self.user.is_superuser or "add" in self.permissions
