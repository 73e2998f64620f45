"""Every address of the CMS that takes a page, tried by those who may not: none stands open unnoticed.

The addresses are read from the URLconf, so a door that comes with a new Wagtail has no line in the table
below and fails. What counts is not only the answer: after each attempt the pages are as they were.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from wagtail.admin.api.views import PagesAdminAPIViewSet
from wagtail.models import Page, Workflow
from wagtail.test.utils.form_data import rich_text

from accounts.tests.factories import UserFactory
from courses.models import CoursePage, LessonPage
from courses.tests.factories import (
    CourseFactory,
    DocumentFactory,
    ImageFactory,
    LessonFactory,
    catalogue_page,
)
from courses.tests.test_editing import lesson_form

pytestmark = pytest.mark.django_db

FOREIGN = "Sourdough at home"


def person(group):
    user = UserFactory()
    user.groups.add(Group.objects.get(name=group))
    return user


@dataclass
class World:
    author: Any
    moderator: Any
    own: CoursePage
    foreign: CoursePage
    lesson: LessonPage
    values: dict[str, Any]


@pytest.fixture
def world():
    """A course of another author: published, with a lesson whose new draft is being moderated."""
    author, owner, moderator = person("Authors"), person("Authors"), person("Moderators")
    own = CourseFactory(title="Beekeeping", slug="bees", owner=author)
    picture, document = ImageFactory(uploaded_by_user=author), DocumentFactory(uploaded_by_user=author)
    foreign = CourseFactory(title=FOREIGN, slug="sourdough", owner=owner, preview=picture)
    foreign.save_revision(user=owner).publish()
    lesson = LessonFactory(
        parent=foreign,
        title=f"{FOREIGN}: the starter",
        slug="starter",
        owner=owner,
        body=[("download", {"document": document, "title": "Recipe"})],
    )
    lesson.save_revision(user=owner).publish()
    lesson.introduction = "A new draft."
    revision = lesson.save_revision(user=owner)
    state = lesson.get_workflow().start(lesson, owner)
    values = {
        "page_id": lesson.pk,
        "pk": lesson.pk,
        "page_pk": lesson.pk,
        "page_to_move_id": lesson.pk,
        "parent_page_id": foreign.pk,
        "destination_id": own.pk,
        "revision_id": revision.pk,
        "revision_id_a": revision.pk,
        "revision_id_b": "live",
        "task_state_id": state.current_task_state.pk,
        "task_id": state.current_task_state.task_id,
        "workflow_state_id": state.pk,
        "workflow_pk": Workflow.objects.last().pk,
        "action_name": "approve",
        "content_type_app_name": "courses",
        "content_type_model_name": "lessonpage",
    }
    return World(author, moderator, own, foreign, LessonPage.objects.get(pk=lesson.pk), values)


def patterns(resolver=None, prefix="", namespaces=()):
    """Each address of the CMS: its name, how it is spelt, and its pattern."""
    if resolver is None:
        [resolver] = [each for each in get_resolver().url_patterns if str(each.pattern) == "cms/"]
        prefix = "cms/"
    for pattern in resolver.url_patterns:
        spelt = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inside = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from patterns(pattern, spelt, inside)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield ":".join((*namespaces, pattern.name)), spelt


#: What moderators do to the lesson of somebody else, by address: nothing that makes, deletes or moves a page.
MODERATORS = {
    "wagtailadmin_api:pages:detail": "GET",
    "wagtailadmin_api:pages:action:convert_alias": "",
    "wagtailadmin_api:pages:action:copy": "",
    "wagtailadmin_api:pages:action:copy_for_translation": "",
    "wagtailadmin_api:pages:action:create_alias": "",
    "wagtailadmin_api:pages:action:delete": "",
    "wagtailadmin_api:pages:action:move": "",
    "wagtailadmin_api:pages:action:publish": "POST",
    "wagtailadmin_api:pages:action:revert_to_page_revision": "POST",
    "wagtailadmin_api:pages:action:unpublish": "POST",
    "wagtailadmin_choose_page_child": "GET",
    "wagtailadmin_explore": "GET",
    "wagtailadmin_explore_results": "GET",
    "wagtailadmin_pages:add": "",
    "wagtailadmin_pages:add_subpage": "",
    "wagtailadmin_pages:collect_workflow_action_data": "GET POST",
    "wagtailadmin_pages:confirm_workflow_cancellation": "GET POST",
    "wagtailadmin_pages:convert_alias": "",
    "wagtailadmin_pages:copy": "",
    "wagtailadmin_pages:delete": "",
    "wagtailadmin_pages:edit": "GET POST",
    "wagtailadmin_pages:history": "GET",
    "wagtailadmin_pages:history_results": "GET",
    "wagtailadmin_pages:lock": "POST",
    "wagtailadmin_pages:move": "",
    "wagtailadmin_pages:move_confirm": "",
    "wagtailadmin_pages:preview_on_add": "",
    "wagtailadmin_pages:preview_on_edit": "GET POST",
    "wagtailadmin_pages:revisions_compare": "GET",
    "wagtailadmin_pages:revisions_index": "GET POST",
    "wagtailadmin_pages:revisions_revert": "GET POST",
    "wagtailadmin_pages:revisions_unschedule": "GET POST",
    "wagtailadmin_pages:revisions_view": "GET",
    "wagtailadmin_pages:set_page_position": "POST",
    "wagtailadmin_pages:set_privacy": "",
    "wagtailadmin_pages:unlock": "",
    "wagtailadmin_pages:unpublish": "GET POST",
    "wagtailadmin_pages:usage": "GET",
    "wagtailadmin_pages:view_draft": "GET POST",
    "wagtailadmin_pages:workflow_action": "GET POST",
    "wagtailadmin_pages:workflow_history": "GET",
    "wagtailadmin_pages:workflow_history_detail": "GET",
    "wagtailadmin_pages:workflow_preview": "GET",
    "wagtailadmin_workflows:remove": "",
    "wagtailforms:delete_submissions": "",
    "wagtailforms:list_submissions": "",
    "wagtailforms:list_submissions_results": "",
}
#: Addresses that fail on purpose, and those of Wagtail's that fail for superusers as well.
FAILING = {"/cms/failwhale/"}
#: Of what takes a `pk`, these mean a page.
OF_PAGES = ("wagtailadmin_pages:", "wagtailadmin_api:pages:")
ARGUMENTS = {"page_id", "parent_page_id", "page_to_move_id", "page_pk"}
METHODS = ("GET", "POST")


def doors(world):
    """Names and addresses of all that takes a page, with the ids of the foreign ones."""
    found = {}
    for name, spelt in patterns():
        arguments = re.findall(r"<(?:\w+:)?(\w+)>", spelt)
        if not ARGUMENTS & set(arguments) and not ("pk" in arguments and name.startswith(OF_PAGES)):
            continue
        for action in PagesAdminAPIViewSet.actions if name.endswith("pages:action") else [None]:
            values = world.values if action is None else {**world.values, "action_name": action}
            address = reverse(name, kwargs={each: values[each] for each in arguments})
            found[f"{name}:{action}" if action else name] = address
    return found


def ways_in(world):
    """Addresses that need no page, or are asked about pages by their query, and would name foreign ones."""
    picture, document = world.foreign.preview_id, world.lesson.body[0].value["document"].pk
    bulk = [
        reverse("wagtail_bulk_action", args=["wagtailcore", "page", action]) + asked
        for action in ("delete", "move", "publish", "unpublish")
        for asked in (
            f"?id={world.foreign.pk}",
            f"?id=all&childOf={world.foreign.pk}",
            f"?id=all&childOf={catalogue_page().pk}",
            "?id=all",
            "?id=all&q=Sourdough",
        )
    ]
    plain = ["/" + spelt.removeprefix("^") for _name, spelt in patterns() if "<" not in spelt]
    return [
        *bulk,
        reverse("wagtailadmin_choose_page_chosen_multiple") + f"?id={world.foreign.pk}",
        reverse("wagtailadmin_pages:type_use", args=["courses", "lessonpage"]),
        reverse("wagtailadmin_pages:type_use_results", args=["courses", "coursepage"]),
        reverse("wagtailadmin_pages:choose_parent", args=["courses", "lessonpage"]),
        reverse("wagtailimages:image_usage", args=[picture]),
        reverse("wagtailimages:edit", args=[picture]),
        reverse("wagtaildocs:document_usage", args=[document]),
        reverse("wagtaildocs:edit", args=[document]),
        *plain,
        *(f"{address}?q=Sourdough" for address in plain),
        *(f"{address}?export=csv" for address in plain if "/reports/" in address),
    ]


def everything():
    return {
        page.pk: (page.path, page.live, page.title, page.owner_id, page.latest_revision_id, page.locked)
        for page in Page.objects.all()
    }


def places(pages):
    return {pk: (path, owner) for pk, (path, _live, _title, owner, *_rest) in pages.items()}


def signed_in(who):
    client = Client(raise_request_exception=False)
    client.force_login(who)
    return client


def attempt(world, client, method, address):
    """The answer, and the pages after it; whatever it changed is taken back."""
    form = {
        **lesson_form([("text", rich_text("<p>Taken over.</p>"))], title="Taken over", slug="taken"),
        "action-publish": "1",
        "new_title": "Taken",
        "new_slug": "taken",
        "new_parent_page": world.own.pk,
        "publish_copies": "on",
        "copy_subpages": "on",
        "chooser": world.own.pk,
        "restriction_type": "login",
        "destination_page_id": world.own.pk,
        "revision_id": world.values["revision_id"],
        "position": "0",
        "comment": "",
    }
    undo = transaction.atomic()
    undo._from_testcase = True
    with undo:
        answer = client.post(address, form) if method == "POST" else client.get(address)
        after = everything()
        transaction.set_rollback(True)
    return answer, after


def is_open(answer):
    return answer.status_code == 200 or (answer.status_code == 302 and answer["Location"] != "/cms/")


def text_of(answer):
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return body.decode("utf-8", "replace")


def test_every_door_to_a_page_is_in_the_table(world):
    assert set(doors(world)) == set(MODERATORS), "decide who may go in by these, and write it down"


def test_no_door_leads_an_author_to_the_page_of_another(world):
    client, before, surprises = signed_in(world.author), everything(), []

    for name, address in doors(world).items():
        for method in METHODS:
            answer, after = attempt(world, client, method, address)
            if is_open(answer) or answer.status_code >= 500 or after != before or FOREIGN in text_of(answer):
                surprises.append((name, method, answer.status_code))

    assert surprises == []


def test_moderators_go_in_by_these_doors_and_make_delete_and_move_nothing(world):
    client, before, found, surprises = signed_in(world.moderator), everything(), {}, []

    for name, address in doors(world).items():
        opened = []
        for method in METHODS:
            answer, after = attempt(world, client, method, address)
            opened += [method] if is_open(answer) else []
            if answer.status_code >= 500 or places(after) != places(before):
                surprises.append((name, method, answer.status_code))
        found[name] = " ".join(opened)

    assert surprises == []
    assert found == MODERATORS


@pytest.mark.parametrize("group", ["Authors", "Editors"])
def test_no_list_or_report_names_the_course_of_another(world, group):
    client = signed_in(world.author if group == "Authors" else person(group))

    told = []
    for address in ways_in(world):
        answer = client.get(address)
        if FOREIGN in text_of(answer) or (answer.status_code >= 500 and address.split("?")[0] not in FAILING):
            told.append((address, answer.status_code))

    assert told == []


@pytest.mark.parametrize("action", ["delete", "move"])
def test_moderators_are_not_offered_what_they_may_not(world, action):
    client = signed_in(world.moderator)

    listing = client.get(reverse("wagtailadmin_explore", args=[world.foreign.pk])).content.decode()

    assert reverse("wagtailadmin_pages:edit", args=[world.lesson.pk]) in listing
    for refused in (action, "copy"):
        assert reverse(f"wagtailadmin_pages:{refused}", args=[world.lesson.pk]) not in listing
    assert reverse("wagtailadmin_pages:add_subpage", args=[world.foreign.pk]) not in listing


@pytest.mark.parametrize(("who", "may"), [("owner", True), ("moderator", True), ("author", False)])
def test_who_may_edit_a_course_puts_its_lessons_in_order(world, who, may):
    second = LessonFactory(parent=world.foreign, title="Second", slug="second")
    people = {"owner": world.foreign.owner, "moderator": world.moderator, "author": world.author}
    url = reverse("wagtailadmin_pages:set_page_position", args=[second.pk])

    signed_in(people[who]).post(f"{url}?position=0")

    course = CoursePage.objects.get(pk=world.foreign.pk)
    assert (course.get_children().first().pk == second.pk) is may


def test_authors_do_not_put_the_catalogue_in_order(world):
    url = reverse("wagtailadmin_pages:set_page_position", args=[world.own.pk])
    before = list(catalogue_page().get_children())

    signed_in(world.author).post(url)

    assert list(catalogue_page().get_children()) == before


def test_a_page_that_somebody_was_given_to_decide_about_is_not_hidden(world):
    reviewers = Group.objects.create(name="Guests")
    reviewers.permissions.set(Group.objects.get(name="Moderators").permissions.all())
    guest = UserFactory()
    guest.groups.add(reviewers)
    edit = reverse("wagtailadmin_pages:edit", args=[world.lesson.pk])

    assert signed_in(guest).get(edit).status_code == 302

    world.lesson.current_workflow_task.groups.add(reviewers)

    assert signed_in(guest).get(edit).status_code == 200
