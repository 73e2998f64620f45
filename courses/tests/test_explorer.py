"""Authors see their own courses in the CMS and nobody else's, at every door; moderators see all."""

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.tests.factories import UserFactory
from courses.models import CoursePage, LessonPage
from courses.tests.factories import CourseFactory, LessonFactory, SectionFactory, catalogue_page

pytestmark = pytest.mark.django_db

OWN, FOREIGN = "Beekeeping for beginners", "Sourdough at home"


@pytest.fixture
def author(client):
    return signed_in(client, "Authors")


@pytest.fixture
def own(author):
    course = CourseFactory(title=OWN, slug="beekeeping", owner=author)
    LessonFactory(parent=course, title=f"{OWN}: the hive", slug="hive", owner=author)
    return course


@pytest.fixture
def foreign():
    course = CourseFactory(title=FOREIGN, slug="sourdough", owner=UserFactory())
    LessonFactory(parent=course, title=f"{FOREIGN}: the starter", slug="starter")
    return course


def signed_in(client, group):
    person = UserFactory()
    person.groups.add(Group.objects.get(name=group))
    client.force_login(person)
    return person


def doors(course):
    """Addresses of the CMS that list pages, by name."""
    catalogue = catalogue_page().pk
    return {
        "explorer": reverse("wagtailadmin_explore", args=[catalogue]),
        "search": reverse("wagtailadmin_pages:search") + f"?q={course.title.split()[0]}",
        "explorer's search": reverse("wagtailadmin_explore", args=[catalogue])
        + f"?q={course.title.split()[0]}",
        "chooser": reverse("wagtailadmin_choose_page_child", args=[catalogue]),
        "chooser's search": reverse("wagtailadmin_choose_page_search") + f"?q={course.title.split()[0]}",
        "API": reverse("wagtailadmin_api:pages:listing") + f"?child_of={catalogue}&for_explorer=1",
    }


def shows(client, door, title):
    answer = client.get(door)
    assert answer.status_code == 200
    text = answer.json()["html"] if "modal" in answer.content.decode()[:40] else answer.content.decode()
    return title in text


@pytest.mark.parametrize(
    "door", ["explorer", "search", "explorer's search", "chooser", "chooser's search", "API"]
)
def test_an_author_sees_own_courses_and_no_others(client, author, own, foreign, door):
    assert shows(client, doors(own)[door], OWN)
    assert not shows(client, doors(foreign)[door], FOREIGN)


@pytest.mark.parametrize("door", ["explorer", "search", "chooser", "API"])
def test_a_moderator_sees_every_course(client, own, foreign, door):
    signed_in(client, "Moderators")

    assert shows(client, doors(own)[door], OWN)
    assert shows(client, doors(foreign)[door], FOREIGN)


@pytest.mark.parametrize("group", ["Librarians", "Shopkeepers", "Editors"])
def test_who_has_nothing_to_do_with_courses_sees_none_of_them(client, foreign, group):
    signed_in(client, group)

    answer = client.get(reverse("wagtailadmin_explore", args=[catalogue_page().pk]), follow=True)

    assert FOREIGN not in answer.content.decode()


def test_the_folder_of_anothers_course_is_shut(client, author, own, foreign):
    assert client.get(reverse("wagtailadmin_explore", args=[own.pk])).status_code == 200
    answer = client.get(reverse("wagtailadmin_explore", args=[foreign.pk]), follow=True)

    assert answer.redirect_chain == [(reverse("wagtailadmin_home"), 302)]
    assert FOREIGN not in answer.content.decode()


def add_url(model, parent):
    return reverse("wagtailadmin_pages:add", args=["courses", model._meta.model_name, parent.pk])


def may_enter(client, url):
    """Whether a form of the CMS is shown, and not a refusal: 403, or a way back with a message."""
    return client.get(url).status_code == 200


def test_an_author_adds_lessons_to_own_courses_only(client, author, own, foreign):
    section = SectionFactory(parent=foreign)

    assert may_enter(client, add_url(CoursePage, catalogue_page()))
    assert may_enter(client, add_url(LessonPage, own))
    assert not may_enter(client, add_url(LessonPage, foreign))
    assert not may_enter(client, add_url(LessonPage, section))


@pytest.mark.parametrize("destination", ["foreign", "section"])
def test_an_author_copies_no_lesson_into_the_course_of_another(client, author, own, foreign, destination):
    """The address names one's own lesson only; where the copy is to stand is in the form."""
    places = {"own": own, "foreign": foreign, "section": SectionFactory(parent=foreign)}
    lesson = LessonPage.objects.get(owner=author)

    for place in ("own", destination):
        client.post(
            reverse("wagtailadmin_pages:copy", args=[lesson.pk]),
            {"new_title": "Copied", "new_slug": "copied", "new_parent_page": places[place].pk},
        )

    assert [copy.course.pk for copy in LessonPage.objects.filter(slug="copied")] == [own.pk]


@pytest.mark.parametrize("action", ["edit", "delete", "move", "copy", "history", "unpublish", "view_draft"])
def test_an_author_does_nothing_to_the_course_of_another(client, author, own, foreign, action):
    assert not may_enter(client, reverse(f"wagtailadmin_pages:{action}", args=[foreign.pk]))


@pytest.mark.parametrize("action", ["delete", "move"])
def test_a_moderator_edits_any_course_and_neither_deletes_moves_nor_adds(client, foreign, action):
    signed_in(client, "Moderators")

    assert may_enter(client, reverse("wagtailadmin_pages:edit", args=[foreign.pk]))
    assert not may_enter(client, reverse(f"wagtailadmin_pages:{action}", args=[foreign.pk]))
    assert not may_enter(client, add_url(CoursePage, catalogue_page()))
    assert not may_enter(client, add_url(LessonPage, foreign))


@pytest.mark.parametrize("action", ["delete", "move", "publish", "unpublish"])
def test_no_bulk_action_reaches_the_course_of_another(client, author, own, foreign, action):
    url = reverse("wagtail_bulk_action", args=["wagtailcore", "page", action]) + f"?id={foreign.pk}"

    client.post(url, {"move_applicable": "1", "chooser": own.pk})

    foreign.refresh_from_db()
    assert foreign.live
    assert foreign.get_parent().specific == catalogue_page()


@pytest.mark.parametrize("action", ["delete", "move"])
def test_no_bulk_action_lets_a_moderator_take_courses_away(client, own, foreign, action):
    signed_in(client, "Moderators")
    url = reverse("wagtail_bulk_action", args=["wagtailcore", "page", action]) + f"?id={foreign.pk}"

    client.post(url, {"chooser": own.pk})

    foreign.refresh_from_db()
    assert foreign.get_parent().specific == catalogue_page()
