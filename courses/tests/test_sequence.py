"""Courses studied in order: the same lessons are open and locked on every way to them."""

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import UserFactory
from courses import permissions
from courses.models import CoursePage, LessonCompletion, LessonPage
from courses.policies import LessonAccess
from courses.services import outlining, studying
from courses.tests.doors import OPEN, SHUT, doors, lesson_with_everything
from courses.tests.factories import (
    NOON,
    CompletionFactory,
    CourseFactory,
    EnrolmentFactory,
    LessonFactory,
    SectionFactory,
)
from courses.tests.test_pages import queries_of
from courses.tests.test_permissions import editor_below

pytestmark = pytest.mark.django_db
LESSON_QUERIES = 8


def sequence(count=3, **fields):
    """A course studied in order, and its lessons, the later ones in a section."""
    course = CourseFactory(is_sequential=True, **fields)
    first = LessonFactory(parent=course, title="Lesson 1")
    section = SectionFactory(parent=course)
    return course, [
        first,
        *(LessonFactory(parent=section, title=f"Lesson {n}") for n in range(2, count + 1)),
    ]


def answers(member, lessons):
    return [permissions.lesson_access(member, lesson).name for lesson in lessons]


def test_a_lesson_opens_when_all_before_it_are_complete():
    course, lessons = sequence()
    member = EnrolmentFactory(course=course).member

    before = answers(member, lessons)
    studying.complete(member=member, lesson=lessons[0], at=NOON)
    after = answers(member, lessons)

    assert before == ["OPEN", "LOCKED_SEQUENCE", "LOCKED_SEQUENCE"]
    assert after == ["OPEN", "OPEN", "LOCKED_SEQUENCE"]


def test_without_the_switch_nobody_waits():
    course, lessons = sequence()
    CoursePage.objects.update(is_sequential=False)
    member = EnrolmentFactory(course=course).member

    assert answers(member, [LessonPage.objects.get(pk=lesson.pk) for lesson in lessons]) == ["OPEN"] * 3


def test_undoing_locks_what_comes_later_and_is_not_done():
    course, lessons = sequence(4)
    member = EnrolmentFactory(course=course).member
    for lesson in lessons[:3]:
        studying.complete(member=member, lesson=lesson, at=NOON)

    studying.undo(member=member, lesson=lessons[0])

    assert answers(member, lessons) == ["OPEN", "OPEN", "OPEN", "LOCKED_SEQUENCE"]


def test_drafts_do_not_hold_anybody_up():
    course = CourseFactory(is_sequential=True)
    LessonFactory(parent=course, draft=True)
    LessonFactory(parent=SectionFactory(parent=course, draft=True))
    lesson = LessonFactory(parent=course)
    member = EnrolmentFactory(course=course).member

    assert permissions.lesson_access(member, lesson) is LessonAccess.OPEN


def test_lessons_of_other_courses_do_not_hold_anybody_up():
    LessonFactory(parent=CourseFactory(is_sequential=True))
    course, lessons = sequence(1)
    member = EnrolmentFactory(course=course).member

    assert answers(member, lessons) == ["OPEN"]
    assert list(LessonPage.objects.open_to(member)) == lessons


def test_a_lesson_bought_alone_is_not_locked_by_lessons_one_does_not_have():
    course, lessons = sequence()
    member = EnrolmentFactory(course=course, lesson=lessons[2]).member

    assert answers(member, lessons) == ["LOCKED_PAYMENT", "LOCKED_PAYMENT", "OPEN"]


def test_owners_editors_and_previews_are_exempt():
    course, lessons = sequence(owner=UserFactory())
    preview = LessonFactory(parent=course, preview=True)
    editor = editor_below(course)
    for keeper in (course.owner, editor):
        EnrolmentFactory(course=course, member=keeper)
    member = EnrolmentFactory(course=course).member

    assert answers(course.owner, lessons) == answers(editor, lessons) == ["OPEN"] * 3
    assert permissions.lesson_access(member, preview) is LessonAccess.FREE_PREVIEW


def test_the_reason_names_the_lesson_to_complete_first_which_is_open():
    course, lessons = sequence()
    member = EnrolmentFactory(course=course).member
    CompletionFactory(member=member, lesson=lessons[0])

    outline = outlining.outline(
        standing=permissions.standing(member, course), url_of=lambda lesson: lesson.slug
    )

    assert [entry.lock_reason for entry in outline.entries] == ["", "", "Complete “Lesson 2” first."]
    assert (outline.next_up.title, outline.first_undone.title) == ("Lesson 2", "Lesson 2")


def test_a_lesson_out_of_turn_cannot_be_completed():
    course, lessons = sequence()
    member = EnrolmentFactory(course=course).member

    with pytest.raises(studying.LessonLocked) as refusal:
        studying.complete(member=member, lesson=lessons[2], at=NOON)

    assert str(refusal.value) == "“Lesson 3” is locked for you. Complete “Lesson 1” first."
    assert not LessonCompletion.objects.exists()


# --- Every door says the same ---


def test_page_api_search_and_documents_open_and_shut_together(documents_on_disk):
    course, lessons = sequence(1)
    last = lesson_with_everything(parent=course, title="Last")
    member = EnrolmentFactory(course=course).member

    assert doors(member, last) == SHUT
    studying.complete(member=member, lesson=lessons[0], at=NOON)
    assert doors(member, last) == OPEN
    studying.undo(member=member, lesson=lessons[0])
    assert doors(member, last) == SHUT


def test_every_way_of_asking_gives_one_answer_whatever_was_done():
    course = CourseFactory(is_sequential=True)
    section = SectionFactory(parent=course)
    made = [LessonFactory(parent=parent) for parent in (course, section, section, course, section)]
    lessons = list(LessonPage.objects.of(course))
    member = UserFactory()
    places = st.sets(st.integers(0, len(made) - 1))

    @settings(max_examples=60, deadline=None)
    @given(
        done=places,
        drafts=places,
        previews=places,
        alone=places,
        is_sequential=st.booleans(),
        is_enrolled=st.booleans(),
    )
    def check(done, drafts, previews, alone, is_sequential, is_enrolled):
        with transaction.atomic():
            CoursePage.objects.update(is_sequential=is_sequential)
            for place, lesson in enumerate(lessons):
                LessonPage.objects.filter(pk=lesson.pk).update(
                    live=place not in drafts, is_preview=place in previews
                )
                if place in done:
                    CompletionFactory(member=member, lesson=lesson)
                if place in alone:
                    EnrolmentFactory(member=member, course=course, lesson=lesson)
            if is_enrolled:
                EnrolmentFactory(member=member, course=course)
            shown = [place for place in range(len(lessons)) if place not in drafts]
            expected = {
                lessons[place].pk
                for place in shown
                if place in previews
                or place in alone
                or (
                    is_enrolled
                    and (
                        not is_sequential
                        or place in done
                        or all(before in done for before in shown if before < place)
                    )
                )
            }

            fresh = CoursePage.objects.get(pk=course.pk)
            outline = outlining.outline(
                standing=permissions.standing(member, fresh), url_of=lambda lesson: lesson.slug
            )
            assert {entry.lesson.pk for entry in outline.entries if not entry.is_locked} == expected
            assert set(LessonPage.objects.open_to(member).values_list("pk", flat=True)) == expected
            assert {
                lesson.pk for lesson in LessonPage.objects.of(fresh) if permissions.may_open(member, lesson)
            } == expected
            upcoming = studying.next_lesson(member=member, course=fresh)
            if upcoming is not None:
                assert outline.next_up.lesson == upcoming
            transaction.set_rollback(True)

    check()


@pytest.mark.parametrize("how_many", [2, 12])
def test_the_lock_costs_no_query_for_each_lesson(client, how_many):
    course, lessons = sequence(how_many)
    client.force_login(EnrolmentFactory(course=course).member)
    url = lessons[0].url

    assert client.get(url).status_code == 200
    assert len(queries_of(client, url)) == LESSON_QUERIES
