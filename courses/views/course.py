"""The page of a course."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from commerce.views import SeeOther, for_one_reader
from courses import permissions
from courses.models import CoursePage, CourseSectionPage
from courses.permissions import Standing
from courses.services import announcing, browsing, outlining
from courses.services.outlining import Outline
from courses.views.actions import action
from courses.views.answers import address_in, page_response


def show(request: HttpRequest, page: CoursePage) -> HttpResponse:
    standing = permissions.standing(request.user, page)
    url_of = address_in(request)
    outline = outlining.outline(standing=standing, url_of=url_of)
    related = browsing.with_related(page, viewer=request.user)
    response = page_response(
        request,
        page,
        {
            "outline": outline,
            "lessons_count": outline.lessons_count,
            "minutes": outline.minutes,
            "price": page.price_money,
            "enrolment": standing.enrolment and standing.enrolment.status,
            "progress": _progress(standing, outline),
            "completed_count": outline.completed_count,
            "action": action(request, standing, outline),
            "related": browsing.cards(related, url_of=url_of),
            "changes": announcing.latest(course=page, url_of=url_of),
            # A preview in the CMS shows a page that is not saved yet: nobody studies or follows it.
            "learners_count": getattr(page, "learners_count", 0),
            "is_subscribed": getattr(page, "is_subscribed", False),
            "structured_data": _structured_data(request, page, outline),
        },
    )
    return for_one_reader(request, response)


def show_section(request: HttpRequest, page: CourseSectionPage) -> HttpResponse:
    """A section has no page of its own."""
    return SeeOther(f"{page.get_parent().get_url(request)}#{outlining.anchor_of(page)}")


def _progress(standing: Standing, outline: Outline) -> int | None:
    if not standing.is_active and not outline.completed_count:
        return None
    return outlining.progress_percent(
        completed_count=outline.completed_count, lessons_count=outline.lessons_count
    )


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
