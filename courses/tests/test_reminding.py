"""Who began a course and left it is reminded once for each time, and not when they came back."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from accounts.models import Message
from accounts.services import notifying
from accounts.tests.factories import UserFactory
from courses import tasks
from courses.models import StudyPosition
from courses.notifications import COURSE_ABANDONED
from courses.services import reminding
from courses.tests.factories import CourseFactory, EnrolmentFactory, LessonFactory

pytestmark = pytest.mark.django_db
LEFT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DUE = LEFT + timedelta(days=14)


def learner(course=None, **place):
    course = course or CourseFactory(title="Gardening")
    enrolment = EnrolmentFactory(course=course, member=UserFactory(), **place)
    StudyPosition.objects.create(
        member=enrolment.member, course=course, lesson=LessonFactory(parent=course), opened_at=LEFT
    )
    return enrolment


def reminders():
    return Message.objects.filter(kind=COURSE_ABANDONED).count()


def test_two_weeks_after_leaving_a_learner_is_reminded_once():
    place = learner()

    assert reminding.remind_of_abandoned(at=DUE - timedelta(seconds=1)) == 0
    for days in range(5):
        reminding.remind_of_abandoned(at=DUE + timedelta(days=days))
    notifying.send_due(at=DUE)

    assert reminders() == 1
    (letter,) = mail.outbox
    assert letter.to == [place.member.email]
    assert letter.subject == "“Gardening” waits for you"
    assert place.course.url in letter.body


def test_who_came_back_meanwhile_is_left_in_peace():
    learner()
    reminding.remind_of_abandoned(at=DUE)
    StudyPosition.objects.update(opened_at=DUE)

    notifying.send_due(at=DUE)

    assert mail.outbox == []


def test_leaving_again_is_another_time():
    learner()
    reminding.remind_of_abandoned(at=DUE)
    StudyPosition.objects.update(opened_at=DUE)

    reminding.remind_of_abandoned(at=DUE + timedelta(days=14))

    assert reminders() == 2


@pytest.mark.parametrize(
    "state", ["revoked", "finished", "never begun", "long ago", "off the site", "blocked"]
)
def test_nobody_else_is_reminded(state):
    place = learner(**({"revoked": True} if state == "revoked" else {}))
    if state == "finished":
        type(place).objects.update(completed_at=LEFT)
    elif state == "never begun":
        StudyPosition.objects.all().delete()
    elif state == "long ago":
        StudyPosition.objects.update(opened_at=LEFT - timedelta(days=14))
    elif state == "off the site":
        place.course.unpublish()
    elif state == "blocked":
        UserFactory._meta.model.objects.filter(pk=place.member_id).update(is_active=False)

    assert reminding.remind_of_abandoned(at=DUE) == 0


@pytest.mark.parametrize("how_many", [1, 3])
def test_reminding_costs_the_same_for_any_number(how_many, django_assert_num_queries):
    for number in range(how_many):
        learner(CourseFactory(title=f"Course {number}"))

    with django_assert_num_queries(3):
        reminding.remind_of_abandoned(at=DUE)


def test_the_task_reminds_of_what_is_due_now():
    from django.utils import timezone

    learner()
    StudyPosition.objects.update(opened_at=timezone.now() - timedelta(days=15))

    assert tasks.remind_of_abandoned() == 1
