"""The same answer for one lesson, for an outline, and for a query over all lessons."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission
from wagtail.models import GroupPagePermission, Page

from accounts.tests.factories import UserFactory
from courses import permissions
from courses.models import Enrolment, LessonPage
from courses.policies import LessonAccess
from courses.tests.factories import CourseFactory, EnrolmentFactory, LessonFactory, SectionFactory

pytestmark = pytest.mark.django_db


def editor_below(page):
    """Someone who may edit every page below page in the CMS."""
    group = Group.objects.create(name=f"Editors of {page}")
    permission = Permission.objects.get(codename="change_page", content_type__app_label="wagtailcore")
    GroupPagePermission.objects.create(group=group, page=Page.objects.get(pk=page.pk), permission=permission)
    group.permissions.add(Permission.objects.get(codename="access_admin"))
    editor = UserFactory()
    editor.groups.add(group)
    return editor


def test_open_to_and_lesson_access_agree_for_everyone_about_everything():
    author = UserFactory()
    paid = CourseFactory(owner=author)
    free = CourseFactory(free=True)
    draft = CourseFactory(draft=True)
    section, draft_section = SectionFactory(parent=paid), SectionFactory(parent=paid, draft=True)
    alone = LessonFactory(parent=section, sold_alone=True)
    for parent in (paid, free, draft, section, draft_section):
        LessonFactory(parent=parent)
        LessonFactory(parent=parent, preview=True)
        LessonFactory(parent=parent, draft=True)
    LessonFactory(parent=free, owner=UserFactory(email="guest-author@example.com"))
    people = {
        "visitor": AnonymousUser(),
        "member": UserFactory(),
        "superuser": UserFactory(superuser=True),
        "author": author,
        "guest author": LessonPage.objects.get(owner__isnull=False).owner,
        "editor": editor_below(free),
        "enrolled": EnrolmentFactory(course=paid).member,
        "enrolled in a draft": EnrolmentFactory(course=draft).member,
        "one lesson": EnrolmentFactory(course=paid, lesson=alone).member,
        "unpaid": EnrolmentFactory(course=paid, pending=True).member,
        "refunded": EnrolmentFactory(course=paid, revoked=True).member,
        "given up": EnrolmentFactory(course=paid, cancelled=True).member,
    }

    for name, person in people.items():
        one_by_one = {
            lesson.pk for lesson in LessonPage.objects.all() if permissions.may_open(person, lesson)
        }
        at_once = set(LessonPage.objects.open_to(person).values_list("pk", flat=True))

        assert at_once == one_by_one, name


def test_a_refund_closes_the_lessons_again():
    course = CourseFactory()
    lesson = LessonFactory(parent=course)
    enrolment = EnrolmentFactory(course=course)
    assert permissions.may_open(enrolment.member, lesson)

    Enrolment.objects.filter(pk=enrolment.pk).update(status=Enrolment.Status.REVOKED)

    assert permissions.lesson_access(enrolment.member, lesson) is LessonAccess.LOCKED_PAYMENT


def test_a_place_in_one_course_opens_no_other():
    enrolment = EnrolmentFactory()
    lesson = LessonFactory(parent=CourseFactory())

    assert permissions.lesson_access(enrolment.member, lesson) is LessonAccess.LOCKED_PAYMENT


def test_a_single_lesson_opens_itself_only():
    course = CourseFactory()
    bought, other = LessonFactory(parent=course, sold_alone=True), LessonFactory(parent=course)
    member = EnrolmentFactory(course=course, lesson=bought).member

    assert permissions.lesson_access(member, bought) is LessonAccess.OPEN
    assert permissions.lesson_access(member, other) is LessonAccess.LOCKED_PAYMENT


def test_a_blocked_author_keeps_nothing():
    author = UserFactory(is_active=False)
    lesson = LessonFactory(parent=CourseFactory(owner=author))

    assert not permissions.may_open(author, lesson)


@pytest.mark.parametrize("how_many", [1, 5])
def test_standing_in_any_number_of_courses_is_one_query(how_many, django_assert_num_queries):
    member = UserFactory()
    courses = [CourseFactory() for _ in range(how_many)]
    EnrolmentFactory(member=member, course=courses[0])

    with django_assert_num_queries(1):
        standings = permissions.standings(member, courses)

    assert [standings[course.pk].is_active for course in courses] == [True] + [False] * (how_many - 1)
