"""The catalogue."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from commerce.views import for_one_reader
from courses.forms import CatalogueForm
from courses.models import CourseIndexPage
from courses.services import browsing
from courses.views.answers import address_in, page_response
from portal.content.catalogues import CountedPaginator, address_without, query_without


def show(request: HttpRequest, page: CourseIndexPage) -> HttpResponse:
    form = CatalogueForm(request.GET)
    survey = form.survey
    courses = browsing.for_cards(
        survey.courses(form.chosen, ordering=form.chosen_ordering), viewer=request.user
    )
    paginator = CountedPaginator(courses, settings.CATALOGUE_PAGE_SIZE, count=survey.count(form.chosen))
    page_obj = paginator.get_page(request.GET.get("page"))
    response = page_response(
        request,
        page,
        {
            "address": page.get_url(request),
            "form": form,
            "facets": [facet for facet in survey.facets(form.chosen) if facet.is_a_choice],
            "cards": browsing.cards(page_obj.object_list, url_of=address_in(request)),
            "page_obj": page_obj,
            "total": paginator.count,
            "active_filters": [
                {
                    "label": form.label_of(name),
                    "remove_url": address_without(request, page.get_url(request), name),
                }
                for name in form.filters
            ],
            "query_string": query_without(request, "page"),
        },
    )
    return for_one_reader(request, response)
