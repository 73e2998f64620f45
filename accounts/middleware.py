"""What is true of a person on every page: their time zone, and what the staff's doors ask of them."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.services import second_factor

GetResponse = Callable[[HttpRequest], HttpResponse]


@cache
def known_zones() -> set[str]:
    """Once for each process: to know the names, the zone database is opened file by file."""
    return zoneinfo.available_timezones()


class TimeZoneMiddleware:
    """Shows dates in the zone of the person who reads them; visitors read the site's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Who came without a session is nobody: asking for the user would make every answer depend on cookies.
        zone = (
            getattr(request.user, "time_zone", "") if settings.SESSION_COOKIE_NAME in request.COOKIES else ""
        )
        if zone not in known_zones():
            return self.get_response(request)
        with timezone.override(zoneinfo.ZoneInfo(zone)):
            return self.get_response(request)


class StaffTwoFactorMiddleware:
    """Sends staff without a second factor from the admins' doors to the page where they set one up.

    It asks on every page below the two doors, whatever view answers there: there is no way round by a deeper
    address. Sign-in itself asks for the factor of everybody who has one.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            settings.REQUIRE_STAFF_TWO_FACTOR
            and request.path.startswith((reverse("wagtailadmin_home"), reverse("admin:index")))
            and second_factor.is_demanded_of(request.user)
            and not second_factor.is_set_up(request.user)
        ):
            messages.warning(
                request, _("This part of the portal is for people with a second factor. Set one up first.")
            )
            query = urlencode({"next": request.get_full_path()}) if request.method == "GET" else ""
            return HttpResponseRedirect(f"{reverse('mfa_index')}?{query}".rstrip("?"))
        return self.get_response(request)
