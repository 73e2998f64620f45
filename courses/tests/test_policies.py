"""The decision about a lesson, case by case."""

from dataclasses import replace

import pytest

from courses.policies import LessonAccess, LessonFacts, decide

VISITOR = LessonFacts(
    is_shown=True,
    is_keeper=False,
    is_signed_in=False,
    is_enrolled=False,
    is_bought_alone=False,
    is_reserved=False,
    is_preview=False,
    is_course_free=False,
    is_out_of_turn=False,
)
MEMBER = replace(VISITOR, is_signed_in=True)


@pytest.mark.parametrize(
    ("facts", "access"),
    [
        (VISITOR, LessonAccess.LOCKED_SIGN_IN),
        (replace(VISITOR, is_course_free=True), LessonAccess.LOCKED_SIGN_IN),
        (replace(VISITOR, is_preview=True), LessonAccess.FREE_PREVIEW),
        (replace(VISITOR, is_preview=True, is_shown=False), LessonAccess.HIDDEN),
        (MEMBER, LessonAccess.LOCKED_PAYMENT),
        (replace(MEMBER, is_course_free=True), LessonAccess.LOCKED_ENROL),
        (replace(MEMBER, is_reserved=True), LessonAccess.LOCKED_UNPAID),
        (replace(MEMBER, is_reserved=True, is_course_free=True), LessonAccess.LOCKED_ENROL),
        (replace(MEMBER, is_preview=True), LessonAccess.FREE_PREVIEW),
        (replace(MEMBER, is_enrolled=True), LessonAccess.OPEN),
        (replace(MEMBER, is_enrolled=True, is_preview=True), LessonAccess.OPEN),
        (replace(MEMBER, is_enrolled=True, is_shown=False), LessonAccess.HIDDEN),
        (replace(MEMBER, is_bought_alone=True), LessonAccess.OPEN),
        (replace(MEMBER, is_bought_alone=True, is_shown=False), LessonAccess.HIDDEN),
        (replace(MEMBER, is_enrolled=True, is_out_of_turn=True), LessonAccess.LOCKED_SEQUENCE),
        (replace(MEMBER, is_enrolled=True, is_out_of_turn=True, is_shown=False), LessonAccess.HIDDEN),
        (replace(MEMBER, is_enrolled=True, is_out_of_turn=True, is_preview=True), LessonAccess.FREE_PREVIEW),
        (replace(MEMBER, is_enrolled=True, is_out_of_turn=True, is_keeper=True), LessonAccess.OPEN),
        (replace(MEMBER, is_bought_alone=True, is_out_of_turn=True), LessonAccess.OPEN),
        (replace(MEMBER, is_out_of_turn=True), LessonAccess.LOCKED_PAYMENT),
        (replace(MEMBER, is_keeper=True), LessonAccess.OPEN),
        (replace(MEMBER, is_keeper=True, is_shown=False), LessonAccess.OPEN),
    ],
)
def test_who_may_open_a_lesson(facts, access):
    assert decide(facts) is access


def test_only_an_open_lesson_and_a_preview_are_open():
    assert [access for access in LessonAccess if access.is_open] == [
        LessonAccess.OPEN,
        LessonAccess.FREE_PREVIEW,
    ]
