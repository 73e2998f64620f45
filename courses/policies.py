"""Who may open a lesson, and why not. Plain Python: `courses.permissions` gathers the facts."""

from dataclasses import dataclass
from enum import StrEnum


class LessonAccess(StrEnum):
    """The answer to "may this person open this lesson?"."""

    OPEN = "OPEN"
    FREE_PREVIEW = "FREE_PREVIEW"
    LOCKED_SIGN_IN = "LOCKED_SIGN_IN"
    LOCKED_ENROL = "LOCKED_ENROL"
    LOCKED_PAYMENT = "LOCKED_PAYMENT"
    LOCKED_UNPAID = "LOCKED_UNPAID"
    LOCKED_SEQUENCE = "LOCKED_SEQUENCE"
    HIDDEN = "HIDDEN"

    @property
    def is_open(self) -> bool:
        return self in (LessonAccess.OPEN, LessonAccess.FREE_PREVIEW)


@dataclass(frozen=True, kw_only=True)
class LessonFacts:
    """What the decision depends on.

    ``is_shown``: the lesson, its section and its course are all published. ``is_keeper``: the asker owns
    the course or the lesson, or may edit it in the CMS. ``is_enrolled``: an active enrolment in the whole
    course. ``is_bought_alone``: an active enrolment at this lesson. ``is_reserved``: an order for it waits to
    be paid. ``is_out_of_turn``: the course is studied in order, and neither this lesson nor all published
    lessons before it are complete.
    """

    is_shown: bool
    is_keeper: bool
    is_signed_in: bool
    is_enrolled: bool
    is_bought_alone: bool
    is_reserved: bool
    is_preview: bool
    is_course_free: bool
    is_out_of_turn: bool


def decide(facts: LessonFacts) -> LessonAccess:
    """Decide about one lesson. Everything that shows a lesson (page, API, search, files) asks here."""
    if facts.is_keeper:
        return LessonAccess.OPEN
    if not facts.is_shown:
        return LessonAccess.HIDDEN
    if facts.is_bought_alone:
        # Paid for without the lessons before it, so those cannot hold it back.
        return LessonAccess.OPEN
    if facts.is_enrolled and not facts.is_out_of_turn:
        return LessonAccess.OPEN
    if facts.is_preview:
        return LessonAccess.FREE_PREVIEW
    if facts.is_enrolled:
        return LessonAccess.LOCKED_SEQUENCE
    if not facts.is_signed_in:
        return LessonAccess.LOCKED_SIGN_IN
    if facts.is_course_free:
        return LessonAccess.LOCKED_ENROL
    if facts.is_reserved:
        return LessonAccess.LOCKED_UNPAID
    return LessonAccess.LOCKED_PAYMENT
