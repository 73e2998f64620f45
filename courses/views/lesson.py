"""The page of a lesson, open or locked."""

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _

from courses import permissions
from courses.models import LessonPage
from courses.permissions import Standing
from courses.policies import LessonAccess
from courses.services import outlining, studying
from courses.services.outlining import Outline, OutlineEntry, Step
from courses.views.actions import CourseAction, action
from courses.views.answers import address_in, page_response


def show(request: HttpRequest, page: LessonPage) -> HttpResponse:
    """The lesson, or (403) what opens it. Nothing of a locked lesson but title and introduction is shown."""
    standing = permissions.standing(request.user, page.course)
    outline = outlining.outline(standing=standing, url_of=address_in(request))
    entry = outline.entry_of(page)
    access = _access(request, page, standing, entry)
    if access is LessonAccess.HIDDEN:
        raise Http404
    if access.is_open:
        response = _open_lesson(request, page, standing, outline)
    else:
        response = _locked_lesson(request, page, standing, outline, access)
    patch_cache_control(response, private=True)
    return response


def _access(
    request: HttpRequest, page: LessonPage, standing: Standing, entry: OutlineEntry | None
) -> LessonAccess:
    if request.is_preview:
        # Asked for in the CMS by someone who edits the page, which is not saved yet.
        return LessonAccess.OPEN
    if entry is not None:
        return entry.access
    return standing.access(page, is_shown=False, is_completed=False, undone_before=None)


def _leave_off(request: HttpRequest, standing: Standing, entry: OutlineEntry | None) -> None:
    """Remember where the reader is, if they study here: a keeper who looks, or a preview, leaves no trace."""
    if entry is None or request.is_preview or request.method != "GET" or not standing.studies(entry.lesson):
        return
    at = timezone.now()
    if studying.is_worth_noting(left_off_at=entry.left_off_at, at=at):
        studying.leave_off(member=request.user, lesson=entry.lesson, at=at)


def _open_lesson(
    request: HttpRequest, page: LessonPage, standing: Standing, outline: Outline
) -> HttpResponse:
    place = outline.place_of(page)
    entry = outline.entry_of(page)
    _leave_off(request, standing, entry)
    position = place or 1 + sum(entry.lesson.path < page.path for entry in outline.entries)
    return page_response(
        request,
        page,
        {
            "course": page.course,
            "outline": outline,
            "position": position,
            "lessons_count": max(outline.lessons_count, position),
            "previous": outline.at(position - 1),
            "next": outline.at(position + 1 if place else position),
            "is_completed": entry is not None and entry.is_completed,
            "may_complete": entry is not None and not request.is_preview and not request.user.is_anonymous,
            "is_course_completed": outline.completed_count == outline.lessons_count,
            "video": page.video,
        },
    )


def _locked_lesson(
    request: HttpRequest, page: LessonPage, standing: Standing, outline: Outline, access: LessonAccess
) -> HttpResponse:
    may_buy_alone = access in (LessonAccess.LOCKED_PAYMENT, LessonAccess.LOCKED_UNPAID)
    entry = outline.entry_of(page)
    response = TemplateResponse(
        request,
        "courses/lesson_locked.html",
        {
            "page": page,
            "self": page,
            "course": page.course,
            "outline": outline,
            "position": outline.place_of(page),
            "lessons_count": outline.lessons_count,
            "access": access,
            "lock_reason": entry.lock_reason if entry else "",
            "action": _way_on(request, page, standing, outline, access),
            "lesson_offer": page.price_money if may_buy_alone else None,
        },
        status=403,
    )
    response["X-Robots-Tag"] = "noindex"
    return response


def _way_on(
    request: HttpRequest, page: LessonPage, standing: Standing, outline: Outline, access: LessonAccess
) -> CourseAction | None:
    """What opens the lesson: the lesson to complete first, or the one button of the course."""
    first = outline.first_undone
    if access is not LessonAccess.LOCKED_SEQUENCE or first is None:
        return action(request, standing, outline, back_to=page)
    label = _("Go to lesson %(number)d") % {"number": outline.place_of(first.lesson)}
    return CourseAction(kind=Step.CONTINUE, label=label, url=first.url)
