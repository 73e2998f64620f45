"""Many writers at once, on a real PostgreSQL with real threads."""

import pytest
from wagtail.models import Page

from accounts.tests.crowd import CROWD, all_at_once
from accounts.tests.factories import UserFactory
from courses.models import CoursePage, LessonPage
from courses.services import authoring
from courses.tests.crew import client_of
from courses.tests.factories import CourseFactory, LessonFactory

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_of_sixteen_who_read_the_same_one_changes_it():
    owner = UserFactory()
    course = CourseFactory(owner=owner, draft=True)
    address = f"/api/v1/courses/{course.pk}/"
    tag = client_of(owner).get(address)["ETag"]

    def write():
        answer = client_of(owner).patch(address, {"title": "Mine"}, headers={"If-Match": tag}, format="json")
        return answer.status_code

    statuses = all_at_once(write)

    assert sorted(statuses) == [200] + [412] * (CROWD - 1)
    assert course.revisions.count() == 1


def test_sixteen_lessons_of_one_title_get_sixteen_places_and_addresses():
    owner = UserFactory()
    course = CourseFactory(owner=owner)

    made = all_at_once(
        lambda: authoring.create_lesson(by=owner, course_id=course.pk, content={"title": "Hive"})
    )

    assert len(set(made)) == CROWD
    assert len(set(LessonPage.objects.values_list("slug", flat=True))) == CROWD
    assert Page.find_problems() == ([], [], [], [], [])
    assert CoursePage.objects.get().numchild == CROWD


def test_of_sixteen_who_delete_one_does():
    owner = UserFactory()
    course = CourseFactory(owner=owner)
    lesson = LessonFactory(parent=course, owner=owner, draft=True)

    answers = all_at_once(lambda: client_of(owner).delete(f"/api/v1/lessons/{lesson.pk}/").status_code)

    assert sorted(answers) == [204] + [404] * (CROWD - 1)
    assert Page.find_problems() == ([], [], [], [], [])
