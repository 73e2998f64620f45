"""What caches between us and the asker must know of the API."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control, patch_vary_headers


class ApiCacheMiddleware:
    """Keeps shared caches from handing what one token opened to another asker.

    They know by themselves that an answer to `Authorization` is private; of `Authorize` they know nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path_info.startswith("/api/v1/"):
            patch_vary_headers(response, settings.API_AUTH_HEADERS)
            if any(name in request.headers for name in settings.API_AUTH_HEADERS):
                patch_cache_control(response, private=True)
        return response
