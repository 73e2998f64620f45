"""Background work of the library, named in settings.SCHEDULES. Each may run twice."""

from django.utils import timezone

from library.models import ImportRun
from library.services import holding, importing, lending, reminding


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


def go_on_with_import(run_id: int) -> str:
    """Check a file of books, or import the next part of it; the status of its run then.

    A part ends before the worker loses patience, and the rest is queued anew.
    """
    run = ImportRun.objects.get(pk=run_id)
    return importing.go_on(run=run, on=timezone.localdate(), at=timezone.now(), clock=timezone.now).status


def sweep_imports() -> int:
    """Take up imports whose worker died, and give up those that nobody confirms; how many."""
    return importing.sweep(at=timezone.now())
