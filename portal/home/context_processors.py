"""What every template may use. No query: this runs for each page."""

from typing import TypedDict
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

#: The main menu in the order of the visitor's day. A section joins when its pages exist.
SECTIONS: list[tuple[str | Promise, str]] = [
    (_("Courses"), "/courses/"),
    (_("Library"), "/library/"),
    (_("Shop"), "/shop/"),
]


class NavigationItem(TypedDict):
    title: str
    url: str
    is_current: bool


def portal(request: HttpRequest) -> dict[str, object]:
    """The portal's name, its main menu, and whether payments go to a stand-in for Stripe."""
    return {
        "portal_name": settings.PORTAL_NAME,
        "navigation": [
            NavigationItem(title=str(title), url=url, is_current=request.path.startswith(url))
            for title, url in SECTIONS
        ],
        "stand_in_notice": payments_are_a_stand_in(settings.STRIPE_API_BASE),
    }


def payments_are_a_stand_in(api_base: str) -> bool:
    """Whether money is asked of something else than Stripe itself: then no card is ever charged."""
    return urlsplit(api_base).hostname != "api.stripe.com"
