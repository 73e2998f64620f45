"""Background work of courses, named in settings.SCHEDULES. It may run twice."""

from django.utils import timezone

from courses.services import reminding


def remind_of_abandoned() -> int:
    """Remind people of courses that they began and left; the number of places looked at."""
    return reminding.remind_of_abandoned(at=timezone.now())
