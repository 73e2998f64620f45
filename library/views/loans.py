"""What a member has borrowed, waits for and owes, and what they do about it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from commerce.templatetags.money import money
from commerce.views import SeeOther, refuse_get_and_visitors
from library.models import Borrowing, Charge
from library.services import lending, overviews
from library.services.days import day_of
from library.views.paying import LOANS, address_of_loan, pay, to_payment

PAST_LOANS_PER_PAGE = 20


@require_safe
@never_cache
@login_required
def show(request: HttpRequest) -> HttpResponse:
    """One's loans, holds and debts."""
    at = timezone.now()
    on = day_of(at)
    past = Paginator(overviews.past_loans(member=request.user), PAST_LOANS_PER_PAGE)
    page_obj = past.get_page(request.GET.get("page"))
    unpaid, total = overviews.owed(member=request.user, at=at)
    return TemplateResponse(
        request,
        "library/loans.html",
        {
            "loans": overviews.open_loans(member=request.user, on=on),
            "holds": overviews.holds(member=request.user),
            "unpaid": unpaid,
            "unpaid_total": total,
            "past": overviews.lines(page_obj.object_list, on=on),
            "page_obj": page_obj,
            "today": on,
        },
    )


def renew(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a loan longer, at the price that was shown, and go on to pay for it."""
    if refused := refuse_get_and_visitors(request, reverse(LOANS)):
        return refused
    borrowing = _mine(request, pk)
    at = timezone.now()
    on = day_of(at)
    due = borrowing.expected_return_date
    if request.POST.get("due") != due.isoformat():
        # Clicked twice, or the page is old: this click was for a day that is no more.
        return SeeOther(address_of_loan(borrowing))
    offered = lending.renewal_offer(borrowing=borrowing, on=on, at=at)
    if offered.is_possible and request.POST.get("price") != str(offered.price.minor):
        messages.info(request, _("The price has changed. Look at it again, and renew then."))
        return SeeOther(address_of_loan(borrowing))
    try:
        renewal = lending.renew(borrowing=borrowing, on=on, at=at, by=request.user, due=due)
    except lending.RenewedMeanwhile:
        # The other half of a double click has renewed it.
        return SeeOther(address_of_loan(borrowing))
    except lending.LendingRefused as refusal:
        messages.error(request, str(refusal))
        return SeeOther(address_of_loan(borrowing))
    words = _("“%(book)s” is yours until %(day)s.")
    day = date_format(renewal.due_after, "DATE_FORMAT")
    messages.success(request, words % {"book": borrowing.book, "day": day})
    return to_payment(request, borrowing)


def give_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that the member has brought a book back."""
    if refused := refuse_get_and_visitors(request, reverse(LOANS)):
        return refused
    borrowing = _mine(request, pk)
    at = timezone.now()
    try:
        returned = lending.give_back(borrowing=borrowing, on=day_of(at), at=at, by=request.user)
    except lending.LendingRefused as refusal:
        messages.error(request, str(refusal))
        return SeeOther(address_of_loan(borrowing))
    messages.success(request, _("“%s” is back. Thank you.") % borrowing.book)
    if returned.fine is not None:
        words = _("It came late, which costs %s. How that was reckoned stands below.")
        messages.warning(request, words % money(returned.fine.amount))
    return SeeOther(address_of_loan(borrowing))


def pay_charge(request: HttpRequest, pk: int) -> HttpResponse:
    """Pay one sum that a loan costs."""
    if refused := refuse_get_and_visitors(request, reverse(LOANS)):
        return refused
    charges = Charge.objects.of_member(request.user).select_related("borrowing__member", "order_line__order")
    return pay(request, get_object_or_404(charges, id=pk))


def _mine(request: HttpRequest, pk: int) -> Borrowing:
    """One's own loan; another member's is not known."""
    return get_object_or_404(Borrowing.objects.by(request.user).select_related("book", "copy"), id=pk)
