"""What changed in a course: one row for each publication that its readers should hear of, and no other."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from wagtail.actions.create_alias import CreatePageAliasAction
from wagtail.models import Page, Revision
from wagtail.test.utils.form_data import rich_text

from accounts.tests.factories import UserFactory
from courses.models import CourseChange, CoursePage, LessonPage
from courses.services import announcing
from courses.tests.factories import CourseFactory, LessonFactory, SectionFactory, catalogue_page
from courses.tests.test_editing import add_url, edit_url, lesson_form

pytestmark = pytest.mark.django_db
Kind = CourseChange.Kind
DAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def editor(client):
    user = UserFactory(superuser=True)
    client.force_login(user)
    return user


@pytest.fixture
def course():
    return published(CourseFactory(title="Gardening", draft=True))


@pytest.fixture
def lesson(course):
    """A lesson whose first publication is forgotten."""
    page = published(LessonFactory(parent=course, title="Sowing", slug="sowing", draft=True))
    CourseChange.objects.all().delete()
    return page


def published(page, **changes):
    """As an editor does: take the latest draft, change it, save it, publish it."""
    draft = page.get_latest_revision_as_object()
    for field, value in changes.items():
        setattr(draft, field, value)
    draft.save_revision().publish()
    return type(page).objects.get(pk=page.pk)


def rows():
    changes = CourseChange.objects.order_by("pk")
    return [(change.kind, change.title, change.note, change.is_minor) for change in changes]


# --- What is news ------------------------------------------------------------------------------------------
def test_the_first_publication_of_a_course_is_no_change_of_it(course):
    assert rows() == []


def test_a_lesson_is_added_once_and_changed_afterwards(course):
    lesson = published(LessonFactory(parent=course, title="Sowing", draft=True))
    published(lesson, introduction="Earlier than you think.")

    assert rows() == [(Kind.ADDED, "Sowing", "", False), (Kind.CHANGED, "Sowing", "", False)]


def test_a_change_says_who_published_it_and_when(client, editor, course):
    lesson = LessonFactory(parent=course, draft=True)
    lesson.save_revision(user=UserFactory())

    client.post(edit_url(lesson), {**lesson_form(), "action-publish": "1"})

    change, lesson = CourseChange.objects.get(), LessonPage.objects.get()
    assert (change.made_by, change.page_id, change.course) == (editor, lesson.pk, course)
    assert change.published_at == lesson.last_published_at


def test_what_the_clock_published_was_published_by_who_set_it(client, editor, course):
    lesson = LessonFactory(parent=course, draft=True)
    lesson.save_revision(user=UserFactory())
    form = lesson_form(go_live_at="2099-05-03 08:00", expire_at="")
    client.post(edit_url(lesson), {**form, "action-publish": "1"})

    revision = Revision.objects.get(approved_go_live_at__isnull=False)
    past = timezone.now() - timedelta(minutes=1)
    content = {**revision.content, "go_live_at": past.isoformat()}
    Revision.objects.filter(pk=revision.pk).update(approved_go_live_at=past, content=content)
    call_command("publish_scheduled")

    assert CourseChange.objects.get().made_by == editor


def test_of_what_code_published_nobody_is_named(course):
    lesson = LessonFactory(parent=course, draft=True)

    lesson.save_revision(user=UserFactory()).publish()

    assert CourseChange.objects.get().made_by is None


def test_the_course_itself_and_its_sections_change_too(course):
    section = published(SectionFactory(parent=course, title="Spring", draft=True))
    published(section, title="Early spring")
    published(course, description="<p>By the moon.</p>")

    assert rows() == [
        (Kind.ADDED, "Spring", "", False),
        (Kind.CHANGED, "Early spring", "", False),
        (Kind.CHANGED, "Gardening", "", False),
    ]


@pytest.mark.parametrize(
    "unread",
    [{}, {"slug": "seeds"}, {"search_description": "Seeds"}, {"expire_at": datetime(2099, 1, 1, tzinfo=UTC)}],
)
def test_what_is_published_again_as_it_was_is_no_news(lesson, unread):
    published(lesson, **unread)

    assert rows() == []


def test_a_note_makes_it_news_even_so(lesson):
    published(lesson, change_note="The worksheet has a second page.")

    assert rows() == [(Kind.CHANGED, "Sowing", "The worksheet has a second page.", False)]


def test_what_is_published_from_the_form_without_a_change_is_no_news(client, editor, course):
    form = {**lesson_form([("text", rich_text("<p>Dig.</p>"))]), "action-publish": "1"}
    client.post(add_url(LessonPage, course), form)
    lesson = LessonPage.objects.get()

    client.post(edit_url(lesson), form)

    assert [kind for kind, *_ in rows()] == [Kind.ADDED]

    client.post(edit_url(lesson), {**form, "introduction": "Earlier."})

    assert [kind for kind, *_ in rows()] == [Kind.ADDED, Kind.CHANGED]


def test_a_price_typed_in_another_way_is_the_same_price(course):
    published(course, price="49")

    assert rows() == []


def test_minor_changes_are_noted_and_told_nobody(course, lesson):
    published(lesson, introduction="Erlier.", change_note="A slip of the pen", is_minor_change=True)

    assert rows() == [(Kind.CHANGED, "Sowing", "A slip of the pen", True)]
    assert list(CourseChange.objects.of(course).notable()) == []


# --- What is none ------------------------------------------------------------------------------------------
def test_drafts_and_ten_autosaves_tell_nobody(client, editor, lesson):
    answer = client.post(
        edit_url(lesson), lesson_form(introduction="1"), headers={"Accept": "application/json"}
    )
    for number in range(9):
        form = lesson_form(introduction=f"Draft {number}")
        answer = client.post(
            edit_url(lesson),
            {**form, "overwrite_revision_id": answer.json()["revision_id"]},
            headers={"Accept": "application/json"},
        )
    assert answer.json()["success"] is True

    assert rows() == []

    client.post(edit_url(lesson), {**lesson_form(introduction="Done"), "action-publish": "1"})

    assert rows() == [(Kind.CHANGED, "Sowing", "", False)]


@pytest.mark.parametrize("hidden", ["course", "section"])
def test_nobody_hears_of_what_nobody_can_read(hidden):
    course = CourseFactory(live=hidden != "course")
    section = SectionFactory(parent=course, live=hidden != "section")

    published(LessonFactory(parent=section, draft=True))

    assert rows() == []


def test_unpublishing_tells_nobody_and_publishing_the_same_again_neither(lesson):
    lesson.unpublish()
    lesson.get_latest_revision().publish()

    assert rows() == []


# --- One publication, one row ------------------------------------------------------------------------------
def test_scheduling_tells_nobody_and_the_moment_itself_once(course):
    lesson = LessonFactory(parent=course, title="Sowing", draft=True)
    later = timezone.now() + timedelta(hours=1)
    lesson.go_live_at = later
    lesson.save_revision().publish()

    assert rows() == []

    past = timezone.now() - timedelta(minutes=1)
    revision = lesson.get_latest_revision()
    content = {**revision.content, "go_live_at": past.isoformat()}
    Revision.objects.filter(pk=revision.pk).update(approved_go_live_at=past, content=content)
    call_command("publish_scheduled")
    call_command("publish_scheduled")

    assert rows() == [(Kind.ADDED, "Sowing", "", False)]


def test_publishing_a_whole_tree_at_once_tells_each_page_once(client, editor, course):
    lessons = [LessonFactory(parent=course, title=title, draft=True) for title in ("One", "Two")]
    for lesson in lessons:
        lesson.save_revision()
    url = reverse("wagtail_bulk_action", args=["wagtailcore", "page", "publish"]) + f"?id={course.pk}"

    client.post(url, {"include_descendants": "on"})

    assert sorted(rows()) == [(Kind.ADDED, "One", "", False), (Kind.ADDED, "Two", "", False)]


def test_what_opens_together_with_its_course_is_no_news(client, editor):
    course = CourseFactory(title="Gardening", draft=True)
    course.save_revision()
    section = SectionFactory(parent=course, title="Spring", slug="spring", draft=True)
    section.save_revision()
    LessonFactory(parent=section, title="Sowing", slug="sowing", draft=True).save_revision()
    url = reverse("wagtail_bulk_action", args=["wagtailcore", "page", "publish"]) + f"?id={course.pk}"

    client.post(url, {"include_descendants": "on"})

    assert list(Page.objects.descendant_of(course).filter(live=True).values_list("slug", flat=True)) == [
        "spring",
        "sowing",
    ]
    assert rows() == []

    later = LessonFactory(parent=section, title="Weeding", slug="weeding", draft=True)
    later.save_revision()
    client.post(edit_url(later), {**lesson_form(title="Weeding", slug="weeding"), "action-publish": "1"})

    assert rows() == [(Kind.ADDED, "Weeding", "", False)]


def test_a_course_opens_once_and_what_comes_with_its_return_is_news(client, editor):
    course = published(CourseFactory(title="Gardening", draft=True))
    course.unpublish()
    LessonFactory(parent=course, title="Sowing", draft=True).save_revision()
    url = reverse("wagtail_bulk_action", args=["wagtailcore", "page", "publish"]) + f"?id={course.pk}"

    client.post(url, {"include_descendants": "on"})

    assert rows() == [(Kind.ADDED, "Sowing", "", False)]


def test_an_alias_tells_the_course_where_it_stands_once(lesson):
    other = CourseFactory(title="Balconies")
    CreatePageAliasAction(lesson, parent=other).execute(skip_permission_checks=True)

    published(lesson, introduction="Pots will do.", change_note="Now for pots")

    changes = CourseChange.objects.order_by("course__title")
    assert [(change.course.title, change.title, change.note) for change in changes] == [
        ("Balconies", "Sowing", "Now for pots"),
        ("Gardening", "Sowing", "Now for pots"),
    ]
    assert LessonPage.objects.child_of(other).get().change_note == ""


def test_a_copy_put_on_the_site_at_once_is_added(course, lesson):
    lesson.copy(update_attrs={"title": "Sowing again", "slug": "again"}, keep_live=True)

    assert rows() == [(Kind.ADDED, "Sowing again", "", False)]


def test_a_copy_says_nothing_of_the_change_of_its_original(lesson):
    draft = lesson.get_latest_revision_as_object()
    draft.change_note, draft.is_minor_change = "Not yet said", True
    draft.save_revision()

    copy = lesson.copy(update_attrs={"slug": "again"}, keep_live=False)

    found = LessonPage.objects.get(pk=copy.pk).get_latest_revision_as_object()
    assert (found.change_note, found.is_minor_change) == ("", False)


def test_a_publication_is_told_once_however_often_it_is_recorded(lesson):
    lesson = published(lesson, introduction="Later.", change_note="Mind the frost")
    revision = lesson.live_revision

    lesson.change_note = "Mind the frost"
    announcing.record(page=lesson, revision=revision, by=None, at=lesson.last_published_at)

    assert rows() == [(Kind.CHANGED, "Sowing", "Mind the frost", False)]


def test_the_database_knows_a_publication_by_its_moment(course, lesson):
    row = {"course": course, "page": Page.objects.get(pk=lesson.pk), "published_at": DAY}
    CourseChange.objects.create(title="Sowing", kind=Kind.CHANGED, **row)

    with pytest.raises(IntegrityError), transaction.atomic():
        CourseChange.objects.create(title="Sowing", kind=Kind.CHANGED, **row)


# --- A note is said once -----------------------------------------------------------------------------------
def test_a_note_and_a_tick_belong_to_one_publication(lesson):
    lesson = published(lesson, introduction="One.", change_note="First", is_minor_change=True)
    published(lesson, introduction="Two.")

    assert rows() == [(Kind.CHANGED, "Sowing", "First", True), (Kind.CHANGED, "Sowing", "", False)]


def test_the_form_starts_empty_after_the_publication(client, editor, lesson):
    form = lesson_form(introduction="One.", change_note="Mind the frost", is_minor_change="on")
    client.post(edit_url(lesson), {**form, "action-publish": "1"})

    fields = client.get(edit_url(lesson)).context["form"].initial

    assert (fields["change_note"], fields["is_minor_change"]) == ("", False)


def test_a_note_waits_with_its_draft_until_that_is_published(client, editor, lesson):
    client.post(edit_url(lesson), lesson_form(change_note="Mind the frost"))

    assert rows() == []
    assert client.get(edit_url(lesson)).context["form"].initial["change_note"] == "Mind the frost"


def test_a_draft_begun_before_the_publication_does_not_say_it_again(lesson):
    draft = lesson.get_latest_revision_as_object()
    draft.introduction, draft.change_note = "One.", "Mind the frost"
    approved = draft.save_revision()
    draft.introduction = "Two."
    later = draft.save_revision()

    approved.publish()
    Revision.objects.get(pk=later.pk).publish()

    assert [note for _kind, _title, note, _minor in rows()] == ["Mind the frost", ""]


def test_an_author_is_asked_what_changed_only_of_what_was_published(client, editor, course, lesson):
    new = LessonFactory(parent=course, slug="new", draft=True)

    assert 'name="change_note"' in client.get(edit_url(lesson)).content.decode()
    assert 'name="change_note"' not in client.get(edit_url(new)).content.decode()
    assert 'name="change_note"' not in client.get(add_url(CoursePage, catalogue_page())).content.decode()


# --- On the course page ------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [1, 3])
def test_the_last_changes_cost_one_query(course, count, django_assert_num_queries):
    for number in range(count):
        published(LessonFactory(parent=course, title=f"Lesson {number}", draft=True))

    with django_assert_num_queries(1):
        lines = announcing.latest(course=course, url_of=lambda page: page.url_path)

    assert [line.title for line in lines] == [f"Lesson {number}" for number in reversed(range(count))]


def test_the_course_page_is_told_what_is_notable_and_can_be_read(course):
    def added(title, **fields):
        return published(LessonFactory(parent=course, title=title, draft=True), **fields)

    added("Minor", is_minor_change=True)
    added("Gone").unpublish()
    kept = added("Kept", change_note="Here it is")

    [line] = announcing.latest(course=course, url_of=lambda page: page.slug)

    assert (line.title, line.note, line.kind, line.page_url) == ("Kept", "Here it is", Kind.ADDED, "kept")
    assert line.published_at == kept.last_published_at
