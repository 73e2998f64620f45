"""Money given back: what was bought with it is shut again on every way to it."""

from datetime import timedelta

import pytest
from django.db import transaction

from accounts.tests.factories import UserFactory
from commerce import fulfilment
from commerce.services import delivery, receiving
from courses.models import Enrolment, LessonCompletion
from courses.services import enrolling, studying
from courses.tests.doors import OPEN, SHUT, doors, lesson_with_everything
from courses.tests.factories import NOON, CourseFactory

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)


def bought(member, *, course, lesson=None):
    """The order line of a place that was paid for and handed over."""
    line = enrolling.hold_place(member=member, course=course, lesson=lesson, at=NOON).order_line
    payment = receiving.expect(order=line.order, method="cash", at=NOON)
    receiving.settle_by_hand(payment=payment, at=NOON, by=None)
    line.order.refresh_from_db()
    delivery.deliver_order(order=line.order, at=NOON)
    return line


def give_back(line):
    with transaction.atomic():
        fulfilment.seller_for(line.kind).revoke(line, at=LATER)


@pytest.mark.parametrize("is_single", [False, True])
def test_after_a_refund_page_api_search_and_documents_are_shut(documents_on_disk, is_single):
    lesson = lesson_with_everything(parent=CourseFactory(), price=9)
    member = UserFactory()

    before = doors(member, lesson)
    line = bought(member, course=lesson.course, lesson=lesson if is_single else None)
    paid = doors(member, lesson)
    give_back(line)
    refunded = doors(member, lesson)

    assert before == refunded == SHUT
    assert paid == OPEN
    assert Enrolment.objects.get().status == "REVOKED"


def test_a_refund_leaves_the_marks_and_takes_the_course_off_my_learning(client):
    lesson = lesson_with_everything(parent=CourseFactory(title="Gardening"))
    member = UserFactory()
    line = bought(member, course=lesson.course)
    studying.complete(member=member, lesson=lesson, at=NOON)
    client.force_login(member)

    give_back(line)

    context = client.get("/my/").context
    assert (context["enrolments"], context["next_up"]) == ([], None)
    assert LessonCompletion.objects.get().member == member


def test_what_was_refunded_can_be_bought_again(documents_on_disk):
    lesson = lesson_with_everything(parent=CourseFactory())
    member = UserFactory()
    give_back(bought(member, course=lesson.course))

    bought(member, course=lesson.course)

    assert doors(member, lesson) == OPEN
    assert sorted(Enrolment.objects.values_list("status", flat=True)) == ["ACTIVE", "REVOKED"]


def test_a_refund_of_one_course_shuts_no_other(documents_on_disk):
    kept, returned = (lesson_with_everything(parent=CourseFactory()) for _ in range(2))
    member = UserFactory()
    bought(member, course=kept.course)

    give_back(bought(member, course=returned.course))

    assert doors(member, kept)["page"] == 200
    assert doors(member, returned)["page"] == 403
