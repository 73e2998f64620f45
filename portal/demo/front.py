"""The first page as a new portal would show it."""

from __future__ import annotations

from urllib.parse import urlsplit

from wagtail.models import Site

from accounts.models import User
from portal.demo import material
from portal.demo.courses import block
from portal.home.models import HomePage, SiteSettings, StandardPage

HOW_IT_WORKS = [
    material.Heading("How it works"),
    material.Text(
        "<ol><li><b>Look around.</b> Every course shows its outline and what it costs. Lessons marked as "
        "free are open to everyone, without an account.</li><li><b>Enrol or buy.</b> Free courses open "
        "with one click. A paid course opens as soon as the payment is confirmed, and stays "
        "yours.</li><li><b>Study at your own pace.</b> Mark lessons as complete, leave when you like, and "
        "go on where you stopped: “My learning” remembers it.</li></ol>"
    ),
    material.Callout(
        "Made for reading",
        "<p>Lessons are text first. Videos load only when you start them, and nothing follows you "
        "around.</p>",
    ),
]
ABOUT = [
    material.Text(
        "<p>This is a portal for learning: courses with videos and clear words, written by people who have "
        "done what they teach, and open to anyone with a browser.</p>"
        "<p>What you see is the demonstration. Its courses are real and may be studied; its payments are "
        "not: they go to a stand-in on this machine, and the card number 4242 4242 4242 4242 buys "
        "everything.</p>"
    ),
]


def furnish_front(*, author: User) -> None:
    """Tell on the first page how the portal works, and add a page about it. An edited page stays as it is."""
    home = HomePage.objects.first()
    if home is None or home.latest_revision_id is not None:
        return
    home.body = [block(part) for part in HOW_IT_WORKS]
    home.save_revision(user=author).publish(user=author)

    about = StandardPage(
        title="About the portal",
        slug="about",
        introduction="What this is, and what you can do with it.",
        body=[block(part) for part in ABOUT],
        owner=author,
        live=False,
        show_in_menus=True,
    )
    home.add_child(instance=about)
    about.save_revision(user=author).publish(user=author)

    settings = SiteSettings.for_site(Site.objects.get(is_default_site=True))
    if not settings.footer_text:
        settings.footer_text = "A demonstration: no card is ever charged here."
        settings.save()


def answer_at(address: str) -> None:
    """Let the default site have this address, so that links in letters lead to where the portal runs."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    site = Site.objects.get(is_default_site=True)
    if (site.hostname, site.port) != (parts.hostname, port):
        site.hostname, site.port = parts.hostname, port
        site.save()
