"""Writing courses and lessons outside the CMS, by the CMS's own actions.

Afterwards the CMS shows exactly what an editor had done: revisions, drafts, moderation, history, addresses.
Who owns a page may write it here without any role; who moderates may write every page and add, delete and
move none. What such a writer publishes goes to moderation, unless their role may publish.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from anyascii import anyascii
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import models, transaction
from django.db.models import Exists, OuterRef, ProtectedError, Q
from django.db.models.fields.files import FieldFile
from django.utils.text import Truncator, slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.actions.delete_page import DeletePageAction
from wagtail.actions.edit_page import EditPageAction
from wagtail.actions.move_page import MovePageAction
from wagtail.actions.unpublish_page import UnpublishPageAction
from wagtail.coreutils import find_available_slug
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.log_actions import LogContext
from wagtail.models import CollectionMember, Page, PageSubscription, Revision, WorkflowState
from wagtail.permissions import policy_registry
from wagtail.rich_text import get_text_for_indexing

from courses import permissions
from courses.models import CourseIndexPage, CoursePage, CourseSectionPage, CourseTopic, Enrolment, LessonPage
from courses.models.pages import CoursePageQuerySet
from courses.models.tree import STEP, ancestor_path, edited_paths
from courses.services import pictures
from portal.content.links import outside_links

LONGEST_SLUG = 100
LONGEST_INTRODUCTION = 500
MODERATORS_CREATE_NOTHING = gettext_lazy("Moderators edit courses and lessons; they create and move none.")
NOT_YOURS = gettext_lazy("It belongs to somebody else; you can read it only.")
SET_BY_THE_TREE = {"path", "depth", "url_path", "content_type"}
#: "Leave it where it stands", where None says "outside sections".
STAY: Any = object()

# What a writer sets, by the names of the model; read from the latest draft.
COURSE_FIELDS = (
    "title",
    "introduction",
    "description",
    "objectives",
    "preview",
    "topic",
    "level",
    "language",
    "price",
    "currency",
    "is_sequential",
    "change_note",
    "is_minor_change",
)
LESSON_FIELDS = (
    "title",
    "introduction",
    "preview",
    "video_url",
    "duration_minutes",
    "body",
    "is_preview",
    "price",
    "change_note",
    "is_minor_change",
)


class Refused(Exception):
    """A writer's wish that is not fulfilled; the message says why, in words for people."""


class Forbidden(Refused):
    """The page may be seen, and this may not be done to it."""


class Conflict(Refused):
    """It could be done, but not in the state in which the page is now."""


class ChangedMeanwhile(Refused):
    """The page is not what the writer has seen of it."""


# --- Reading ---
def courses_seen_by(user: Any) -> CoursePageQuerySet:
    """Courses that user writes, published or not: their own; all of them for moderators."""
    courses = CoursePage.objects.all()
    if user.is_superuser:
        return courses
    return courses.filter(_edited_by(user) | Q(owner=user.pk))


def lessons_seen_by(user: Any) -> models.QuerySet[LessonPage]:
    """Lessons that user writes, and those that others wrote in their courses."""
    lessons = LessonPage.objects.all()
    if user.is_superuser:
        return lessons
    above = [ancestor_path(OuterRef("path"), 1), ancestor_path(OuterRef("path"), 2)]
    in_own_course = Exists(CoursePage.objects.order_by().filter(owner=user.pk, path__in=above))
    return lessons.filter(_edited_by(user) | Q(owner=user.pk) | in_own_course)


def _edited_by(user: Any) -> Q:
    found = Q(pk__in=[])
    for path in edited_paths(user):
        found |= Q(path__startswith=path)
    return found


def manuscripts_of_courses(courses: Sequence[CoursePage]) -> Sequence[CoursePage]:
    """The courses as their writers see them: the latest draft, with `lessons`, a list in the order of study.

    The objects are for reading only. Asks the same number of queries for any number of courses.
    """
    by_path: dict[str, list[LessonPage]] = defaultdict(list)
    lessons = list(LessonPage.objects.of_any(courses)) if courses else []
    length = len(courses[0].path) if courses else 0
    for lesson in lessons:
        by_path[lesson.path[:length]].append(lesson)
    for course in courses:
        course.lessons = by_path[course.path]
        for lesson in course.lessons:
            lesson.course = course
    _read_latest([*courses, *lessons])
    return courses


def manuscripts_of_lessons(lessons: Sequence[LessonPage]) -> Sequence[LessonPage]:
    """The lessons as their writers see them: the latest draft, with `course` and `section_id`."""
    paths = {lesson.path[: -STEP * steps] for lesson in lessons for steps in (1, 2)}
    courses = list(CoursePage.objects.filter(path__in=paths))
    by_path = {course.path: course for course in courses}
    for lesson in lessons:
        lesson.course = by_path.get(lesson.path[:-STEP]) or by_path[lesson.path[: -2 * STEP]]
    _read_latest([*courses, *lessons])
    return lessons


def _read_latest(pages: Sequence[Any]) -> None:
    drafts = Revision.objects.in_bulk([page.latest_revision_id for page in pages if _has_draft(page)])
    for page in pages:
        if page.latest_revision_id in drafts:
            _lay_over(page, drafts[page.latest_revision_id].content)

    images = get_image_model().objects.prefetch_related("renditions")
    found_images = images.in_bulk({page.preview_id for page in pages} - {None})
    topics = CourseTopic.objects.in_bulk({getattr(page, "topic_id", None) for page in pages} - {None})
    states = WorkflowState.objects.active().filter(
        base_content_type=ContentType.objects.get_for_model(Page),
        object_id__in=[str(page.pk) for page in pages],
    )
    statuses = {state.object_id: state.status for state in states}
    lessons = [page for page in pages if isinstance(page, LessonPage)]
    sections = CourseSectionPage.objects.filter(path__in={lesson.path[:-STEP] for lesson in lessons})
    section_ids = dict(sections.values_list("path", "pk")) if lessons else {}
    for page in pages:
        # What a draft names may have been deleted since.
        page.preview = found_images.get(page.preview_id)
        page.workflow_status = statuses.get(str(page.pk))
        if isinstance(page, LessonPage):
            page.section_id = section_ids.get(page.path[:-STEP])
        else:
            page.topic = topics.get(page.topic_id)


def _has_draft(page: Page) -> bool:
    return page.has_unpublished_changes and page.latest_revision_id is not None


def _lay_over(page: Any, content: Mapping[str, Any]) -> None:
    """Put a revision's values into a page; Wagtail's own way asks several queries for each."""
    for name in COURSE_FIELDS if isinstance(page, CoursePage) else LESSON_FIELDS:
        if name not in content:
            continue
        field = page._meta.get_field(name)
        setattr(page, field.attname, content[name] if field.is_relation else field.to_python(content[name]))


# --- Who may ---
def may_create_courses(user: Any) -> bool:
    """Everybody may begin a course of their own, except those whose role is to look after others' courses."""
    catalogue = CourseIndexPage.objects.first()
    return catalogue is None or not _only_moderates(user, catalogue)


def may_add_to(user: Any, course: CoursePage) -> bool:
    if course.permissions_for_user(user).can_add_subpage():
        return True
    return course.owner_id == user.pk and not _only_moderates(user, course)


def may_edit(user: Any, page: Page) -> bool:
    return page.owner_id == user.pk or page.permissions_for_user(user).can_edit()


def may_delete(user: Any, page: Page) -> bool:
    """One's own, published or not, as long as nobody else has written below it."""
    if page.permissions_for_user(user).can_delete():
        return True
    if page.owner_id != user.pk or _only_moderates(user, page):
        return False
    return not page.get_descendants().exclude(owner=user.pk).exists()


def _only_moderates(user: Any, page: Page) -> bool:
    if user.is_superuser:
        return False
    rights = page.permissions_for_user(user).permissions
    return "change" in rights and "add" not in rights


# --- Creating ---
def create_course(*, by: Any, content: Mapping[str, Any], live: bool = False) -> int:
    """Write a new course; its id. live publishes it, or submits it where by may not publish.

    content is by the names of `COURSE_FIELDS`; `preview` may be a file that `pictures.draw_anew` made. Raises
    Forbidden, Conflict and ValidationError.
    """
    catalogue = CourseIndexPage.objects.first()
    if catalogue is None:
        raise Conflict(_("There is no catalogue that the course could stand in."))
    if not may_create_courses(by):
        raise Forbidden(str(MODERATORS_CREATE_NOTHING))
    return _create(CoursePage(), parent=catalogue, by=by, content=content, live=live)


def create_lesson(
    *,
    by: Any,
    course_id: int,
    content: Mapping[str, Any],
    section_id: int | None = None,
    live: bool = False,
) -> int:
    """Write a new lesson at the end of a course or of one of its sections; its id. As `create_course`."""
    parent = _place(by=by, course_id=course_id, section_id=section_id)
    return _create(LessonPage(), parent=parent, by=by, content=content, live=live)


def _create(page: Any, *, parent: Page, by: Any, content: Mapping[str, Any], live: bool) -> int:
    with _writing(by) as uploads:
        # One writer at a time below a page: else two would take the same place or the same address.
        parent = Page.objects.select_for_update().get(pk=parent.pk).specific
        page.owner = by
        page.live = False
        page.locale = parent.locale
        _fill(page, content, by=by, uploads=uploads)
        _refuse_foreign_material(page, known=set(), by=by)
        page.slug = _free_slug(parent, page)
        # Wagtail looks here for the parent of a page that has no place yet.
        page._cached_parent_obj = parent
        page.full_clean(exclude=SET_BY_THE_TREE)
        parent.add_child(instance=page)
        PageSubscription.objects.create(page=page, user=by, comment_notifications=True)
        revision = page.save_revision(user=by, log_action=True, clean=False)
        if live and page.permissions_for_user(by).can_publish():
            revision.publish(user=by, skip_permission_checks=True)
        elif live:
            _submit(page, by=by)
    return page.pk


def _place(*, by: Any, course_id: int, section_id: int | None) -> Page:
    """The page below which a lesson is to stand. What by cannot see is a ValidationError, else Forbidden."""
    course = courses_seen_by(by).filter(id=course_id).first()
    if course is None:
        if CoursePage.objects.live().filter(id=course_id).exists():
            raise Forbidden(_("You can add lessons to your own courses only."))
        raise ValidationError({"course": _("There is no such course.")})
    if not may_add_to(by, course):
        raise Forbidden(str(MODERATORS_CREATE_NOTHING))
    if section_id is None:
        return course
    section = CourseSectionPage.objects.child_of(course).filter(id=section_id).first()
    if section is None:
        raise ValidationError({"section": _("There is no such section in this course.")})
    return section


# --- Changing ---
def change(
    page_id: int,
    *,
    by: Any,
    content: Mapping[str, Any],
    live: bool | None = None,
    course_id: int | None = None,
    section_id: Any = STAY,
    is_current: Callable[[], bool] = lambda: True,
) -> None:
    """Write a new draft of a course or lesson, if anything is new in it.

    live true publishes the draft, or submits it where by may not publish; live false takes the page down;
    None leaves that as it is. is_current is asked with the page locked: does it look as by has seen it?
    Raises Forbidden, Conflict, ChangedMeanwhile and ValidationError; Page.DoesNotExist when it is gone.
    """
    with _writing(by) as uploads:
        page = _locked(page_id)
        if not is_current():
            raise ChangedMeanwhile(_("It has been changed since you read it. Read it again, and repeat."))
        if not may_edit(by, page):
            raise Forbidden(str(NOT_YOURS))
        _refuse_locked(page, by=by)
        if live is False and page.live and not page.permissions_for_user(by).can_unpublish():
            raise Forbidden(_("Only moderators take a published page down. Ask one of them."))
        former_slug = page.slug
        if isinstance(page, LessonPage):
            page = _move(page, by=by, course_id=course_id, section_id=section_id)

        draft = page.get_latest_revision_as_object()
        before, known = draft.serializable_data(), set(_material(draft))
        if page.slug != former_slug:
            draft.slug = page.slug
        _fill(draft, content, by=by, uploads=uploads)
        is_new = draft.serializable_data() != before
        if is_new:
            _refuse_foreign_material(draft, known=known, by=by)

        is_to_appear = live is True and (is_new or page.has_unpublished_changes or not page.live)
        may_publish = page.permissions_for_user(by).can_publish()
        if is_new or is_to_appear:
            edit = EditPageAction(draft, user=by, publish=is_to_appear and may_publish, clean=True)
            edit.execute(skip_permission_checks=True)
        if is_to_appear and not may_publish:
            _submit(Page.objects.get(pk=page_id).specific, by=by)
        if live is False and page.live:
            unpublish = UnpublishPageAction(Page.objects.get(pk=page_id).specific, user=by)
            unpublish.execute(skip_permission_checks=True)


def _locked(page_id: int) -> Any:
    """The page, with its row held until the transaction ends."""
    return Page.objects.select_for_update().get(pk=page_id).specific


def _refuse_locked(page: Any, *, by: Any) -> None:
    if page.alias_of_id is not None:
        raise Conflict(_("It is an alias of another page. Change that one."))
    lock = page.get_lock()
    if lock is None or not lock.for_user(by):
        return
    if page.workflow_in_progress:
        raise Conflict(_("It awaits moderation, and cannot be changed until a moderator has decided."))
    if page.approved_schedule:
        raise Conflict(_("It is scheduled to be published, and cannot be changed until then."))
    raise Conflict(_("Somebody has locked it in the CMS."))


def _submit(page: Any, *, by: Any) -> None:
    """Hand a page to the moderators, as the CMS does."""
    state = page.current_workflow_state
    if state is not None and state.status == WorkflowState.STATUS_NEEDS_CHANGES:
        state.resume(by)
        return
    workflow = page.get_workflow()
    if workflow is None:
        raise Forbidden(_("You may not publish, and there is no moderation that you could submit it to."))
    workflow.start(page, by)


def _move(lesson: Any, *, by: Any, course_id: int | None, section_id: Any) -> Any:
    """Put a lesson at the end of another course or section, if that is asked for."""
    here = lesson.get_parent()
    course = lesson.course
    goes_elsewhere = course_id is not None and course_id != course.pk
    if section_id is STAY:
        section_id = None if goes_elsewhere or here.pk == course.pk else here.pk
    if not goes_elsewhere and section_id == (None if here.pk == course.pk else here.pk):
        return lesson

    target = _place(by=by, course_id=course.pk if course_id is None else course_id, section_id=section_id)
    if not may_add_to(by, course):
        raise Forbidden(str(MODERATORS_CREATE_NOTHING))
    if lesson.live and not target.permissions_for_user(by).can_publish():
        raise Forbidden(_("Who may not publish moves drafts only. Ask a moderator to take it down first."))
    if goes_elsewhere and Enrolment.objects.below(lesson).exists():
        raise Conflict(_("People have got this lesson by itself; it stays in its course."))
    slug = find_available_slug(target, lesson.slug)
    if slug != lesson.slug:
        lesson.slug = slug
        lesson.save(clean=False)
    MovePageAction(lesson, target, pos="last-child", user=by).execute(skip_permission_checks=True)
    return LessonPage.objects.get(pk=lesson.pk)


# --- Deleting ---
def delete(page_id: int, *, by: Any, is_current: Callable[[], bool] = lambda: True) -> None:
    """Delete a course with its lessons, or one lesson. Raises as `change` does."""
    with _writing(by):
        page = _locked(page_id)
        if not is_current():
            raise ChangedMeanwhile(_("It has been changed since you read it. Read it again, and repeat."))
        if not may_delete(by, page):
            raise Forbidden(_("Only its owner may delete it, and only if all of it is theirs."))
        if refusal := refusal_to_delete(page):
            raise Conflict(refusal)
        try:
            with transaction.atomic():
                DeletePageAction(page, user=by).execute(skip_permission_checks=True)
        except ProtectedError:  # somebody has enrolled at this moment
            raise Conflict(refusal_to_delete(page)) from None


def refusal_to_delete(page: Page) -> str:
    """Why what people study is not deleted, in words; "" when nobody is or was enrolled at or below page."""
    members = Enrolment.objects.below(page).values("member").distinct().count()
    if not members:
        return ""
    words = ngettext(
        "“%(page)s” cannot be deleted: %(count)d person is or was enrolled. Unpublish it instead.",
        "“%(page)s” cannot be deleted: %(count)d people are or were enrolled. Unpublish it instead.",
        members,
    )
    return words % {"page": page.get_admin_display_title(), "count": members}


# --- Content ---
@contextmanager
def _writing(by: Any) -> Iterator[list[FieldFile]]:
    """All or nothing: files that were uploaded go when the transaction does."""
    uploads: list[FieldFile] = []
    try:
        with transaction.atomic(durable=True), LogContext(user=by):
            yield uploads
    except BaseException:
        for upload in uploads:
            upload.storage.delete(str(upload.name))
        raise


def _fill(page: Any, content: Mapping[str, Any], *, by: Any, uploads: list[FieldFile]) -> None:
    former_picture = page.preview_id
    for name, value in content.items():
        if name == "preview":
            value = _picture(value, page=page, former=former_picture, content=content, by=by, uploads=uploads)
        setattr(page, name, value)
    if isinstance(page, CoursePage) and not page.introduction:
        words = " ".join(get_text_for_indexing(page.description).split())
        # A link is refused where it was written, and not here as well.
        told = page.title if not words or outside_links(words) else words
        page.introduction = Truncator(told).chars(LONGEST_INTRODUCTION)


def _picture(
    value: Any,
    *,
    page: Any,
    former: int | None,
    content: Mapping[str, Any],
    by: Any,
    uploads: list[FieldFile],
) -> Any:
    """The picture that is meant: none, one of the library by its id, or a file to put there."""
    if isinstance(value, File):
        image = pictures.keep(drawn=value, title=content.get("title") or page.title, by=by)
        uploads.append(image.file)
        return image
    if value is None:
        return None
    image = get_image_model().objects.filter(id=value).first()
    if image is None or (value != former and not _may_choose(by, image)):
        raise ValidationError({"preview": _("There is no such picture.")})
    return image


def _free_slug(parent: Page, page: Any) -> str:
    base = slugify(anyascii(page.title))[:LONGEST_SLUG].strip("-") or page._meta.verbose_name_raw
    return find_available_slug(parent, base)


def _material(page: Any) -> Iterable[tuple[type[models.Model], str]]:
    """The pictures, documents and pages that a page's texts name, by model and id."""
    for name in page.material_fields:
        field = page._meta.get_field(name)
        if hasattr(field, "extract_references"):
            for model, object_id, *_where in field.extract_references(getattr(page, name)):
                yield model, str(object_id)


def _refuse_foreign_material(page: Any, *, known: set[tuple[Any, str]], by: Any) -> None:
    """Raise ValidationError for pictures, documents and pages that by could not have chosen.

    A document may be fetched by those who may open a page that names it: naming one must not open it.
    """
    refused: dict[str, list[str]] = defaultdict(list)
    for name in page.material_fields:
        field = page._meta.get_field(name)
        if not hasattr(field, "extract_references"):
            continue
        for model, object_id, *_where in field.extract_references(getattr(page, name)):
            if (model, str(object_id)) in known:
                continue
            found = model._default_manager.filter(pk=object_id).first()
            if found is None or not _may_choose(by, found):
                words = _("There is no %(kind)s %(id)s that you could choose.")
                refused[name].append(words % {"kind": model._meta.verbose_name, "id": object_id})
    if refused:
        raise ValidationError(refused)


def _may_choose(user: Any, material: Any) -> bool:
    if isinstance(material, Page):
        seen = policy_registry.get_by_type(Page).explorable_instances(user)
        return material.live or material.owner_id == user.pk or seen.filter(pk=material.pk).exists()
    if not isinstance(material, CollectionMember):
        return True  # what everybody sees, such as a book of the library
    if material.uploaded_by_user_id == user.pk:
        return True
    policy = policy_registry.get_by_type(type(material))
    if policy.user_has_any_permission_for_instance(user, ["choose", "change"], material):
        return True
    return isinstance(material, get_document_model()) and permissions.may_fetch(user, material)
