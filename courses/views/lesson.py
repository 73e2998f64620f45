"""The page of a lesson, open or locked."""

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import patch_cache_control

from courses import permissions
from courses.models import LessonPage
from courses.permissions import Standing
from courses.policies import LessonAccess
from courses.services import outlining
from courses.services.outlining import Outline
from courses.views.actions import action
from courses.views.answers import address_in, page_response


def show(request: HttpRequest, page: LessonPage) -> HttpResponse:
    """The lesson, or (403) what opens it. Nothing of a locked lesson but title and introduction is shown."""
    standing = permissions.standing(request.user, page.course)
    outline = outlining.outline(standing=standing, url_of=address_in(request))
    place = outline.place_of(page)
    # A preview in the CMS is asked for by someone who edits the page, which is not saved yet.
    access = LessonAccess.OPEN if request.is_preview else standing.access(page, is_shown=place is not None)
    if access is LessonAccess.HIDDEN:
        raise Http404
    if access.is_open:
        response = _open_lesson(request, page, standing, outline)
    else:
        response = _locked_lesson(request, page, standing, outline, access)
    patch_cache_control(response, private=True)
    return response


def _open_lesson(
    request: HttpRequest, page: LessonPage, standing: Standing, outline: Outline
) -> HttpResponse:
    place = outline.place_of(page)
    entry = None if place is None else outline.at(place)
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
            "video": page.video,
        },
    )


def _locked_lesson(
    request: HttpRequest, page: LessonPage, standing: Standing, outline: Outline, access: LessonAccess
) -> HttpResponse:
    may_buy_alone = not request.user.is_anonymous and access is not LessonAccess.LOCKED_ENROL
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
            "lock_reason": str(outlining.LOCK_REASONS[access]),
            "action": action(request, standing, outline, back_to=page),
            "lesson_offer": page.price_money if may_buy_alone else None,
        },
        status=403,
    )
    response["X-Robots-Tag"] = "noindex"
    return response
