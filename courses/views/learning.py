"""What people do with courses, and what they have of them."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts import my_page
from commerce.money import Money
from commerce.services.checkout import CheckoutRefused
from commerce.views import SeeOther, to_payment_page
from courses.models import CourseIndexPage, CoursePage, Enrolment, LessonPage
from courses.services import browsing, enrolling, studying, subscribing
from courses.views.answers import address_in, found, refuse_get_and_visitors


@dataclass(frozen=True, kw_only=True)
class UnpaidOrder:
    number: str
    title: str
    total: Money
    resume_url: str


def enrol(request: HttpRequest, pk: int) -> HttpResponse:
    """Free: enrol and go to the first lesson. Otherwise: hold the place and go to the payment page."""
    page = found(CoursePage.objects.live(), pk)
    if refused := refuse_get_and_visitors(request, page):
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
    page = found(LessonPage.objects.shown(), pk)
    if refused := refuse_get_and_visitors(request, page):
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
    page = found(LessonPage.objects.shown(), pk)
    if refused := refuse_get_and_visitors(request, page):
        return refused
    try:
        if request.POST.get("done") == "0":
            studying.undo(member=request.user, lesson=page)
        else:
            studying.complete(member=request.user, lesson=page, at=timezone.now())
    except studying.LessonLocked as refusal:
        messages.error(request, str(refusal))
    return SeeOther(page.get_url(request))


def subscription(request: HttpRequest, pk: int) -> HttpResponse:
    """Follow a course (`action=subscribe`) or stop it (`action=unsubscribe`).

    HTMX gets the button as it is then, others are sent back to the page.
    """
    page = found(CoursePage.objects.known_to_follower(request.user), pk)
    if refused := refuse_get_and_visitors(request, page):
        return refused
    match request.POST.get("action"):
        case "subscribe":
            try:
                subscribing.subscribe(member=request.user, course=page, at=timezone.now())
            except subscribing.NotOpenToFollowers as refusal:
                raise Http404 from refusal
            is_subscribed = True
        case "unsubscribe":
            subscribing.unsubscribe(member=request.user, course=page)
            is_subscribed = False
        case _:
            return HttpResponseBadRequest(_("Choose “subscribe” or “unsubscribe” as the action."))
    if request.htmx:
        context = {"course": page, "is_subscribed": is_subscribed}
        return TemplateResponse(request, "courses/components/subscribe.html", context)
    return SeeOther(page.get_url(request) if page.live else reverse("courses:my_learning"))


@never_cache
@login_required
def my_learning(request: HttpRequest) -> HttpResponse:
    """What to go on with, one's courses, what waits to be paid, and what changed in courses one follows."""
    courses = list(
        browsing.for_cards(CoursePage.objects.live().studied_by(request.user), viewer=request.user)
        .with_singles_of(request.user)
        .recently_studied_first(request.user)
    )
    catalogue_page = CourseIndexPage.objects.live().first()
    return TemplateResponse(
        request,
        "courses/my_learning.html",
        {
            "next_up": _next_up(request, courses),
            "enrolments": browsing.cards(courses, url_of=address_in(request)),
            "unpaid": _unpaid(request),
            "sections": my_page.filled(member=request.user, at=timezone.now()),
            "followed": subscribing.followed(member=request.user, url_of=address_in(request)),
            "catalogue_url": catalogue_page.get_url(request) if catalogue_page else "",
        },
    )


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
                    "lesson_number": LessonPage.objects.of(page)
                    .shown()
                    .filter(path__lte=upcoming.path)
                    .count(),
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
