"""Pages of courses. Wagtail finds the page and calls the view that its model names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from wagtail.query import PageQuerySet

from commerce.money import Money
from commerce.services.checkout import CheckoutRefused
from commerce.views import SeeOther, to_payment_page
from courses import permissions
from courses.forms import CatalogueForm
from courses.models import (
    CourseIndexPage,
    CoursePage,
    CourseSectionPage,
    CourseTopic,
    Enrolment,
    LessonPage,
)
from courses.permissions import Standing
from courses.policies import LessonAccess
from courses.services import browsing, enrolling, outlining, studying
from courses.services.outlining import Outline, Step


@dataclass(frozen=True, kw_only=True)
class CourseAction:
    """The one button of a course: where it leads and by which method."""

    kind: str
    label: str
    url: str
    method: str = "get"


@dataclass(frozen=True, kw_only=True)
class UnpaidOrder:
    number: str
    title: str
    total: Money
    resume_url: str


# --- Pages ---


def catalogue(request: HttpRequest, page: CourseIndexPage) -> HttpResponse:
    topics = CourseTopic.objects.filter(courses__live=True).distinct()
    form = CatalogueForm(request.GET or {}, topics=topics)
    form.is_valid()
    courses = browsing.for_cards(
        browsing.catalogue(**form.filters, ordering=form.chosen_ordering), viewer=request.user
    )
    page_obj = Paginator(courses, settings.CATALOGUE_PAGE_SIZE).get_page(request.GET.get("page"))
    response = _page_response(
        request,
        page,
        {
            "form": form,
            "cards": browsing.cards(page_obj.object_list, url_of=_address(request)),
            "page_obj": page_obj,
            "total": page_obj.paginator.count,
            "active_filters": [
                {"label": form.label_of(name), "remove_url": _without(request, page, name)}
                for name in form.filters
            ],
            "query_string": _query_without(request, "page"),
        },
    )
    return _for_one_reader(request, response)


def course(request: HttpRequest, page: CoursePage) -> HttpResponse:
    standing = permissions.standing(request.user, page)
    outline = outlining.outline(standing=standing, url_of=_address(request))
    price = page.price_money
    related = browsing.for_cards(browsing.related(page), viewer=request.user)
    response = _page_response(
        request,
        page,
        {
            "outline": outline,
            "lessons_count": outline.lessons_count,
            "minutes": outline.minutes,
            "price": price,
            "enrolment": standing.enrolment and standing.enrolment.status,
            "progress": _progress(standing, outline),
            "completed_count": outline.completed_count,
            "action": _action(request, standing, outline),
            "related": browsing.cards(related, url_of=_address(request)),
            "structured_data": _structured_data(request, page, outline),
        },
    )
    return _for_one_reader(request, response)


def section(request: HttpRequest, page: CourseSectionPage) -> HttpResponse:
    """A section has no page of its own."""
    return SeeOther(f"{page.get_parent().get_url(request)}#{outlining.anchor_of(page)}")


def lesson(request: HttpRequest, page: LessonPage) -> HttpResponse:
    """The lesson, or (403) what opens it. Nothing of a locked lesson but title and introduction is shown."""
    standing = permissions.standing(request.user, page.course)
    outline = outlining.outline(standing=standing, url_of=_address(request))
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
    return _page_response(
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
            "action": _action(request, standing, outline, back_to=page),
            "lesson_offer": page.price_money if may_buy_alone else None,
        },
        status=403,
    )
    response["X-Robots-Tag"] = "noindex"
    return response


# --- What people do ---


def enrol(request: HttpRequest, pk: int) -> HttpResponse:
    """Free: enrol and go to the first lesson. Otherwise: hold the place and go to the payment page."""
    page = _found(CoursePage.objects.live(), pk)
    if refused := _refuse_get_and_visitors(request, page):
        return refused
    try:
        if page.is_free:
            enrolling.enrol_free(member=request.user, course=page, at=timezone.now())
            return _to_next_lesson(request, page)
        enrolment = enrolling.hold_place(member=request.user, course=page, at=timezone.now())
    except enrolling.AlreadyEnrolled:
        return _to_next_lesson(request, page)
    except (enrolling.EnrolmentRefused, CheckoutRefused) as refusal:
        messages.error(request, str(refusal))
        return SeeOther(page.get_url(request))
    return to_payment_page(request, enrolment.order_line.order)


def buy_lesson(request: HttpRequest, pk: int) -> HttpResponse:
    """Hold one lesson and go to the payment page."""
    page = _found(LessonPage.objects.shown(), pk)
    if refused := _refuse_get_and_visitors(request, page):
        return refused
    try:
        enrolment = enrolling.hold_place(
            member=request.user, course=page.course, lesson=page, at=timezone.now()
        )
    except enrolling.AlreadyEnrolled:
        return SeeOther(page.get_url(request))
    except (enrolling.EnrolmentRefused, CheckoutRefused) as refusal:
        messages.error(request, str(refusal))
        return SeeOther(page.get_url(request))
    return to_payment_page(request, enrolment.order_line.order)


def complete(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark a lesson as done (`done=1`) or take the mark back (`done=0`)."""
    page = _found(LessonPage.objects.shown(), pk)
    if refused := _refuse_get_and_visitors(request, page):
        return refused
    try:
        if request.POST.get("done") == "0":
            studying.undo(member=request.user, lesson=page)
        else:
            studying.complete(member=request.user, lesson=page, at=timezone.now())
    except studying.LessonLocked as refusal:
        messages.error(request, str(refusal))
    return SeeOther(page.get_url(request))


@never_cache
@login_required
def my_learning(request: HttpRequest) -> HttpResponse:
    """What to go on with, one's courses, and what waits to be paid."""
    courses = list(
        browsing.for_cards(
            CoursePage.objects.live().studied_by(request.user), viewer=request.user
        ).recently_studied_first(request.user)
    )
    catalogue_page = CourseIndexPage.objects.live().first()
    return TemplateResponse(
        request,
        "courses/my_learning.html",
        {
            "next_up": _next_up(request, courses),
            "enrolments": browsing.cards(courses, url_of=_address(request)),
            "unpaid": _unpaid(request),
            "catalogue_url": catalogue_page.get_url(request) if catalogue_page else "",
        },
    )


# --- Parts of the answers ---


def _page_response(request: HttpRequest, page: Any, context: dict[str, Any]) -> TemplateResponse:
    return TemplateResponse(request, page.template, {"page": page, "self": page, **context})


def _for_one_reader(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Keep shared caches from handing one member's page to another."""
    if not request.user.is_anonymous:
        patch_cache_control(response, private=True)
    return response


def _address(request: HttpRequest) -> Callable[[CoursePage | LessonPage], str]:
    # With the request, Wagtail asks for the sites once and remembers them on it.
    return lambda page: page.get_url(request) or ""


def _found(pages: PageQuerySet, pk: int) -> Any:
    # By `id`: Django knows how great it can be, where `pk`, a relation here, fails with an overflow.
    return get_object_or_404(pages, id=pk)


def _refuse_get_and_visitors(request: HttpRequest, page: CoursePage | LessonPage) -> HttpResponse | None:
    """Send visitors to sign in and then back to the page; whoever comes by GET (from there) to the page."""
    address = page.get_url(request)
    if request.user.is_anonymous:
        return redirect_to_login(address, reverse("account_login"))
    return None if request.method == "POST" else SeeOther(address)


def _progress(standing: Standing, outline: Outline) -> int | None:
    if not standing.is_active and not outline.completed_count:
        return None
    return outlining.progress_percent(
        completed_count=outline.completed_count, lessons_count=outline.lessons_count
    )


def _action(
    request: HttpRequest, standing: Standing, outline: Outline, *, back_to: LessonPage | None = None
) -> CourseAction | None:
    """The step in words and addresses. None when there is nothing to do yet: no lesson to go on with."""
    page = standing.course
    enrol_url = reverse("courses:enrol", args=[page.pk])
    match outlining.next_step(standing):
        case Step.CONTINUE:
            entry = outline.next_up
            label = _("Continue") if outline.completed_count else _("Start")
            return entry and CourseAction(kind=Step.CONTINUE, label=label, url=entry.url)
        case Step.EDIT:
            url = reverse("wagtailadmin_pages:edit", args=[page.pk])
            return CourseAction(kind=Step.EDIT, label=_("Edit in the CMS"), url=url)
        case Step.SIGN_IN:
            label = _("Sign in to enrol") if page.is_free else _("Sign in to buy")
            url = redirect_to_login((back_to or page).get_url(request), reverse("account_login")).url
            return CourseAction(kind=Step.SIGN_IN, label=label, url=url)
        case Step.ENROL:
            return CourseAction(kind=Step.ENROL, label=_("Enrol for free"), url=enrol_url, method="post")
        case Step.RESUME_PAYMENT:
            return CourseAction(
                kind=Step.RESUME_PAYMENT, label=_("Go on to payment"), url=enrol_url, method="post"
            )
        case Step.BUY:
            return CourseAction(kind=Step.BUY, label=_("Buy the course"), url=enrol_url, method="post")


def _to_next_lesson(request: HttpRequest, page: CoursePage) -> HttpResponse:
    upcoming = studying.next_lesson(member=request.user, course=page)
    return SeeOther((upcoming or page).get_url(request))


def _next_up(request: HttpRequest, courses: list[CoursePage]) -> dict[str, Any] | None:
    """The lesson to go on with, in the course studied last that is not finished."""
    for page in courses:
        if page.completed_count < page.lessons_count:
            upcoming = studying.next_lesson(member=request.user, course=page)
            if upcoming is not None:
                return {
                    "course": page,
                    "lesson_title": upcoming.title,
                    "lesson_url": upcoming.get_url(request),
                }
    return None


def _unpaid(request: HttpRequest) -> list[UnpaidOrder]:
    pending = (
        Enrolment.objects.by(request.user).payable(at=timezone.now()).select_related("order_line__order")
    )
    return [
        UnpaidOrder(
            number=enrolment.order_line.order.number,
            title=enrolment.order_line.title,
            total=enrolment.order_line.order.total,
            resume_url=reverse("commerce:order", args=[enrolment.order_line.order_id]),
        )
        for enrolment in pending
    ]


def _without(request: HttpRequest, page: CourseIndexPage, name: str) -> str:
    """The catalogue's address with one filter less, and back on its first page."""
    query = _query_without(request, "page", name)
    return f"{page.get_url(request)}?{query}" if query else page.get_url(request)


def _query_without(request: HttpRequest, *names: str) -> str:
    query = request.GET.copy()
    for name in names:
        query.pop(name, None)
    return query.urlencode()


def _structured_data(request: HttpRequest, page: CoursePage, outline: Outline) -> dict[str, Any]:
    """The course for search engines (schema.org), with the price that the page shows."""
    address = request.build_absolute_uri(page.get_url(request))
    hours, minutes = divmod(outline.minutes, 60)
    offer = {
        "@type": "Offer",
        "category": "Free" if page.is_free else "Paid",
        "price": str(page.price_money.amount),
        "priceCurrency": page.currency,
        "availability": "https://schema.org/InStock",
        "url": address,
    }
    described = {
        "@type": "Course",
        "@id": address,
        "url": address,
        "name": page.title,
        "description": page.search_description or page.introduction,
        "inLanguage": page.language,
        "provider": {
            "@type": "Organization",
            "name": settings.PORTAL_NAME,
            "url": request.build_absolute_uri("/"),
        },
        "offers": [offer],
        "hasCourseInstance": [
            {"@type": "CourseInstance", "courseMode": "Online", "courseWorkload": f"PT{hours}H{minutes}M"}
        ],
        "educationalLevel": page.get_level_display(),
    }
    trail = [
        (page.get_parent().title, page.get_parent().get_url(request)),
        (page.title, page.get_url(request)),
    ]
    crumbs = [
        {
            "@type": "ListItem",
            "position": position,
            "name": title,
            "item": request.build_absolute_uri(url),
        }
        for position, (title, url) in enumerate(trail, 1)
    ]
    return {
        "@context": "https://schema.org",
        "@graph": [described, {"@type": "BreadcrumbList", "itemListElement": crumbs}],
    }
