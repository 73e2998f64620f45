"""The whole demo, made once."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from courses.models import CoursePage, Enrolment, LessonPage
from courses.services import enrolling, studying
from portal.demo import people
from portal.demo.books import fill_the_shelves, lend_some
from portal.demo.courses import Editors, make_courses
from portal.demo.front import furnish_front
from portal.demo.items import stock_the_shop
from portal.demo.material import computers


def load(*, at: datetime) -> bool:
    """Make the demo's people, courses, pages, items and books, or nothing. False: they were made before.

    What was made before belongs to whoever works with it: nothing is repaired, renewed or brought back.
    """
    is_new = not people.are_here()
    if is_new:
        with transaction.atomic(durable=True):
            by_email = people.make_people()
            make_courses(
                editors=Editors(author=by_email[people.AUTHOR], moderator=by_email[people.MODERATOR])
            )
            furnish_front(author=by_email[people.ADMIN])
            stock_the_shop()
            fill_the_shelves(at=at)
    begin_studying(at=at)
    lend_some(at=at)
    return is_new


def begin_studying(*, at: datetime) -> None:
    """Enrol the learner in the free course and complete its first lesson, unless they were ever enrolled."""
    learner = User.objects.filter(email=people.LEARNER).first()
    course = CoursePage.objects.live().filter(slug=computers.COURSE.slug, price=0).first()
    if learner is None or course is None or Enrolment.objects.by(learner).exists():
        return
    enrolling.enrol_free(member=learner, course=course, at=at)
    first_lesson = LessonPage.objects.of(course).shown().first()
    if first_lesson is not None:
        studying.complete(member=learner, lesson=first_lesson, at=at)
