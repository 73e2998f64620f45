"""What staff do to orders and payments: a page that asks, and a POST that does it, is logged, and says so."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView
from wagtail import hooks
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.log_actions import LogActionRegistry, log

from commerce.gateways import GatewayError
from commerce.models import Order, OrderLine, Payment, Refund
from commerce.money import AmountNotPayable, Money
from commerce.services import checkout, delivery, holding, receiving, refunding, settlement
from commerce.templatetags.money import money

REFUSALS = (
    checkout.CheckoutRefused,
    holding.StaysHeld,
    receiving.ReceivingRefused,
    refunding.RefundRefused,
)


class NothingDone(Exception):
    """What was asked for did not happen; the message says why."""


class Deed(WagtailAdminTemplateMixin, FormView):
    """One thing done to one row. Asking again does nothing twice: each service says what it did."""

    app: ClassVar[str] = "commerce"
    name: ClassVar[str]
    model: ClassVar[type[models.Model]]
    permission: ClassVar[str]
    title: ClassVar[Any]
    question: ClassVar[Any]
    button: ClassVar[Any]
    is_serious: ClassVar[bool] = False
    refusals: ClassVar[tuple[type[Exception], ...]] = REFUSALS
    form_class = forms.Form
    template_name = "commerce/cms/deed.html"

    @classmethod
    def is_possible(cls, row: Any) -> bool:
        """Whether the button is offered; the service decides again."""
        raise NotImplementedError

    @classmethod
    def url(cls, row: models.Model) -> str:
        return reverse(f"{cls.app}_cms_{cls.name}", args=[row.pk])

    def do(self, row: Any, given: dict[str, Any]) -> str:
        """Do it, and say what was done. Raises one of refusals, NothingDone or GatewayError."""
        raise NotImplementedError

    def subject(self, row: Any) -> models.Model:
        """The row whose page one goes back to."""
        return row

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(self.permission):
            raise PermissionDenied
        self.row = get_object_or_404(self.model, pk=kwargs["pk"])
        if request.method == "GET" and not self.is_possible(self.row):
            messages.error(request, _("That is no longer possible: somebody was faster."))
            return redirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: forms.Form) -> HttpResponse:
        try:
            said = self.do(self.row, form.cleaned_data)
        except (*self.refusals, NothingDone) as refusal:
            messages.error(self.request, str(refusal))
        except GatewayError:
            messages.error(
                self.request, _("The payment service does not answer. Nothing was changed; try again later.")
            )
        else:
            log(
                instance=self.subject(self.row),
                action=f"{self.app}.{self.name}",
                user=self.request.user,
                data={key: str(value) for key, value in form.cleaned_data.items() if value},
            )
            messages.success(self.request, said)
        return redirect(self.get_success_url())

    def get_success_url(self) -> str:
        return inspect_url(self.subject(self.row))

    def get_page_title(self) -> str:
        return str(self.title)

    def get_page_subtitle(self) -> str:
        return str(self.subject(self.row))

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        subject = self.subject(self.row)
        lists = f"{subject._meta.app_label}_{subject._meta.model_name}_modeladmin_index"
        plural = str(subject._meta.verbose_name_plural)
        return [
            *super().get_breadcrumbs_items(),
            {"url": reverse(lists), "label": plural[:1].upper() + plural[1:]},
            {"url": inspect_url(subject), "label": str(subject)},
            {"url": "", "label": str(self.title)},
        ]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {
            **context,
            "question": self.question,
            "button": self.button,
            "is_serious": self.is_serious,
            "facts": self.facts(self.row),
            "back": self.get_success_url(),
        }

    def facts(self, row: Any) -> list[tuple[str, str]]:
        """What one should see before one decides."""
        return []


def inspect_url(row: models.Model) -> str:
    name = f"{row._meta.app_label}_{row._meta.model_name}_modeladmin_inspect"
    return reverse(name, args=[row.pk])


# --- Orders ------------------------------------------------------------------------------------------------
class OrderDeed(Deed):
    model = Order

    def facts(self, row: Order) -> list[tuple[str, str]]:
        return [
            (_("Buyer"), row.email or _("visitor")),
            (_("Total"), money(row.total)),
            (_("Status"), row.get_status_display()),
        ]


class GiveOrderUp(OrderDeed):
    name = "cancel_order"
    permission = "commerce.change_order"
    title = gettext_lazy("Give the order up")
    question = gettext_lazy(
        "The payment page is closed first, and what was set aside goes back. If the buyer has paid "
        "meanwhile, the order is paid and stays."
    )
    button = gettext_lazy("Give up")
    is_serious = True

    @classmethod
    def is_possible(cls, row: Order) -> bool:
        return row.status == Order.Status.AWAITING_PAYMENT

    def do(self, row: Order, given: dict[str, Any]) -> str:
        if not checkout.give_up(
            order=row, at=timezone.now(), cause="given up by staff", actor=self.request.user
        ):
            row.refresh_from_db()
            raise NothingDone(
                _("Order %(order)s was not given up: it is %(status)s, or money for it is on its way.")
                % {"order": row, "status": row.get_status_display()}
            )
        return _("Order %s was given up.") % row


class MethodForm(forms.Form):
    method = forms.ChoiceField(
        label=gettext_lazy("How it was paid"),
        choices=[(method.value, method.label) for method in receiving.BY_HAND],
        widget=forms.RadioSelect,
    )


class TakeMoney(OrderDeed):
    name = "take_money"
    permission = "commerce.change_payment"
    title = gettext_lazy("Record cash or a transfer")
    question = gettext_lazy(
        "The money for the whole order is here. An open payment page is closed first. The order is paid and "
        "handed over, and the buyer gets a receipt."
    )
    button = gettext_lazy("The money is here")
    form_class = MethodForm

    @classmethod
    def is_possible(cls, row: Order) -> bool:
        return row.status == Order.Status.AWAITING_PAYMENT

    def do(self, row: Order, given: dict[str, Any]) -> str:
        at, by = timezone.now(), self.request.user
        waiting = row.payments.pending().exclude(method=given["method"])
        if waiting.exists() and not checkout.close_payments(order=row, at=at, cause="paid by hand"):
            raise receiving.PaidElsewhere(row)
        payment = receiving.expect(order=row, method=given["method"], at=at, actor=by)
        if not receiving.settle_by_hand(payment=payment, at=at, by=by):
            raise NothingDone(_("The payment was recorded before."))
        return _("Order %s is paid.") % row


class HandOverAgain(Deed):
    name = "hand_over_again"
    model = OrderLine
    permission = "commerce.change_order"
    title = gettext_lazy("Hand over again")
    question = gettext_lazy(
        "Its seller refused to hand it over. When you have made it possible, try again; else give the money "
        "back."
    )
    button = gettext_lazy("Try again")

    @classmethod
    def is_possible(cls, row: OrderLine) -> bool:
        return row.order.status == Order.Status.PAID and row.refused_at is not None

    def subject(self, row: OrderLine) -> Order:
        return row.order

    def facts(self, row: OrderLine) -> list[tuple[str, str]]:
        return [(_("What"), f"{row.quantity} × {row.title}"), (_("Refused because"), row.delivery_error)]

    def do(self, row: OrderLine, given: dict[str, Any]) -> str:
        if not delivery.try_again(line=row, at=timezone.now()):
            row.refresh_from_db()
            raise NothingDone(
                _("It could not be handed over: %s") % (row.delivery_error or row.order.get_status_display())
            )
        return _("“%s” was handed over.") % row


# --- Payments ----------------------------------------------------------------------------------------------
class PaymentDeed(Deed):
    model = Payment
    permission = "commerce.change_payment"

    def facts(self, row: Payment) -> list[tuple[str, str]]:
        facts = [
            (_("Order"), str(row.order)),
            (_("Amount"), money(row.amount)),
            (_("Taken"), money(row.captured)),
            (_("Given back"), money(row.refunded)),
            (_("Status"), row.get_status_display()),
        ]
        return [*facts, (_("Held because"), row.held_because)] if row.held_reason else facts


class SettleByHand(PaymentDeed):
    name = "settle_payment"
    title = gettext_lazy("Record the money")
    question = gettext_lazy(
        "The money is here: the order is paid and handed over, and the buyer gets a receipt."
    )
    button = gettext_lazy("The money is here")

    @classmethod
    def is_possible(cls, row: Payment) -> bool:
        return row.method in receiving.BY_HAND and row.status == Payment.Status.PENDING

    def do(self, row: Payment, given: dict[str, Any]) -> str:
        if not receiving.settle_by_hand(payment=row, at=timezone.now(), by=self.request.user):
            raise NothingDone(_("The payment was recorded before."))
        return _("Order %s is paid.") % row.order


class RefundForm(forms.Form):
    amount = forms.DecimalField(
        label=gettext_lazy("Amount"),
        required=False,
        max_digits=12,
        decimal_places=3,
        help_text=gettext_lazy("Empty: all that is left."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("The buyer reads it, in the letter about it."),
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.fields["amount"].label = _("Amount in %s") % currency

    def clean_amount(self) -> Money | None:
        amount = self.cleaned_data["amount"]
        if amount is None:
            return None
        try:
            return Money(amount, self.currency)
        except AmountNotPayable as error:
            raise forms.ValidationError(
                _("%s has no such small change. Write a whole amount.") % self.currency
            ) from error


class GiveBack(PaymentDeed):
    name = "refund_payment"
    title = gettext_lazy("Give money back")
    question = gettext_lazy(
        "All of it takes back what was sold; a part leaves it with the buyer. Cash and transfers are given "
        "back by hand, and written down here. It cannot be undone."
    )
    button = gettext_lazy("Give back")
    is_serious = True
    form_class = RefundForm

    @classmethod
    def is_possible(cls, row: Payment) -> bool:
        return row.captured_minor > row.refunded_minor

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "currency": self.row.currency}

    def do(self, row: Payment, given: dict[str, Any]) -> str:
        refund = refunding.give_back(
            payment=row,
            at=timezone.now(),
            by=self.request.user,
            amount=given["amount"],
            reason=given["reason"],
        )
        if refund.status == Refund.Status.PENDING:
            return _("%s is on its way back. The payment service has yet to confirm it.") % money(
                refund.amount
            )
        return _("%s was given back.") % money(refund.amount)


class AskAgain(PaymentDeed):
    name = "ask_payment"
    title = gettext_lazy("Ask the payment service")
    question = gettext_lazy("What it says of the payment and its refunds is taken over.")
    button = gettext_lazy("Ask")

    @classmethod
    def is_possible(cls, row: Payment) -> bool:
        return row.method == Payment.Method.STRIPE and row.is_at_provider

    def do(self, row: Payment, given: dict[str, Any]) -> str:
        at = timezone.now()
        before = row.status
        row = settlement.settle(payment=row, at=at, cause="asked by staff")
        if row.captured_minor:
            refunding.learn(payment=row, at=at, cause="asked by staff")
            row.refresh_from_db()
        if row.status == before:
            return _("The payment service says the same: %s.") % row.get_status_display()
        return _("The payment is now: %s.") % row.get_status_display()


class EndHold(PaymentDeed):
    name = "release_payment"
    title = gettext_lazy("End the hold")
    question = gettext_lazy("You have looked into it, and it may stay as it is.")
    button = gettext_lazy("End the hold")

    @classmethod
    def is_possible(cls, row: Payment) -> bool:
        return holding.may_release(row)

    def do(self, row: Payment, given: dict[str, Any]) -> str:
        if not holding.release(payment=row, by=self.request.user):
            raise NothingDone(_("It was not held any more."))
        return _("The payment is held no longer.")


# --- Refunds -----------------------------------------------------------------------------------------------
class SendRefund(Deed):
    name = "send_refund"
    model = Refund
    permission = "commerce.change_payment"
    title = gettext_lazy("Ask for the refund again")
    question = gettext_lazy("The payment service is asked once more; it gives nothing back twice.")
    button = gettext_lazy("Ask again")

    @classmethod
    def is_possible(cls, row: Refund) -> bool:
        return row.status == Refund.Status.PENDING

    def facts(self, row: Refund) -> list[tuple[str, str]]:
        return [(_("Order"), str(row.payment.order)), (_("Amount"), money(row.amount))]

    def do(self, row: Refund, given: dict[str, Any]) -> str:
        at = timezone.now()
        if row.provider_id:
            refunding.learn(payment=row.payment, at=at, cause="asked by staff")
            row.refresh_from_db()
        else:
            row = refunding.send(refund=row, at=at)
        return _("The refund is now: %s.") % row.get_status_display()


ORDER_DEEDS = (TakeMoney, GiveOrderUp)
PAYMENT_DEEDS = (SettleByHand, GiveBack, EndHold, AskAgain)
REFUND_DEEDS = (SendRefund,)
DEEDS = (*ORDER_DEEDS, HandOverAgain, *PAYMENT_DEEDS, *REFUND_DEEDS)


@hooks.register("register_admin_urls")
def routes_of_deeds() -> list[URLPattern]:
    return [
        path(
            f"shop/{deed.name.replace('_', '-')}/<int:pk>/", deed.as_view(), name=f"commerce_cms_{deed.name}"
        )
        for deed in DEEDS
    ]


@hooks.register("register_log_actions")
def words_of_deeds(actions: LogActionRegistry) -> None:
    for deed in DEEDS:
        actions.register_action(f"commerce.{deed.name}", deed.title, deed.title)
