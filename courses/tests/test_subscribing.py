"""Following a course: who hears of its changes."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.tests.factories import UserFactory
from courses.models import CourseChange, CoursePage, CourseSubscription, StudyPosition
from courses.services import subscribing
from courses.tests.factories import NOON, CourseFactory, EnrolmentFactory, LessonFactory

pytestmark = pytest.mark.django_db
GROUPS = ("Authors", "Moderators", "Librarians", "Shopkeepers", "Editors")
ROLES = ("member", "enrolled", "owner", *GROUPS, "staff", "superuser")


def person(role, *, course):
    """Somebody of a role; what the role does not say is of no importance."""
    someone = UserFactory(is_staff=role in ("staff", "superuser"), is_superuser=role == "superuser")
    if role in GROUPS:
        someone.groups.add(Group.objects.get(name=role))
    if role == "enrolled":
        EnrolmentFactory(member=someone, course=course)
    if role == "owner":
        CoursePage.objects.filter(pk=course.pk).update(owner=someone)
    return someone


def client_of(someone=None):
    client = APIClient()
    if someone is not None:
        client.force_authenticate(someone)
    return client


def api_url(course):
    return f"/api/v1/courses/{course.pk}/subscription/"


def page_url(course):
    return f"/learning/courses/{course.pk}/subscription/"


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


# --- The API, under every role ---


@pytest.mark.parametrize("role", ROLES)
def test_everybody_signed_in_follows_and_stops_by_the_api(role):
    course = CourseFactory()
    someone = person(role, course=course)
    api = client_of(someone)

    answers = [api.post(api_url(course)) for _ in range(2)]
    following = list(CourseSubscription.objects.values_list("member", "course"))
    stopped = [api.delete(api_url(course)) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 200]
    assert [answer.json() for answer in answers] == [{"course": course.pk, "is_subscribed": True}] * 2
    assert following == [(someone.pk, course.pk)]
    assert [(answer.status_code, answer.content) for answer in stopped] == [(204, b""), (204, b"")]
    assert not CourseSubscription.objects.exists()


@pytest.mark.parametrize("role", ROLES)
def test_nobody_follows_a_draft_not_even_their_own(role):
    course = CourseFactory(draft=True)
    api = client_of(person(role, course=course))

    answers = [api.post(api_url(course)), api.delete(api_url(course))]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert not CourseSubscription.objects.exists()


def test_visitors_follow_nothing():
    course = CourseFactory()

    answers = [client_of().post(api_url(course)), client_of().delete(api_url(course))]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert not CourseSubscription.objects.exists()


def test_blocked_people_follow_nothing():
    course = CourseFactory()
    someone = UserFactory()
    token = str(AccessToken.for_user(someone))
    type(someone).objects.filter(pk=someone.pk).update(is_active=False)

    answer = client_of().post(api_url(course), headers={"authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert not CourseSubscription.objects.exists()


def test_stopping_leaves_what_others_follow():
    course = CourseFactory()
    other = CourseSubscription.objects.create(member=UserFactory(), course=course, created_at=NOON)
    mine = CourseSubscription.objects.create(member=UserFactory(), course=course, created_at=NOON)
    elsewhere = CourseSubscription.objects.create(member=mine.member, course=CourseFactory(), created_at=NOON)

    client_of(mine.member).delete(api_url(course))

    assert set(CourseSubscription.objects.all()) == {other, elsewhere}


def test_who_followed_a_course_that_went_offline_may_stop():
    course = CourseFactory(draft=True)
    wish = CourseSubscription.objects.create(member=UserFactory(), course=course, created_at=NOON)

    answer = client_of(wish.member).delete(api_url(course))

    assert answer.status_code == 204
    assert not CourseSubscription.objects.exists()


def test_the_service_refuses_drafts_too():
    course = CourseFactory(title="Gardening", draft=True)

    with pytest.raises(subscribing.NotOpenToFollowers, match="“Gardening” is not published"):
        subscribing.subscribe(member=UserFactory(), course=course, at=NOON)


@pytest.mark.parametrize("number", [0, 2**31, 2**63])
def test_a_number_that_no_course_has_is_not_found(number):
    answer = client_of(UserFactory()).post(f"/api/v1/courses/{number}/subscription/")

    assert answer.status_code == 404


# --- The button on the page ---


@pytest.mark.parametrize("role", ROLES)
def test_everybody_signed_in_follows_and_stops_by_the_button(client, role):
    course = CourseFactory()
    client.force_login(person(role, course=course))

    followed = [client.post(page_url(course), {"action": "subscribe"}) for _ in range(2)]
    count = CourseSubscription.objects.count()
    stopped = [client.post(page_url(course), {"action": "unsubscribe"}) for _ in range(2)]

    assert {(answer.status_code, answer["Location"]) for answer in followed + stopped} == {(303, course.url)}
    assert (count, CourseSubscription.objects.count()) == (1, 0)


def test_a_visitor_who_wants_to_follow_signs_in_first(client):
    course = CourseFactory(title="Gardening")

    answer = client.post(page_url(course), {"action": "subscribe"})

    assert answer["Location"] == "/accounts/login/?next=/courses/gardening/"
    assert not CourseSubscription.objects.exists()


def test_nothing_is_followed_by_following_a_link(client):
    course = CourseFactory()
    client.force_login(UserFactory())

    answer = client.get(page_url(course), {"action": "subscribe"})

    assert (answer.status_code, answer["Location"]) == (303, course.url)
    assert not CourseSubscription.objects.exists()


@pytest.mark.parametrize("posted", [{}, {"action": ""}, {"action": "delete"}])
def test_a_button_that_does_not_exist_is_an_error(client, posted):
    course = CourseFactory()
    client.force_login(UserFactory())

    assert client.post(page_url(course), posted).status_code == 400
    assert not CourseSubscription.objects.exists()


def test_a_draft_is_not_there(client):
    client.force_login(UserFactory())

    answer = client.post(page_url(CourseFactory(draft=True)), {"action": "subscribe"})

    assert answer.status_code == 404


def test_who_followed_a_course_that_went_offline_may_only_stop(client):
    course = CourseFactory(draft=True)
    wish = CourseSubscription.objects.create(member=UserFactory(), course=course, created_at=NOON)
    client.force_login(wish.member)

    again = client.post(page_url(course), {"action": "subscribe"})
    stopped = client.post(page_url(course), {"action": "unsubscribe"})

    assert again.status_code == 404
    assert (stopped.status_code, stopped["Location"]) == (303, "/my/")
    assert not CourseSubscription.objects.exists()


def test_htmx_gets_the_button_as_it_is_then(client):
    course = CourseFactory()
    client.force_login(UserFactory())

    pressed = client.post(page_url(course), {"action": "subscribe"}, headers={"HX-Request": "true"})
    released = client.post(page_url(course), {"action": "unsubscribe"}, headers={"HX-Request": "true"})

    assert (pressed.status_code, released.status_code) == (200, 200)
    for answer, is_pressed, next_action in (
        (pressed, "true", "unsubscribe"),
        (released, "false", "subscribe"),
    ):
        button = answer.content.decode()
        assert "<html" not in button
        assert f'aria-pressed="{is_pressed}"' in button
        assert f'value="{next_action}"' in button
        assert "csrfmiddlewaretoken" in button


# --- What changed since one was there ---


def change(course, *, day, title="Sowing", **fields):
    return CourseChange.objects.create(
        course=course, title=title, kind="CHANGED", published_at=NOON + timedelta(days=day), **fields
    )


def told(member):
    return [
        (each.course.title, [row.title for row in each.changes], each.more)
        for each in subscribing.followed(member=member, url_of=lambda course: course.slug)
    ]


def follower(*courses):
    member = UserFactory()
    for course in courses:
        CourseSubscription.objects.create(member=member, course=course, created_at=NOON)
    return member


def test_only_what_came_after_one_began_to_follow_is_told_newest_first():
    course = CourseFactory(title="Gardening")
    change(course, day=-1, title="Before")
    change(course, day=1, title="First")
    change(course, day=2, title="Second")

    assert told(follower(course)) == [("Gardening", ["Second", "First"], 0)]


def test_what_was_there_when_one_opened_a_lesson_is_not_told_again():
    course = CourseFactory(title="Gardening")
    member = follower(course)
    lesson = LessonFactory(parent=course)
    StudyPosition.objects.create(
        member=member, course=course, lesson=lesson, opened_at=NOON + timedelta(days=2)
    )
    StudyPosition.objects.create(
        member=UserFactory(), course=course, lesson=lesson, opened_at=NOON + timedelta(days=9)
    )
    for day in (1, 3):
        change(course, day=day, title=f"Day {day}")

    assert told(member) == [("Gardening", ["Day 3"], 0)]


def test_a_visit_before_one_followed_reaches_back_no_further():
    course = CourseFactory(title="Gardening")
    member = follower(course)
    StudyPosition.objects.create(
        member=member, course=course, lesson=LessonFactory(parent=course), opened_at=NOON - timedelta(days=9)
    )
    change(course, day=-1)

    assert told(member) == [("Gardening", [], 0)]


def test_minor_changes_and_courses_that_went_offline_are_not_told():
    course, offline = CourseFactory(title="Gardening"), CourseFactory(draft=True)
    change(course, day=1, is_minor=True)
    change(offline, day=1)

    assert told(follower(course, offline)) == [("Gardening", [], 0)]


def test_many_changes_are_three_and_a_number_and_courses_with_news_come_first():
    quiet, busy = CourseFactory(title="Algebra"), CourseFactory(title="Botany")
    for day in range(1, 6):
        change(busy, day=day, title=f"Day {day}")

    assert told(follower(quiet, busy)) == [("Botany", ["Day 5", "Day 4", "Day 3"], 2), ("Algebra", [], 0)]


@pytest.mark.parametrize("how_many", [1, 3])
def test_what_one_follows_costs_two_queries(how_many, django_assert_num_queries):
    courses = [CourseFactory() for _ in range(how_many)]
    for course in courses:
        change(course, day=1)
    member = follower(*courses)

    with django_assert_num_queries(2):
        followed = subscribing.followed(member=member, url_of=lambda course: course.slug)

    assert len(followed) == how_many


def test_my_learning_shows_what_one_follows_and_nothing_to_others(client):
    course = CourseFactory(title="Gardening")
    change(course, day=1, title="Sowing", note="New pictures")
    member = follower(course)

    client.force_login(member)
    mine = client.get("/my/").content.decode()
    client.force_login(UserFactory())
    others = client.get("/my/").content.decode()

    assert "Courses you follow" in mine
    assert "New pictures" in mine
    assert "You have no courses yet" not in mine
    assert "Courses you follow" not in others
    assert "You have no courses yet" in others
