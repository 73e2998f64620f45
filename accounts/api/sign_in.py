"""Signing in and up by the API through allauth, so that the API is no way round the browser's rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.forms import SignupForm
from allauth.account.models import EmailAddress
from allauth.account.signals import user_signed_up
from allauth.account.utils import has_verified_email
from allauth.core import ratelimit
from allauth.core.internal.ratelimit import get_rates
from allauth.mfa.base.forms import AuthenticateForm
from allauth.utils import get_form_class
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ValidationError as Refusal
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled, ValidationError

from accounts.adapter import AddressJustTaken
from accounts.models import User
from accounts.services import second_factor

# Names of the form's fields where the API has others.
FIELDS = {"password1": "password", "password2": "password", "__all__": "non_field_errors"}


# --- Signing in ---
def authenticate(request: HttpRequest, *, email: str, password: str, code: str = "") -> User:
    """Whoever may have tokens for an address and a password (and a code, with a second factor).

    Failures count into the browser's limits for failed sign-ins. Raises Throttled, AuthenticationFailed, and
    ValidationError when the account asks for a code and there is none.
    """
    try:
        user = get_adapter(request).authenticate(request, email=email, password=password)
    except Refusal as refusal:
        raise too_many("login_failed") from refusal
    if user is None:
        raise AuthenticationFailed(_("No account has this e-mail address and password."))
    # What follows is told to those only who know the password.
    if not user.is_active:
        raise AuthenticationFailed(_("This account is blocked. Signing in on the site says what to do."))
    if is_verification_mandatory() and not has_verified_email(user, email):
        address, _is_new = EmailAddress.objects.get_or_create(user=user, email=email.lower())
        send_confirmation(request, address)
        raise AuthenticationFailed(
            _("This e-mail address is not confirmed yet. Follow the link in the letter we have sent to it.")
        )
    require_second_factor(user, code)
    return user


def prove(request: HttpRequest, *, user: User, password: str, code: str = "") -> None:
    """Have somebody who is signed in show once more that they are who they are.

    Counted like signing in. Raises Throttled, PermissionDenied, and ValidationError when a code is missing.
    """
    try:
        proven = get_adapter(request).authenticate(request, email=user.email, password=password)
    except Refusal as refusal:
        raise too_many("login_failed") from refusal
    if proven != user:
        raise PermissionDenied(_("This is not your password."))
    try:
        require_second_factor(user, code)
    except AuthenticationFailed as refusal:
        raise PermissionDenied(str(refusal.detail)) from refusal


def require_second_factor(user: User, code: str) -> None:
    """Raise unless the code of a second factor fits; also for staff who must have one and do not."""
    if not second_factor.is_set_up(user):
        if second_factor.is_missing(user):
            raise AuthenticationFailed(
                _("Your account needs a second factor. Set one up on the site, at /accounts/2fa/.")
            )
        return
    if not code:
        raise ValidationError(
            {"code": [_("Send the code of your authenticator app too, or one of your recovery codes.")]}
        )
    form = AuthenticateForm({"code": code}, user=user)
    if form.is_valid():
        form.authenticator.record_usage()
        return
    if form.has_error("code", "too_many_login_attempts"):
        raise too_many("login_failed")
    raise AuthenticationFailed(" ".join(form.errors.get("code", [])))


# --- Signing up ---
def register(request: HttpRequest, *, email: str, password: str, **facts: str) -> User | None:
    """Make an account by the browser's own form and send the letter that confirms its address.

    None when the address has an account and nobody may learn that: then its owner gets a letter. Raises
    Throttled, PermissionDenied and ValidationError.
    """
    if not ratelimit.consume(request, action="signup"):
        raise too_many("signup")
    if not get_adapter(request).is_open_for_signup(request):
        raise PermissionDenied(_("New accounts are not made at the moment."))
    form_class = get_form_class(app_settings.FORMS, "signup", SignupForm)
    form = form_class({"email": email, "password1": password, "password2": password, **facts})
    if not form.is_valid():
        raise ValidationError({FIELDS.get(name, name): errors for name, errors in form.errors.items()})

    user = None if form.account_already_exists else save(request, form, facts)
    if user is None:
        if not is_verification_mandatory():
            raise ValidationError({"email": [get_adapter().error_messages["email_taken"]]})
        User().set_password(password)  # as slow as making an account
        if ratelimit.consume(request, action="confirm_email", key=email):
            get_adapter(request).send_account_already_exists_mail(email)
        return None
    user_signed_up.send(sender=User, request=request, user=user)
    send_confirmation(request, EmailAddress.objects.get(user=user, email=user.email), signup=True)
    return user


def save(request: HttpRequest, form: SignupForm, facts: dict[str, str]) -> User | None:
    """The account a valid form describes; None when another request made it a moment ago."""
    try:
        with transaction.atomic(), without_session(request):
            user = form.save(request)
            for name, value in facts.items():
                setattr(user, name, value)
            user.save(update_fields=[*facts])
    except AddressJustTaken:
        return None
    return user


@contextmanager
def without_session(request: HttpRequest) -> Iterator[None]:
    """Let allauth write into a session that is thrown away: a new account's answer brings no cookie."""
    kept, request.session = request.session, SessionBase()
    try:
        yield
    finally:
        request.session = kept


# --- Both ---
def is_verification_mandatory() -> bool:
    return app_settings.EMAIL_VERIFICATION == app_settings.EmailVerificationMethod.MANDATORY


def send_confirmation(request: HttpRequest, address: EmailAddress, *, signup: bool = False) -> None:
    """Send the letter with the link, unless one has just been sent: that one is good still."""
    if ratelimit.consume(request, action="confirm_email", key=address.email):
        address.send_confirmation(request, signup=signup)


def too_many(action: str) -> Throttled:
    """The refusal when one of allauth's limits is reached; after the longest of them it is so no more."""
    rates = get_rates(app="allauth.account", action=action)
    return Throttled(wait=max(rate.duration for rate in rates))
