"""The catalogue and following a course in Chromium: with scripts nothing reloads, without them all works."""

import pytest

from accounts.tests.factories import UserFactory
from courses.models import CourseSubscription
from courses.tests.factories import CourseFactory, LessonFactory, TopicFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def without_scripts(browser):
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture
def complaints(page):
    """Errors that the browser tells in its console: of scripts, and of the content security policy."""
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@pytest.fixture
def three_courses():
    garden = TopicFactory(name="Garden", slug="garden")
    for title in ("Roses", "Tulips"):
        CourseFactory(title=title, topic=garden)
    CourseFactory(title="Python", topic=TopicFactory(name="Code", slug="code"), free=True)


def sign_in(page, client, live_server):
    """Somebody new, signed in to page."""
    member = UserFactory()
    client.force_login(member)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    return member


def titles(page):
    return [title.strip() for title in page.locator(".card__title").all_text_contents()]


def leave_a_mark(page):
    """Something that a reload would take away."""
    page.evaluate("window.wasHere = true")


def was_not_reloaded(page):
    return page.evaluate("window.wasHere === true")


def focused(page):
    return page.evaluate("document.activeElement.id || document.activeElement.name")


# --- The catalogue ---


def test_a_filter_changes_the_results_and_the_address_without_a_reload(
    page, live_server, three_courses, complaints
):
    page.goto(f"{live_server.url}/courses/")
    leave_a_mark(page)

    page.get_by_role("radio", name="Garden").check()
    page.wait_for_url("**/courses/?topic=garden")
    page.get_by_role("heading", name="2 courses").wait_for()

    assert was_not_reloaded(page)
    assert titles(page) == ["Tulips", "Roses"]
    assert focused(page) == "facet-topic-garden"
    assert page.locator("[data-announcement]").text_content() == "2 courses"
    assert page.get_by_role("button", name="Apply").is_hidden()
    assert complaints == []


def test_words_are_looked_for_while_they_are_typed_and_the_caret_stays(
    page, live_server, three_courses, complaints
):
    page.goto(f"{live_server.url}/courses/")
    leave_a_mark(page)

    page.get_by_role("searchbox", name="Search the courses").press_sequentially("rose")
    page.wait_for_url("**/courses/?search=rose")
    page.get_by_role("heading", name="1 course").wait_for()
    page.keyboard.type("s")
    page.wait_for_url("**/courses/?search=roses")

    assert was_not_reloaded(page)
    assert titles(page) == ["Roses"]
    assert focused(page) == "id_search"
    assert page.locator("[data-announcement]").text_content() == "1 course"
    assert complaints == []


def test_a_filter_is_taken_away_without_a_reload_and_going_back_brings_it_back(
    page, live_server, three_courses
):
    page.goto(f"{live_server.url}/courses/?topic=garden&search=roses")
    leave_a_mark(page)

    page.get_by_role("link", name="“roses”").click()
    page.get_by_role("heading", name="2 courses").wait_for()
    after = (was_not_reloaded(page), page.url, page.locator("#id_search").input_value())
    focus = page.evaluate("document.activeElement.textContent.trim()")
    page.go_back()
    page.get_by_role("heading", name="1 course").wait_for()

    assert after == (True, f"{live_server.url}/courses/?topic=garden", "")
    assert focus == "2 courses"
    assert titles(page) == ["Roses"]
    assert page.locator("#id_search").input_value() == "roses"


def test_the_catalogue_needs_no_scripts(without_scripts, live_server, three_courses):
    page = without_scripts
    page.goto(f"{live_server.url}/courses/")

    page.get_by_role("radio", name="Garden").check()
    page.get_by_role("button", name="Apply").click()

    assert "topic=garden" in page.url
    assert titles(page) == ["Tulips", "Roses"]


# --- Following a course ---


def test_a_course_is_followed_without_a_reload_and_the_button_keeps_the_focus(
    page, live_server, client, complaints
):
    course = CourseFactory(title="Roses")
    LessonFactory(parent=course)
    member = sign_in(page, client, live_server)
    page.goto(live_server.url + course.url)
    leave_a_mark(page)

    page.get_by_role("button", name="Follow updates", pressed=False).click()
    button = page.get_by_role("button", name="Follow updates", pressed=True)
    button.wait_for()
    following = list(CourseSubscription.objects.values_list("member", "course"))
    keeps_focus = button.evaluate("button => button === document.activeElement")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Follow updates", pressed=False).wait_for()

    assert was_not_reloaded(page)
    assert following == [(member.pk, course.pk)]
    assert keeps_focus is True
    assert not CourseSubscription.objects.exists()
    assert complaints == []


def test_a_visitor_who_presses_the_button_comes_to_the_page_to_sign_in(page, live_server):
    course = CourseFactory(title="Roses")
    page.goto(live_server.url + course.url)

    page.get_by_role("button", name="Follow updates").click()
    page.wait_for_url("**/accounts/login/?next=/courses/roses/")

    assert not CourseSubscription.objects.exists()


def test_a_press_that_fails_is_told(page, live_server, client):
    course = CourseFactory(title="Roses")
    sign_in(page, client, live_server)
    page.goto(live_server.url + course.url)
    course.unpublish()

    page.get_by_role("button", name="Follow updates").click()

    page.locator("#messages").get_by_text("That did not work").wait_for()
    assert not CourseSubscription.objects.exists()


def test_a_course_is_followed_without_scripts(without_scripts, live_server, client):
    page = without_scripts
    course = CourseFactory(title="Roses")
    sign_in(page, client, live_server)
    page.goto(live_server.url + course.url)

    page.get_by_role("button", name="Follow updates").click()

    assert page.url == live_server.url + course.url
    assert page.get_by_role("button", name="Follow updates", pressed=True).is_visible()
    assert CourseSubscription.objects.count() == 1
