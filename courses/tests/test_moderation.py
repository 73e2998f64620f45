"""Two steps: an author asks, a moderator decides, and each hears of the other by one letter."""

from importlib import import_module

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.urls import reverse
from django.utils import timezone
from wagtail.models import Page, TaskState, Workflow, WorkflowPage, WorkflowState
from wagtail.users.models import UserProfile

from accounts.models import Message
from accounts.services import notifying
from accounts.tests.crowd import all_at_once
from accounts.tests.factories import UserFactory
from courses.models import CourseChange, LessonPage, ModerationTask
from courses.tests.crew import client_of
from courses.tests.factories import CourseFactory, LessonFactory, catalogue_page
from courses.tests.test_editing import edit_url, lesson_form

pytestmark = pytest.mark.django_db
moderation = import_module("portal.home.migrations.0003_have_courses_moderated")


def person(group, **fields):
    user = UserFactory(**fields)
    user.groups.add(Group.objects.get(name=group))
    return user


@pytest.fixture
def author():
    return person("Authors", email="author@example.com", first_name="Ada", last_name="Byron")


@pytest.fixture
def moderator():
    return person("Moderators", email="moderator@example.com", first_name="Max", last_name="")


@pytest.fixture
def course(author):
    return CourseFactory(title="Gardening", owner=author)


@pytest.fixture
def lesson(author, course):
    page = LessonFactory(parent=course, title="Sowing", slug="sowing", owner=author, draft=True)
    page.save_revision(user=author)
    return page


def submit(client, page, by, **fields):
    client.force_login(by)
    return client.post(edit_url(page), {**lesson_form(**fields), "action-submit": "1"})


def waiting():
    return TaskState.objects.get(status=TaskState.STATUS_IN_PROGRESS)


def decide(client, page, action, by, comment=""):
    client.force_login(by)
    url = reverse("wagtailadmin_pages:workflow_action", args=[page.pk, action, waiting().pk])
    return client.post(url, {"comment": comment})


def letters():
    """Send what waits; who got which letter."""
    mail.outbox.clear()
    notifying.send_due(at=timezone.now())
    return [(each.to[0], each.subject) for each in mail.outbox]


# --- Both ways ---------------------------------------------------------------------------------------------
def test_a_lesson_is_submitted_and_approved(client, author, moderator, lesson):
    submit(client, lesson, author)

    assert letters() == [("moderator@example.com", "Waits for your review: Sowing")]
    assert f"/cms/pages/{lesson.pk}/edit/" in mail.outbox[0].body
    assert "Ada Byron has sent “Sowing” for review." in mail.outbox[0].body

    decide(client, lesson, "approve", moderator, "Well said.")

    lesson = LessonPage.objects.get()
    assert lesson.live
    assert letters() == [("author@example.com", "Approved: Sowing")]
    for text in (mail.outbox[0].body, mail.outbox[0].alternatives[0].content):
        assert "Max writes:" in text
        assert "Well said." in text
        assert lesson.full_url in text


def test_a_lesson_is_sent_back_with_a_comment_and_comes_again(client, author, moderator, lesson):
    submit(client, lesson, author)
    letters()

    decide(client, lesson, "reject", moderator, "Which <month>?")

    assert not LessonPage.objects.get().live
    assert letters() == [("author@example.com", "Changes are wanted: Sowing")]
    assert "Which <month>?" in mail.outbox[0].body
    assert "Which &lt;month&gt;?" in mail.outbox[0].alternatives[0].content

    submit(client, lesson, author, introduction="In March.")

    assert letters() == [("moderator@example.com", "Waits for your review: Sowing")]
    decide(client, lesson, "approve", moderator)
    assert LessonPage.objects.get().introduction == "In March."
    assert letters() == [("author@example.com", "Approved: Sowing")]


def test_a_letter_speaks_the_language_of_its_reader(client, author, moderator, lesson):
    moderator.language = "ru"
    moderator.save()
    submit(client, lesson, author)
    letters()

    [letter] = mail.outbox

    assert '<html lang="ru">' in letter.alternatives[0].content


def test_an_author_cannot_write_while_a_moderator_reads(client, author, moderator, lesson):
    submit(client, lesson, author)

    client.post(edit_url(lesson), lesson_form(introduction="Wait!"))

    assert lesson.get_latest_revision_as_object().introduction != "Wait!"


def test_what_is_approved_before_its_moment_says_when_it_comes(client, author, moderator, lesson):
    submit(client, lesson, author, go_live_at="2099-05-03 08:00", expire_at="")
    letters()

    decide(client, lesson, "approve", moderator)

    assert letters() == [("author@example.com", "Approved: Sowing")]
    assert "It will be on the site from 3 May 2099" in mail.outbox[0].body


@pytest.mark.parametrize("door", ["form", "bulk action", "API"])
def test_who_is_published_instead_of_approved_hears_of_it_once(client, author, moderator, lesson, door):
    submit(client, lesson, author)
    letters()
    client.force_login(moderator)
    if door == "form":
        client.post(edit_url(lesson), {**lesson_form(introduction="Put right."), "action-publish": "1"})
    elif door == "bulk action":
        client.post(
            reverse("wagtail_bulk_action", args=["wagtailcore", "page", "publish"]) + f"?id={lesson.pk}"
        )
    else:
        client_of(moderator).patch(f"/api/v1/lessons/{lesson.pk}/", {"live": True}, format="json")

    assert LessonPage.objects.get().live
    assert WorkflowState.objects.get().status == WorkflowState.STATUS_CANCELLED
    assert letters() == [("author@example.com", "Approved: Sowing")]
    assert LessonPage.objects.get().full_url in mail.outbox[0].body


def test_what_was_sent_back_and_then_put_right_by_a_moderator_is_told_too(client, author, moderator, lesson):
    submit(client, lesson, author)
    decide(client, lesson, "reject", moderator, "Which month?")
    letters()

    client.post(edit_url(lesson), {**lesson_form(introduction="In March."), "action-publish": "1"})

    assert letters() == [("author@example.com", "Approved: Sowing")]
    assert "Which month?" not in mail.outbox[0].body


def test_what_a_moderator_schedules_instead_of_approving_says_when_it_comes(
    client, author, moderator, lesson
):
    submit(client, lesson, author)
    letters()
    client.force_login(moderator)
    form = lesson_form(go_live_at="2099-05-03 08:00", expire_at="")

    client.post(edit_url(lesson), {**form, "action-publish": "1"})

    assert letters() == [("author@example.com", "Approved: Sowing")]
    assert "It will be on the site from 3 May 2099" in mail.outbox[0].body


def test_a_moderation_that_is_called_off_is_no_approval(client, author, moderator, lesson):
    lesson.get_latest_revision().publish()
    submit(client, lesson, author, introduction="Anew.")
    letters()

    client.force_login(moderator)
    client.post(edit_url(lesson), {**lesson_form(), "action-cancel-workflow": "1"})

    assert WorkflowState.objects.get().status == WorkflowState.STATUS_CANCELLED
    assert letters() == []


def test_a_hostile_comment_is_words_in_the_letter_and_no_header(client, author, moderator, lesson):
    draft = lesson.get_latest_revision_as_object()
    draft.title = "Sowing\r\nBcc: all@evil.example.com"
    draft.save_revision(user=author, clean=False)
    state = lesson.get_workflow().start(lesson, author)
    comment = (
        "Fine.\r\nBcc: all@evil.example.com\r\n\r\n<script>alert(1)</script><a href='//evil.example'>x</a>"
    )

    state.current_task_state.task.specific.on_action(
        state.current_task_state, moderator, "reject", comment=comment
    )

    letters()
    for letter in mail.outbox:
        assert letter.recipients() in ([author.email], [moderator.email])
        assert set(letter.message().keys()) & {"Bcc", "Cc"} == set()
        assert "\n" not in letter.subject
        assert "<script>" not in letter.alternatives[0].content
        assert "<a href='//evil" not in letter.alternatives[0].content
    assert "<script>alert(1)</script>" in mail.outbox[-1].body


# --- To whom not -------------------------------------------------------------------------------------------
def test_who_may_not_decide_or_cannot_read_is_not_told(client, author, lesson):
    person("Moderators", is_active=False)
    person("Librarians")
    UserFactory()
    told = person("Moderators", email="told@example.com")

    submit(client, lesson, author)

    assert [message.recipient for message in Message.objects.all()] == [told]


def test_who_is_blocked_meanwhile_gets_no_letter(client, author, moderator, lesson):
    submit(client, lesson, author)
    moderator.is_active = False
    moderator.save()

    assert letters() == []


def test_moderators_are_not_told_of_what_they_sent_themselves(client, moderator, lesson):
    submit(client, lesson, moderator)

    assert letters() == []

    decide(client, lesson, "approve", moderator)

    assert letters() == []


def test_superusers_are_told_when_there_is_no_moderator(client, author, lesson):
    UserFactory(superuser=True, email="root@example.com")

    submit(client, lesson, author)

    assert letters() == [("root@example.com", "Waits for your review: Sowing")]


def test_nobody_is_asked_to_decide_what_is_decided(client, author, moderator, lesson):
    late = person("Moderators")
    submit(client, lesson, author)
    decide(client, lesson, "approve", moderator)

    assert letters() == [("author@example.com", "Approved: Sowing")]
    assert set(Message.objects.to(late).values_list("status", flat=True)) == {Message.Status.DROPPED}


def test_who_unticked_these_letters_in_the_cms_gets_none(client, author, moderator, lesson):
    for user in (author, moderator):
        UserProfile.objects.create(user=user, submitted_notifications=False, approved_notifications=False)
    submit(client, lesson, author)
    decide(client, lesson, "approve", moderator)

    assert letters() == []


def test_wagtail_sends_no_letters_of_its_own(client, author, moderator, lesson):
    UserFactory(superuser=True)

    submit(client, lesson, author)
    decide(client, lesson, "approve", moderator)

    assert mail.outbox == []


# --- One decision ------------------------------------------------------------------------------------------
def test_an_approval_is_one_change_of_the_course(client, author, moderator, lesson):
    submit(client, lesson, author)
    decide(client, lesson, "approve", moderator)

    assert [(change.title, change.kind) for change in CourseChange.objects.all()] == [("Sowing", "ADDED")]


def test_what_was_decided_meanwhile_is_not_decided_again(client, author, moderator, lesson):
    submit(client, lesson, author)
    first, second = waiting(), waiting()
    task = first.task.specific
    task.on_action(first, moderator, "approve")

    with pytest.raises(PermissionDenied):
        task.on_action(second, moderator, "reject")

    assert WorkflowState.objects.get().status == WorkflowState.STATUS_APPROVED


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_many_approving_at_once_one_does(client, author, moderator, lesson):
    submit(client, lesson, author)
    state = waiting().pk

    def approve():
        found = TaskState.objects.select_related("workflow_state").get(pk=state)
        found.task.specific.on_action(found, moderator, "approve")

    answers = all_at_once(approve, count=8)

    assert sorted(type(answer).__name__ for answer in answers) == ["NoneType"] + ["PermissionDenied"] * 7
    assert CourseChange.objects.count() == 1
    assert Message.objects.to(author).count() == 1


# --- Shipped -----------------------------------------------------------------------------------------------
class Editor:
    """The part of a schema editor that the migration uses."""

    connection = connection


@pytest.fixture(scope="module")
def apps():
    return MigrationLoader(None).project_state([("home", "0003_have_courses_moderated")]).apps


def hung():
    return list(WorkflowPage.objects.order_by("page__path").values_list("page__slug", "workflow__name"))


def test_migrate_has_hung_the_workflow_on_the_catalogue():
    assert hung() == [("courses", "Moderation of courses")]
    [task] = ModerationTask.objects.all()
    assert [group.name for group in task.groups.all()] == ["Moderators"]
    assert CourseFactory().get_workflow().name == "Moderation of courses"
    assert not Page.objects.get(depth=2).has_workflow


def test_migrating_twice_makes_nothing_twice(apps):
    moderation.begin(apps, Editor)

    assert hung() == [("courses", "Moderation of courses")]
    assert ModerationTask.objects.count() == 1


def test_a_workflow_that_somebody_chose_stays(apps):
    WorkflowPage.objects.update(workflow=Workflow.objects.create(name="Four eyes"))

    moderation.begin(apps, Editor)

    assert hung() == [("courses", "Four eyes")]


def test_wagtail_s_own_workflow_stays_on_the_root_where_it_was_used(apps, author):
    stock = Workflow.objects.get(name="Moderators approval")
    root = Page.objects.get(depth=1)
    WorkflowPage.objects.create(page=root, workflow=stock)
    home = Page.objects.get(depth=2).specific
    home.save_revision()
    stock.start(home, author)

    moderation.begin(apps, Editor)

    assert hung() == [("root", "Moderators approval"), ("courses", "Moderation of courses")]


def test_migrating_back_and_forth_ends_where_it_began(apps):
    moderation.end(apps, Editor)

    assert not catalogue_page().has_workflow
    assert not ModerationTask.objects.exists()

    moderation.begin(apps, Editor)

    assert hung() == [("courses", "Moderation of courses")]
