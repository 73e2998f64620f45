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

    def instances_user_has_any_permission_for(self, user: Any, actions: Any) -> PageQuerySet:
        """The pages to which user may do one of actions: what reports list."""
        pages = super().instances_user_has_any_permission_for(user, actions)
        if not user.is_active or user.is_superuser:
            return pages
        reached = Q(owner=user)
        for granted in granted_in_courses(user):
            reached |= Q(path__startswith=granted.page.path)
        reachable = pages.filter(~Q(content_type__app_label="courses") | reached)
        # As ids: the search backends filter by nothing that is not in their index.
        return self.model._default_manager.filter(pk__in=reachable.values("pk"))

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


def sees_every_course(user: Any) -> bool:
    """Whether no page of a course is hidden from user in the CMS."""
    pages = Page.objects.filter(content_type__app_label="courses")
    seen = policy_registry.get_by_type(Page).explorable_instances(user)
    return not pages.exclude(pk__in=seen.values("pk")).exists()


def hidden_among(pages: PageQuerySet, user: Any) -> list[Page]:
    """Pages of courses that user neither sees nor has been given to decide about."""
    courses = pages.filter(content_type__app_label="courses")
    seen = policy_registry.get_by_type(Page).explorable_instances(user)
    unseen = courses.exclude(pk__in=seen.values("pk")).specific(defer=True)
    return [page for page in unseen if not page.permissions_for_user(user).can_edit()]


class CoursePermissionTester(PagePermissionTester):
    """Wagtail's rule, but: permissions from above the catalogue do not count; who may change what others
    wrote may not therefore delete, move or copy it, which is for those who may add; and who may edit a course
    may put its lessons in order."""

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

    def can_copy(self) -> bool:
        return super().can_copy() and (self.user.is_superuser or "add" in self.permissions)

    def can_reorder_children(self) -> bool:
        is_catalogue = self.page.cached_content_type.model == "courseindexpage"
        return super().can_reorder_children() or (not is_catalogue and self.can_edit())

    def can_move_to(self, destination: Page) -> bool:
        """To where it stands: that is to put it in order. Wagtail asks this of a page that is dragged."""
        if self.page.is_child_of(destination):
            return destination.permissions_for_user(self.user).can_reorder_children()
        return super().can_move_to(destination)

    def can_set_view_restrictions(self) -> bool:
        """Nobody: `courses.policies` says who may open a lesson, and a second rule would contradict it."""
        return False
