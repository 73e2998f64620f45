"""The rule for links in words for people: which link, what is wrong with it, what to do instead."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.content.links import LinkRefused, Refusal, parse_youtube

REASONS = {
    Refusal.HIDDEN_CHARACTERS: _(
        "“%(link)s” holds a space, a backslash or an invisible character. Copy it from YouTube again."
    ),
    Refusal.SCHEME: _("“%(link)s” does not begin with https://. Only addresses of YouTube are allowed here."),
    Refusal.NOT_AN_ADDRESS: _(
        "“%(link)s” is not a whole address. Write it with https://, as YouTube's Share button gives it."
    ),
    Refusal.USER_INFORMATION: _(
        "“%(link)s” holds a user name before the host. Remove everything up to the @."
    ),
    Refusal.PORT: _("“%(link)s” names a port. Remove it: YouTube needs none."),
    Refusal.HOST: _(
        "“%(link)s” leads outside the portal. Materials may link to YouTube and to pages and documents of the"
        " portal: choose a page or a document, or remove the link."
    ),
    Refusal.NOT_A_VIDEO: _(
        "“%(link)s” is not the address of a video or a playlist. Use one such as"
        " https://www.youtube.com/watch?v=…, https://youtu.be/… or https://www.youtube.com/playlist?list=…"
    ),
    Refusal.LEAVES_YOUTUBE: _(
        "“%(link)s” is a page of YouTube that leads elsewhere. Link to a video, a playlist or a channel."
    ),
    Refusal.RELATIVE: _(
        "“%(link)s” is neither a whole address nor a path of the portal. Use the page chooser."
    ),
    Refusal.LOOK_ALIKE: _(
        "“%(link)s” writes YouTube's name in letters that only look like it. Copy it from YouTube again."
    ),
    Refusal.REDIRECTED: _(
        "“%(link)s” is an address of the portal from which visitors are sent outside. Link to another page,"
        " or remove the redirect."
    ),
}

# Long enough for any address of a video, short enough for a message.
SHOWN_CHARACTERS = 120


def explain(refused: LinkRefused) -> str:
    """Why a link was refused, naming it, in the reader's language."""
    link = refused.link if len(refused.link) <= SHOWN_CHARACTERS else f"{refused.link[:SHOWN_CHARACTERS]}…"
    return str(REASONS[refused.reason]) % {"link": link}


def validate_youtube_video(url: str) -> None:
    """Raise ValidationError unless url is that of a YouTube video or playlist."""
    try:
        parse_youtube(url)
    except LinkRefused as refused:
        raise ValidationError(explain(refused), code=refused.reason.value) from refused
