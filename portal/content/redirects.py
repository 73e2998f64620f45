"""Addresses of the portal that send visitors outside, by a redirect that somebody made in the CMS."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from wagtail.contrib.redirects.models import Redirect
from wagtail.models import Page, Site

from portal.content.links import LinkRefused, PortalLinks, require_youtube

# A redirect may lead to another redirect; browsers give up after twenty.
MOST_HOPS = 20

_ENCODED_DOT = re.compile("%2e", re.IGNORECASE)


def redirected_outside(links: PortalLinks) -> Mapping[str | int, str]:
    """Which of links, by path or page id, a redirect sends out of portal and YouTube, and the path it is at.

    A redirect counts even while a page stands at the same address and hides it: that page can be unpublished
    without anybody looking at who links there.
    """
    if not links.paths and not links.page_ids:
        return {}
    candidates: dict[str | int, str] = {path: path for path in links.paths}
    candidates.update(_paths_of_pages(links.page_ids))
    if not candidates:
        return {}
    leaving = _leaving(candidates.values())
    return {link: path for link, path in candidates.items() if path in leaving}


def leads_outside(redirect: Redirect) -> bool:
    """Whether a redirect, or one that it leads to, ends neither in the portal nor on YouTube."""
    if redirect.redirect_page_id or not redirect.redirect_link:
        return False
    path = _path_in_portal(redirect.redirect_link)
    if path is None:
        return _is_outside(redirect.redirect_link)
    return bool(_leaving([path]))


def _leaving(paths: Iterable[str]) -> set[str]:
    """The paths that a chain of redirects sends outside; one query for each link of the longest chain."""
    # For each path that is still followed: the paths asked for from which it was reached.
    followed: dict[str, set[str]] = {path: {path} for path in paths}
    leaving: set[str] = set()
    for _hop in range(MOST_HOPS):
        sources: dict[str, set[str]] = {}
        for path, origins in followed.items():
            for spelling in _spellings(path):
                sources.setdefault(spelling, set()).update(origins)
        followed = {}
        for old_path, link in _redirects_from(sources):
            path = _path_in_portal(link)
            if path is not None:
                followed.setdefault(path, set()).update(sources[old_path])
            elif _is_outside(link):
                leaving |= sources[old_path]
        if not followed:
            break
    return leaving


def _redirects_from(old_paths: Iterable[str]) -> Iterable[tuple[str, str]]:
    return (
        Redirect.objects.filter(old_path__in=list(old_paths), redirect_page=None)
        .exclude(redirect_link="")
        .values_list("old_path", "redirect_link")
    )


def _spellings(path: str) -> set[str]:
    """A path in the spellings under which Wagtail's middleware looks for its redirect."""
    absolute = urlsplit(urljoin("http://portal.invalid/", _ENCODED_DOT.sub(".", path)))
    with_query = f"{absolute.path}?{absolute.query}" if absolute.query else absolute.path
    return {
        Redirect.normalise_path(written, decode_unicode=is_decoded)
        for written in (with_query, absolute.path)
        for is_decoded in (True, False)
    }


def _is_outside(link: str) -> bool:
    try:
        require_youtube(link)
    except LinkRefused:
        return True
    return False


def _path_in_portal(link: str) -> str | None:
    """The path of a link into the portal, None when it leads elsewhere."""
    if link.startswith("/") and not link.startswith(("//", "/\\")):
        return link
    sites = [site.root_url for site in Site.get_site_root_paths()]
    for root in (settings.PORTAL_BASE_URL.rstrip("/"), *sites):
        if link == root or link.startswith(f"{root}/"):
            return link[len(root) :] or "/"
    return None


def _paths_of_pages(ids: Iterable[int]) -> dict[int, str]:
    """Where pages stand in the portal, by id, without asking for each page's site."""
    roots = [site.root_path for site in Site.get_site_root_paths()]
    found: dict[int, str] = {}
    for pk, url_path in Page.objects.filter(pk__in=list(ids)).values_list("pk", "url_path"):
        root = next((root for root in roots if url_path.startswith(root)), None)
        if root is not None:
            found[pk] = f"/{url_path[len(root) :]}"
    return found
