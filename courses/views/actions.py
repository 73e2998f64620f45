"""The one button of a course."""

from dataclasses import dataclass

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from courses.models import LessonPage
from courses.permissions import Standing
from courses.services import outlining
from courses.services.outlining import Outline, Step


@dataclass(frozen=True, kw_only=True)
class CourseAction:
    """The one button of a course: where it leads and by which method."""

    kind: str
    label: str
    url: str
    method: str = "get"


def action(
    request: HttpRequest, standing: Standing, outline: Outline, *, back_to: LessonPage | None = None
) -> CourseAction | None:
    """The step in words and addresses. None when there is nothing to do yet: no lesson to go on with."""
    page = standing.course
    enrol_url = reverse("courses:enrol", args=[page.pk])
    match outlining.next_step(standing):
        case Step.CONTINUE:
            entry = outline.next_up
            if entry is None:
                return None
            number = {"number": outline.place_of(entry.lesson)}
            label = _("Continue: lesson %(number)d") % number if outline.has_begun else _("Start")
            return CourseAction(kind=Step.CONTINUE, label=label, url=entry.url)
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
