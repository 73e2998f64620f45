"""The Django admin: enrolments to look at."""

import pytest

from accounts.tests.factories import UserFactory
from courses.services import enrolling
from courses.tests.factories import NOON, CompletionFactory, CourseFactory, LessonFactory

pytestmark = pytest.mark.django_db


def test_staff_look_at_enrolments_and_change_none(client):
    course = CourseFactory(title="Gardening")
    enrolment = enrolling.hold_place(member=UserFactory(), course=course, at=NOON)
    CompletionFactory(lesson=LessonFactory(parent=course))
    client.force_login(UserFactory(superuser=True))

    listed = client.get("/admin/courses/enrolment/?q=gardening")
    shown = client.get(f"/admin/courses/enrolment/{enrolment.pk}/change/")

    assert enrolment.order_line.order.number in listed.content.decode()
    assert shown.status_code == 200
    assert client.post(f"/admin/courses/enrolment/{enrolment.pk}/change/", {}).status_code == 403
    assert client.get("/admin/courses/enrolment/add/").status_code == 403
    assert client.post(f"/admin/courses/enrolment/{enrolment.pk}/delete/").status_code == 403
    assert client.get("/admin/courses/lessoncompletion/").status_code == 200
