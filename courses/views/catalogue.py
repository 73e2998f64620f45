"""The catalogue."""

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from courses.forms import CatalogueForm
from courses.models import CourseIndexPage, CourseTopic
from courses.services import browsing
from courses.views.answers import address_in, for_one_reader, page_response


def show(request: HttpRequest, page: CourseIndexPage) -> HttpResponse:
    topics = CourseTopic.objects.filter(courses__live=True).distinct()
    form = CatalogueForm(request.GET or {}, topics=topics)
    form.is_valid()
    courses = browsing.for_cards(
        browsing.catalogue(**form.filters, ordering=form.chosen_ordering), viewer=request.user
    )
    page_obj = Paginator(courses, settings.CATALOGUE_PAGE_SIZE).get_page(request.GET.get("page"))
    response = page_response(
        request,
        page,
        {
            "form": form,
            "cards": browsing.cards(page_obj.object_list, url_of=address_in(request)),
            "page_obj": page_obj,
            "total": page_obj.paginator.count,
            "active_filters": [
                {"label": form.label_of(name), "remove_url": _without(request, page, name)}
                for name in form.filters
            ],
            "query_string": _query_without(request, "page"),
        },
    )
    return for_one_reader(request, response)


def _without(request: HttpRequest, page: CourseIndexPage, name: str) -> str:
    """The catalogue's address with one filter less, and back on its first page."""
    query = _query_without(request, "page", name)
    return f"{page.get_url(request)}?{query}" if query else page.get_url(request)


def _query_without(request: HttpRequest, *names: str) -> str:
    query = request.GET.copy()
    for name in names:
        query.pop(name, None)
    return query.urlencode()
