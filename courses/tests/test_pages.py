"""The pages as visitors, members and editors get them."""

import json
import re
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from wagtail.models import PageViewRestriction

from accounts.tests.factories import UserFactory
from commerce.gateways import gateway_for
from commerce.models import Item, Payment
from commerce.models.customers import Customer
from commerce.services import cart as carts
from commerce.services import settlement
from courses.models import Enrolment, LessonCompletion
from courses.tests.factories import (
    NOON,
    SECRET,
    CompletionFactory,
    CourseFactory,
    EnrolmentFactory,
    ImageFactory,
    LessonFactory,
    SectionFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
# Four of them are the library's.
MY_LEARNING_QUERIES = 15
MY_LEARNING_QUERIES_WITH_UNPAID = 13


def queries_of(client, url, status=200):
    """The SQL of the second visit: the first one fills caches and makes pictures."""
    assert client.get(url).status_code == status
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == status
    return [query["sql"] for query in queries]


# --- The catalogue ---


def test_the_catalogue_shows_published_courses_with_their_lessons_and_price(client):
    course = CourseFactory(title="Gardening", topic=TopicFactory(name="Nature"))
    section = SectionFactory(parent=course)
    LessonFactory(parent=course, duration_minutes=5)
    LessonFactory(parent=section, duration_minutes=7)
    LessonFactory(parent=section, draft=True)
    CourseFactory(title="Unfinished", draft=True)

    response = client.get("/courses/")

    [card] = response.context["cards"]
    assert (card.title, card.url, card.lessons_count, card.minutes) == (
        "Gardening",
        "/courses/gardening/",
        2,
        12,
    )
    assert (str(card.price), str(card.topic), card.level_label) == ("49.00 USD", "Nature", "Beginner")
    assert (card.enrolment, card.progress) == (None, None)
    assert response.context["total"] == 1


@pytest.mark.parametrize("is_member", [False, True])
def test_the_catalogue_costs_the_same_with_one_course_and_with_thirty(client, settings, is_member):
    settings.CATALOGUE_PAGE_SIZE = 50
    topic = TopicFactory()
    if is_member:
        member = UserFactory()
        client.force_login(member)

    def add_course():
        course = CourseFactory(preview=ImageFactory(), topic=topic)
        LessonFactory(parent=course)
        if is_member:
            EnrolmentFactory(member=member, course=course)

    add_course()
    with_one = queries_of(client, "/courses/")
    for _ in range(29):
        add_course()
    with_thirty = queries_of(client, "/courses/")

    assert len(with_thirty) == len(with_one), "\n".join(with_thirty)
    assert len(with_one) <= 8, "\n".join(with_one)


# --- A course ---


@pytest.mark.parametrize("is_member", [False, True])
def test_a_course_costs_the_same_with_one_lesson_and_with_thirty(client, is_member):
    course = CourseFactory(title="Gardening", preview=ImageFactory(), topic=TopicFactory())
    if is_member:
        member = UserFactory()
        client.force_login(member)
        EnrolmentFactory(member=member, course=course)
    LessonFactory(parent=course)
    CourseFactory(topic=course.topic, preview=ImageFactory())
    with_one = queries_of(client, "/courses/gardening/")
    sections = [SectionFactory(parent=course) for _ in range(3)]
    for number in range(29):
        lesson = LessonFactory(parent=sections[number % 3], preview=number == 1)
        if is_member:
            CompletionFactory(member=member, lesson=lesson)
    for _ in range(3):
        CourseFactory(topic=course.topic, preview=ImageFactory())
    with_thirty = queries_of(client, "/courses/gardening/")

    assert len(with_thirty) == len(with_one), "\n".join(with_thirty)
    assert len(with_one) <= 10, "\n".join(with_one)


def action_of(client):
    action = client.get("/courses/gardening/").context["action"]
    return (action.kind, action.method, action.url)


def test_the_one_button_of_a_course_is_always_the_right_one(client):
    author = UserFactory()
    course = CourseFactory(title="Gardening", owner=author)
    lesson = LessonFactory(parent=course, title="Sowing")
    enrol_url = f"/learning/courses/{course.pk}/enrol/"
    pending, active = EnrolmentFactory(course=course, pending=True), EnrolmentFactory(course=course)

    as_visitor = action_of(client)
    answers = {}
    for name, person in {
        "member": UserFactory(),
        "pending": pending.member,
        "active": active.member,
        "author": author,
    }.items():
        client.force_login(person)
        answers[name] = action_of(client)

    assert as_visitor == ("sign_in", "get", "/accounts/login/?next=/courses/gardening/")
    assert answers == {
        "member": ("buy", "post", enrol_url),
        "pending": ("resume_payment", "post", enrol_url),
        "active": ("continue", "get", lesson.url),
        "author": ("edit", "get", f"/cms/pages/{course.pk}/edit/"),
    }


def test_a_free_course_is_entered_by_its_button(client):
    CourseFactory(title="Gardening", free=True)
    client.force_login(UserFactory())

    assert action_of(client)[:2] == ("enrol", "post")


def test_the_outline_says_what_is_locked_and_why(client):
    course = CourseFactory(title="Gardening")
    LessonFactory(parent=course, title="Hello", preview=True)
    section = SectionFactory(parent=course, title="In spring", slug="spring")
    LessonFactory(parent=section, title="Sowing")
    LessonFactory(parent=course, title="Goodbye")
    LessonFactory(parent=course, draft=True)
    LessonFactory(parent=SectionFactory(parent=course, draft=True))

    response = client.get("/courses/gardening/")

    outline = response.context["outline"]
    assert [(part.title, [entry.title for entry in part.entries]) for part in outline] == [
        ("", ["Hello"]),
        ("In spring", ["Sowing"]),
        ("", ["Goodbye"]),
    ]
    assert [(entry.is_locked, entry.lock_reason) for entry in outline.entries] == [
        (False, ""),
        (True, "Sign in to open this lesson."),
        (True, "Sign in to open this lesson."),
    ]
    assert (response.context["lessons_count"], response.context["minutes"]) == (3, 30)


def test_progress_counts_published_lessons_only(client):
    course = CourseFactory(title="Gardening")
    member = EnrolmentFactory(course=course).member
    lessons = [LessonFactory(parent=course) for _ in range(3)]
    CompletionFactory(member=member, lesson=lessons[0])
    CompletionFactory(member=member, lesson=LessonFactory(parent=course, draft=True))
    client.force_login(member)

    on_page = client.get("/courses/gardening/").context
    [card] = client.get("/courses/").context["cards"]

    assert (on_page["progress"], on_page["completed_count"]) == (33, 1)
    assert (card.progress, card.enrolment) == (33, "ACTIVE")


def test_a_course_says_how_many_learn_it_and_that_its_lessons_open_in_turn(client):
    course = CourseFactory(title="Gardening", is_sequential=True)
    LessonFactory(parent=course)
    EnrolmentFactory(course=course)
    EnrolmentFactory(course=course, pending=True)

    page = client.get("/courses/gardening/").content.decode()

    assert "1 learner" in page
    assert "Lessons open one after the other" in page
    assert '<meta property="og:description"' in page
    assert re.search(r'<link rel="canonical" href="http://[^/]+/courses/gardening/">', page)


def test_a_restriction_in_the_tree_is_asked_about_again(client):
    course = CourseFactory(title="Gardening")
    assert client.get("/courses/gardening/").status_code == 200

    PageViewRestriction.objects.create(page=course, restriction_type=PageViewRestriction.LOGIN)

    assert client.get("/courses/gardening/").status_code == 302


def test_the_order_is_the_best_match_until_one_is_chosen(client):
    CourseFactory(title="Tulips")
    CourseFactory(title="Spring", introduction="All about tulips.")

    def titles(query):
        return [card.title for card in client.get(f"/courses/?{query}").context["cards"]]

    assert titles("search=tulips") == ["Tulips", "Spring"]
    assert titles("search=tulips&ordering=-published_at") == ["Spring", "Tulips"]
    assert titles("") == ["Spring", "Tulips"]


def test_search_engines_read_the_price_of_the_page(client):
    CourseFactory(title="Gardening", introduction="Grow things.")

    data = client.get("/courses/gardening/").context["structured_data"]

    described, crumbs = data["@graph"]
    assert described["offers"][0]["price"] == "49.00"
    assert described["offers"][0]["priceCurrency"] == "USD"
    assert described["name"] == "Gardening"
    assert [item["item"] for item in crumbs["itemListElement"]] == [
        "http://testserver/courses/",
        "http://testserver/courses/gardening/",
    ]
    json.dumps(data)


def test_a_section_leads_to_its_place_in_the_course(client):
    course = CourseFactory(title="Gardening")
    SectionFactory(parent=course, title="In spring", slug="spring")

    response = client.get("/courses/gardening/spring/")

    assert (response.status_code, response["Location"]) == (303, "/courses/gardening/#section-spring")


def test_a_course_that_is_not_published_is_not_there(client):
    course = CourseFactory(title="Gardening", draft=True)
    LessonFactory(parent=course, title="Sowing", preview=True)

    assert client.get("/courses/gardening/").status_code == 404
    assert client.get("/courses/gardening/sowing/").status_code == 404


# --- A lesson ---


def test_a_locked_lesson_gives_nothing_of_its_material_away(client):
    course = CourseFactory(title="Gardening")
    LessonFactory(parent=course, title="Sowing")
    for person in (None, UserFactory(), EnrolmentFactory(course=course, pending=True).member):
        if person:
            client.force_login(person)

        response = client.get("/courses/gardening/sowing/")

        assert response.status_code == 403
        assert SECRET not in response.content.decode()
        assert "dQw4w9WgXcQ" not in response.content.decode()
        assert "What this lesson is about." in response.content.decode()
        assert "private" in response["Cache-Control"]
        assert response["X-Robots-Tag"] == "noindex"


def test_a_member_reads_the_lesson_with_its_neighbours(client):
    course = CourseFactory(title="Gardening")
    first = LessonFactory(parent=course)
    second = LessonFactory(parent=SectionFactory(parent=course, slug="spring"), title="Sowing")
    client.force_login(EnrolmentFactory(course=course).member)

    response = client.get("/courses/gardening/spring/sowing/")

    context = response.context
    assert SECRET in response.content.decode()
    assert (context["position"], context["lessons_count"]) == (2, 2)
    assert (context["previous"].lesson, context["next"]) == (first, None)
    assert (context["video"].id, context["video"].title) == ("dQw4w9WgXcQ", "Sowing")
    assert (context["may_complete"], context["is_completed"]) == (True, False)
    assert "private" in response["Cache-Control"]
    assert context["page"] == second


@pytest.mark.parametrize("preview", [True, False])
def test_the_headings_of_a_lesson_leave_no_step_out(client, preview):
    section = SectionFactory(parent=CourseFactory())
    lesson = LessonFactory(parent=section, is_preview=preview)

    content = client.get(lesson.url).content.decode()

    levels = [int(level) for level in re.findall(r"<h([1-6])", content)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise([1, *levels]))


def test_a_free_preview_is_open_to_visitors_who_cannot_complete_it(client):
    LessonFactory(parent=CourseFactory(title="Gardening"), title="Sowing", preview=True)

    response = client.get("/courses/gardening/sowing/")

    assert response.status_code == 200
    assert response.context["may_complete"] is False


def test_a_single_lesson_is_offered_where_it_is_locked(client):
    course = CourseFactory(title="Gardening")
    LessonFactory(parent=course, title="Sowing", sold_alone=True)
    client.force_login(UserFactory())

    context = client.get("/courses/gardening/sowing/").context

    assert str(context["lesson_offer"]) == "9.00 USD"
    assert context["lock_reason"] == "Buy the course to open this lesson."
    assert context["action"].kind == "buy"


def test_a_visitor_at_a_locked_lesson_signs_in_and_comes_back(client):
    LessonFactory(parent=CourseFactory(title="Gardening"), title="Sowing")

    action = client.get("/courses/gardening/sowing/").context["action"]

    assert action.url == "/accounts/login/?next=/courses/gardening/sowing/"


# --- Enrolling, buying, completing ---


def test_a_visitor_who_enrols_signs_in_first_and_comes_back_to_the_course(client):
    course = CourseFactory(title="Gardening", free=True)

    response = client.post(f"/learning/courses/{course.pk}/enrol/", {"next": "https://evil.example"})

    assert response["Location"] == "/accounts/login/?next=/courses/gardening/"
    assert not Enrolment.objects.exists()


def test_enrolling_in_a_free_course_leads_to_its_first_lesson(client):
    course = CourseFactory(title="Gardening", free=True)
    LessonFactory(parent=course, title="Sowing")
    client.force_login(UserFactory())

    response = client.post(f"/learning/courses/{course.pk}/enrol/")

    assert (response.status_code, response["Location"]) == (303, "/courses/gardening/sowing/")
    assert Enrolment.objects.get().status == "ACTIVE"


def test_buying_leads_to_the_payment_page_and_again_to_the_same(client):
    course = CourseFactory()
    client.force_login(UserFactory())

    first = client.post(f"/learning/courses/{course.pk}/enrol/")
    again = client.post(f"/learning/courses/{course.pk}/enrol/")

    assert first.status_code == 303
    payment = Payment.objects.get()
    assert first["Location"] == again["Location"] == payment.session_url


def test_a_lesson_is_bought_alone(client):
    lesson = LessonFactory(parent=CourseFactory(), sold_alone=True)
    client.force_login(UserFactory())

    response = client.post(f"/learning/lessons/{lesson.pk}/buy/")

    assert response.status_code == 303
    assert Payment.objects.get().amount == lesson.price_money


def test_who_has_the_course_is_sent_to_study_instead_of_paying(client):
    course = CourseFactory(title="Gardening")
    LessonFactory(parent=course, title="Sowing")
    client.force_login(EnrolmentFactory(course=course).member)

    response = client.post(f"/learning/courses/{course.pk}/enrol/")

    assert response["Location"] == "/courses/gardening/sowing/"
    assert not Payment.objects.exists()


def test_a_refusal_is_said_on_the_page(client):
    course = CourseFactory(title="Gardening")
    lesson = LessonFactory(parent=course, title="Sowing")
    client.force_login(UserFactory())

    response = client.post(f"/learning/lessons/{lesson.pk}/buy/", follow=True)

    assert "“Sowing” is sold with its whole course only." in [str(m) for m in response.context["messages"]]


@pytest.mark.parametrize("path", ["/learning/courses/{}/enrol/", "/learning/lessons/{}/buy/"])
def test_nothing_is_bought_by_following_a_link(client, path):
    course = CourseFactory()
    page = LessonFactory(parent=course, sold_alone=True) if "lessons" in path else course
    client.force_login(UserFactory())

    response = client.get(path.format(page.pk))

    assert response["Location"] == page.url
    assert not Enrolment.objects.exists()


@pytest.mark.parametrize("path", ["buy", "completion"])
@pytest.mark.parametrize("hidden", ["section", "course"])
def test_a_lesson_hidden_with_what_stands_above_it_is_neither_sold_nor_named(client, hidden, path):
    course = CourseFactory(draft=hidden == "course")
    section = SectionFactory(parent=course, draft=hidden == "section")
    lesson = LessonFactory(parent=section, sold_alone=True)
    client.force_login(UserFactory())

    answers = [client.get(f"/learning/lessons/{lesson.pk}/{path}/")]
    answers.append(client.post(f"/learning/lessons/{lesson.pk}/{path}/"))

    assert [answer.status_code for answer in answers] == [404, 404]
    assert not Enrolment.objects.exists()


@pytest.mark.parametrize("path", ["courses/{}/enrol/", "lessons/{}/buy/", "lessons/{}/completion/"])
def test_a_number_that_no_page_can_have_is_not_found(client, path):
    assert client.get(f"/learning/{path.format(2**63)}").status_code == 404


def test_a_lesson_is_marked_as_done_and_undone(client):
    lesson = LessonFactory(parent=CourseFactory(), preview=True)
    client.force_login(UserFactory())
    url = f"/learning/lessons/{lesson.pk}/completion/"

    done = client.post(url, {"done": "1"})
    count_after_done = LessonCompletion.objects.count()
    client.post(url, {"done": "0"})

    assert (done.status_code, done["Location"]) == (303, lesson.url)
    assert (count_after_done, LessonCompletion.objects.count()) == (1, 0)


def test_a_visitor_who_completes_signs_in_first_and_comes_back_to_the_lesson(client):
    lesson = LessonFactory(parent=CourseFactory(title="Gardening"), title="Sowing", preview=True)

    response = client.post(f"/learning/lessons/{lesson.pk}/completion/", {"done": "1"})

    assert response["Location"] == "/accounts/login/?next=/courses/gardening/sowing/"


def test_a_locked_lesson_is_not_marked_as_done(client):
    lesson = LessonFactory(parent=CourseFactory())
    client.force_login(UserFactory())

    client.post(f"/learning/lessons/{lesson.pk}/completion/", {"done": "1"})

    assert not LessonCompletion.objects.exists()


# --- My learning ---


def test_my_learning_needs_signing_in(client):
    assert client.get("/my/")["Location"] == "/accounts/login/?next=/my/"


def test_my_learning_begins_with_what_comes_next(client):
    member = UserFactory()
    client.force_login(member)
    finished, begun = CourseFactory(title="Finished"), CourseFactory(title="Begun")
    for course in (finished, begun):
        EnrolmentFactory(member=member, course=course)
    CompletionFactory(member=member, lesson=LessonFactory(parent=finished), completed_at=NOON + HOUR)
    CompletionFactory(member=member, lesson=LessonFactory(parent=begun))
    upcoming = LessonFactory(parent=begun, title="Sowing")
    CourseFactory(title="Somebody else's")

    context = client.get("/my/").context

    assert context["next_up"] == {
        "course": begun,
        "lesson_number": 2,
        "lesson_title": "Sowing",
        "lesson_url": upcoming.url,
    }
    assert [(card.title, card.progress) for card in context["enrolments"]] == [
        ("Finished", 100),
        ("Begun", 50),
    ]
    assert context["unpaid"] == []


def test_my_learning_lists_what_waits_to_be_paid(client):
    course = CourseFactory(title="Gardening")
    client.force_login(UserFactory())
    client.post(f"/learning/courses/{course.pk}/enrol/")

    [unpaid] = client.get("/my/").context["unpaid"]

    assert (unpaid.title, str(unpaid.total)) == ("Gardening", "49.00 USD")
    assert client.get(unpaid.resume_url).status_code == 200


@pytest.mark.parametrize("how_many", [1, 3])
def test_my_learning_lists_unpaid_orders_of_the_shop_too(client, how_many, django_assert_num_queries):
    member = UserFactory()
    client.force_login(member)
    for number in range(how_many):
        items = [
            Item.objects.create(name=f"{name} {number}", price=5, currency="USD") for name in ("Mug", "Tea")
        ]
        for item in items:
            carts.add(customer=Customer(user=member), item=item, at=timezone.now())
        carts.place(customer=Customer(user=member), at=timezone.now())
    client.get("/my/")

    with django_assert_num_queries(MY_LEARNING_QUERIES_WITH_UNPAID):
        page = client.get("/my/")

    unpaid = page.context["unpaid"]
    assert [order.title for order in unpaid][-1] == "Mug 0, Tea 0"
    assert (len(unpaid), str(unpaid[0].total)) == (how_many, "10.00 USD")
    assert "You have no courses yet" not in page.content.decode()


def test_what_is_paid_and_not_opened_yet_does_not_wait_to_be_paid(client):
    course = CourseFactory()
    client.force_login(UserFactory())
    client.post(f"/learning/courses/{course.pk}/enrol/")
    payment = Payment.objects.get()
    gateway_for("usd").pay(payment.session_id)
    settlement.settle(payment=payment, at=timezone.now(), cause="test")

    assert client.get("/my/").context["unpaid"] == []


def test_my_learning_is_not_somebody_elses(client):
    EnrolmentFactory()
    client.force_login(UserFactory())

    context = client.get("/my/").context

    assert (context["next_up"], context["enrolments"], context["unpaid"]) == (None, [], [])


@pytest.mark.parametrize("how_many", [1, 3])
def test_my_learning_costs_the_same_whatever_one_studies(client, how_many):
    member = UserFactory()
    client.force_login(member)
    for _ in range(how_many):
        course = CourseFactory(preview=ImageFactory())
        LessonFactory(parent=course)
        EnrolmentFactory(member=member, course=course)

    queries = queries_of(client, "/my/")

    assert len(queries) == MY_LEARNING_QUERIES, "\n".join(queries)


def test_a_lesson_bought_alone_shows_its_progress_on_my_learning_and_no_price(client):
    course = CourseFactory(title="Gardening")
    LessonFactory(parent=course)
    lesson, draft = LessonFactory(parent=course), LessonFactory(parent=course, draft=True)
    member = EnrolmentFactory(course=course, lesson=lesson).member
    EnrolmentFactory(course=course, member=member, lesson=draft)
    EnrolmentFactory(course=course, lesson=lesson)
    client.force_login(member)

    before = client.get("/my/")
    CompletionFactory(member=member, lesson=lesson)
    [after] = client.get("/my/").context["enrolments"]

    [card] = before.context["enrolments"]
    assert (card.singles, card.progress, after.progress) == (1, 0, 100)
    assert "1 lesson bought by itself" in before.content.decode()
    assert "49.00" not in before.content.decode()
