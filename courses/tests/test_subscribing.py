"""Following a course: who hears of its changes."""

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.tests.factories import UserFactory
from courses.models import CoursePage, CourseSubscription
from courses.tests.factories import NOON, CourseFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("how_many", [1, 3])
def test_who_follows_what_costs_no_query_of_its_own(how_many, django_assert_num_queries):
    member = UserFactory()
    courses = [CourseFactory() for _ in range(how_many)]
    CourseSubscription.objects.create(member=member, course=courses[0], created_at=NOON)
    CourseSubscription.objects.create(member=UserFactory(), course=courses[-1], created_at=NOON)

    with django_assert_num_queries(1):
        found = list(CoursePage.objects.order_by("pk").with_subscription_of(member))

    assert [course.is_subscribed for course in found] == [True] + [False] * (how_many - 1)


def test_a_visitor_follows_nothing():
    course = CourseFactory()
    CourseSubscription.objects.create(member=UserFactory(), course=course, created_at=NOON)

    assert not CoursePage.objects.with_subscription_of(AnonymousUser()).get().is_subscribed
