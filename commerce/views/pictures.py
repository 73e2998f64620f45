"""Pictures of items, in the sizes that the shop's pages ask for."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from commerce.models import Item
from commerce.services import picturing
from commerce.templatetags.pictures import SHAPES, is_key_of

A_YEAR = 365 * 24 * 60 * 60


@require_safe
def item_picture(request: HttpRequest, pk: int, key: str, shape: str, width: int) -> FileResponse:
    """One picture in one size. Its address changes with the picture, so browsers and proxies may keep it.

    Only pages that show the item tell the key, so who has it may see the picture.
    """
    found = get_object_or_404(Item, pk=pk)
    if not is_key_of(found.picture, key) or shape not in SHAPES or width not in SHAPES[shape].widths:
        raise Http404
    try:
        picture = picturing.rendition(picture=found.picture, shape=shape, width=width)
    except picturing.NoPicture as missing:
        raise Http404 from missing
    response = FileResponse(picture, content_type="image/webp")
    response["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    return response
