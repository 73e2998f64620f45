from datetime import timedelta

import pytest
from django.utils import timezone
from wagtail.models import PageLogEntry, Revision

from courses.models import CourseChange, LessonPage
from courses.tests.factories import CourseFactory, LessonFactory
from portal.home.services import publishing

pytestmark = pytest.mark.django_db


def schedule(page, *, at, **changes) -> Revision:
    for field, value in changes.items():
        setattr(page, field, value)
    page.go_live_at = at
    revision = page.save_revision(clean=False)
    Revision.objects.filter(pk=revision.pk).update(approved_go_live_at=at)
    return revision


def test_what_is_due_goes_live_and_what_is_not_waits():
    now = timezone.now()
    due, later = CourseFactory(live=False), CourseFactory(live=False)
    schedule(due, at=now - timedelta(minutes=1))
    schedule(later, at=now + timedelta(hours=1))

    assert publishing.publish_due(at=now) == 0

    due.refresh_from_db()
    later.refresh_from_db()
    assert (due.live, later.live) == (True, False)


def test_a_draft_that_may_not_be_published_does_not_hold_up_those_after_it():
    now = timezone.now()
    bad, good = CourseFactory(live=False), CourseFactory(live=False)
    schedule(bad, at=now - timedelta(minutes=2), introduction="See https://evil.example/ for more.")
    schedule(good, at=now - timedelta(minutes=1))

    assert publishing.publish_due(at=now) == 1

    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.live, good.live) == (False, True)
    assert PageLogEntry.objects.filter(page=bad.pk, action="wagtail.schedule.cancel").count() == 1
    assert publishing.publish_due(at=now) == 0


def test_what_the_clock_opens_together_with_its_course_is_no_news():
    now = timezone.now()
    course = CourseFactory(live=False)
    schedule(course, at=now - timedelta(minutes=1))
    schedule(LessonFactory(parent=course, live=False), at=now - timedelta(minutes=1))

    publishing.publish_due(at=now)

    assert LessonPage.objects.live().count() == 1
    assert not CourseChange.objects.exists()


def test_what_has_expired_leaves_the_site():
    now = timezone.now()
    course = CourseFactory()
    course.expire_at = now - timedelta(minutes=1)
    course.save()

    publishing.publish_due(at=now)

    course.refresh_from_db()
    assert (course.live, course.expired) == (False, True)
