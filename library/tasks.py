"""Background work of the library, named in settings.SCHEDULES. Each may run twice."""

from django.utils import timezone

from library.services import holding, lending, reminding


def expire_holds() -> int:
    """Give on what nobody has fetched from the hold shelf in time; the number of holds that ended."""
    return holding.expire_due(on=timezone.localdate(), at=timezone.now())


def close_unfetched() -> int:
    """End loans that waited at the desk until they were due; the number that ended."""
    return lending.close_unfetched(on=timezone.localdate(), at=timezone.now())


def remind() -> int:
    """Write to members whose books are due soon or late; the number of loans written about."""
    return reminding.remind(on=timezone.localdate(), at=timezone.now())


def tell_staff_of_overdue() -> int:
    """Tell the staff chat what is overdue today; the number of loans."""
    return reminding.tell_staff_of_overdue(on=timezone.localdate(), at=timezone.now())
