"""The catalogue."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from courses.forms import CatalogueForm
from courses.models import CourseIndexPage
from courses.services import browsing
from courses.views.answers import address_in, for_one_reader, page_response


def show(request: HttpRequest, page: CourseIndexPage) -> HttpResponse:
    form = CatalogueForm(request.GET)
    survey = form.survey
    courses = browsing.for_cards(
        survey.courses(form.chosen, ordering=form.chosen_ordering), viewer=request.user
    )
    paginator = browsing.SurveyPaginator(
        courses, settings.CATALOGUE_PAGE_SIZE, count=survey.count(form.chosen)
    )
    page_obj = paginator.get_page(request.GET.get("page"))
    response = page_response(
        request,
        page,
        {
            "form": form,
            "facets": [facet for facet in survey.facets(form.chosen) if facet.is_a_choice],
            "cards": browsing.cards(page_obj.object_list, url_of=address_in(request)),
            "page_obj": page_obj,
            "total": paginator.count,
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
    """The address's parameters without some, and without those that are empty."""
    query = request.GET.copy()
    for name in list(query):
        if name in names or not query[name]:
            query.pop(name)
    return query.urlencode()
