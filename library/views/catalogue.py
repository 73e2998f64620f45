"""The library's front page: its catalogue."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from commerce.views import for_one_reader
from library.forms import CatalogueForm
from library.models import LibraryPage
from library.services import browsing
from portal.content.catalogues import address_without, query_without


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    return show(request, library_page())


def show(request: HttpRequest, page: LibraryPage) -> HttpResponse:
    form = CatalogueForm(request.GET)
    page_obj = form.survey.page(
        request.GET.get("page"), ordering=form.chosen_ordering, per_page=settings.CATALOGUE_PAGE_SIZE
    )
    context = {
        "page": page,
        "self": page,
        "address": page.address,
        "form": form,
        "facets": [facet for facet in form.survey.facets if facet.is_a_choice],
        "cards": browsing.cards(page_obj.object_list),
        "page_obj": page_obj,
        "total": page_obj.paginator.count,
        "active_filters": [
            {"label": form.label_of(name), "remove_url": address_without(request, page.address, name)}
            for name in form.filters
        ],
        "query_string": query_without(request, "page"),
    }
    return for_one_reader(request, TemplateResponse(request, page.template, context))


def library_page() -> LibraryPage:
    """The library's page, without which nothing of the library is shown. Raises Http404."""
    page = LibraryPage.objects.live().select_related("social_image").first()
    if page is None:
        raise Http404
    return page
