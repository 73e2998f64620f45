"""The one place where allauth is bent to the portal's will."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import IntegrityError, transaction
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts.services import credentials, second_factor

if TYPE_CHECKING:
    from allauth.account.models import EmailAddress
    from django.core.mail import EmailMultiAlternatives
    from django.http import HttpRequest, HttpResponse

    from accounts.models import User

logger = logging.getLogger(__name__)

#: What stands on the button of a letter, by the name that allauth gives its link.
BUTTONS = {
    "activate_url": _("Confirm the address"),
    "password_reset_url": _("Choose a new password"),
    "signup_url": _("Make an account"),
}


class AddressJustTaken(ImmediateHttpResponse):
    """Two signed up with one address at once, and this is the later one. Pages answer it by themselves."""

    def __init__(self, request: HttpRequest, email: str) -> None:
        Exception.__init__(self, email)
        self.request, self.email = request, email

    @property
    def response(self) -> HttpResponse:
        """What whoever signs up with an address that has long been known gets."""
        if app_settings.EMAIL_VERIFICATION == app_settings.EmailVerificationMethod.MANDATORY:
            answer: HttpResponse = prevent_enumeration(self.request, email=self.email)
            return answer
        messages.error(self.request, AccountAdapter.error_messages["email_taken"])
        return redirect("account_signup")


class AccountAdapter(DefaultAccountAdapter):
    """Keeps e-mail addresses in lower case, has no user name to fill, and greets people in their language."""

    def clean_email(self, email: str) -> str:
        return super().clean_email(email).lower()

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Raises AddressJustTaken when another request made an account with the address a moment ago."""
        try:
            with transaction.atomic():
                saved: User = super().save_user(request, user, form, commit)
        except IntegrityError as error:
            if not type(user).objects.filter(email=user.email).exists():
                raise
            raise AddressJustTaken(request, user.email) from error
        return saved

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Whether the address is its owner's now; not when another has it, be it since a moment ago."""
        try:
            with transaction.atomic():
                is_confirmed: bool = super().confirm_email(request, email_address)
        except IntegrityError:
            # One more time: allauth sees now who has it, and says so to the reader.
            email_address.refresh_from_db()
            return bool(super().confirm_email(request, email_address))
        return is_confirmed

    def populate_username(self, request: HttpRequest, user: User) -> None:
        """Do nothing on purpose: the portal's users have no user name."""

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # allauth's own key names the host of the request: whoever asks by another port would start at nought.
        return str(credentials.get("email", "")).lower()

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """In the language of whoever has the account; with links to the portal, whatever host was asked."""
        user = context.get("user")
        words = {
            **context,
            **{name: at_home(context[name]) for name in BUTTONS if name in context},
            "portal_name": settings.PORTAL_NAME,
            "portal_url": settings.PORTAL_BASE_URL,
        }
        with translation.override(getattr(user, "language", "") or translation.get_language()):
            self.render_mail(template_prefix, email, {"email": email, **words}).send()

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell a person what was done to their account. What was done stays done if the letter cannot go."""
        words = {**(context or {}), "user": user, "password_reset_url": reverse("account_reset_password")}
        try:
            super().send_notification_mail(template_prefix, user, words, email)
        except Exception:
            logger.exception("The notice %s to user %s could not be sent", template_prefix, user.pk)

    def render_mail(
        self, template_prefix: str, email: str | list[str], context: dict[str, Any], headers: Any = None
    ) -> EmailMultiAlternatives:
        """The letter, and the same words as a page: two texts would come to say different things."""
        letter = super().render_mail(template_prefix, email, context, headers)
        links = {context[name]: label for name, label in BUTTONS.items() if name in context}
        *paragraphs, _portal = letter.body.split("\n\n")
        page = {
            **context,
            "subject": letter.subject,
            "paragraphs": [{"text": each, "button": links.get(each.strip())} for each in paragraphs],
        }
        letter.attach_alternative(render_to_string("account/email/letter.html", page), "text/html")
        return letter

    def respond_email_verification_sent(self, request: HttpRequest, user: User | None) -> HttpResponse:
        if user is None and "password1" in request.POST:
            # The address has an account, which nobody may learn: as slow as making one.
            make_password(request.POST["password1"])
        return super().respond_email_verification_sent(request, user)

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        response = super().post_login(request, user, **kwargs)
        if user.language:
            remember_language(response, user.language)
        return response


class MFAAdapter(DefaultMFAAdapter):
    """Keeps the secrets of authenticator apps sealed: a copy of the database alone opens no account."""

    def encrypt(self, text: str) -> str:
        return _seal().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _seal().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            raise ImproperlyConfigured(
                "A second factor was sealed with another SECRET_KEY. Put the former one into "
                "SECRET_KEY_FALLBACKS, or remove the person's authenticators: they then set up new ones."
            ) from None


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Offers the providers that the environment names, and no others."""

    def list_apps(
        self, request: HttpRequest | None, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        return [
            SocialApp(provider=name, client_id=keys["client_id"], secret=keys["secret"])
            for name, options in settings.SOCIALACCOUNT_PROVIDERS.items()
            for keys in options["APPS"]
            if provider in (None, name) and client_id in (None, keys["client_id"])
        ]

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, said: dict[str, Any]) -> User:
        """A new account with the names that the provider gives, where people could have written them here."""
        user: User = super().populate_user(request, sociallogin, said)
        for name in ("first_name", "last_name"):
            try:
                user._meta.get_field(name).clean(getattr(user, name), user)
            except ValidationError:
                setattr(user, name, "")
        return user


def connect() -> None:
    """Have the portal told of what happens at allauth's pages; called when the app starts."""
    authenticator_added.connect(end_what_the_password_alone_had_opened)


def end_what_the_password_alone_had_opened(
    sender: object, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    """With the first factor set up, whoever signed in elsewhere by the password alone signs in again."""
    factors = Authenticator.objects.filter(user=user, type__in=second_factor.FACTORS)
    if list(factors) != [authenticator]:
        return
    credentials.sign_out(user=user, keep=request.session.session_key)


def at_home(url: str) -> str:
    """The same page at the portal's own address: whoever asks may claim any host, and letters must not."""
    parts = urlsplit(url)
    return urljoin(settings.PORTAL_BASE_URL, parts._replace(scheme="", netloc="").geturl())


def remember_language(response: HttpResponse, language: str) -> None:
    """Let the following pages be in this language, as the language switcher does."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=settings.LANGUAGE_COOKIE_PATH,
        domain=settings.LANGUAGE_COOKIE_DOMAIN,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )


def _seal() -> MultiFernet:
    """The present key first; former ones still open what they closed."""
    return MultiFernet(
        [
            Fernet(
                base64.urlsafe_b64encode(
                    HKDF(algorithm=SHA256(), length=32, salt=None, info=b"portal second factor").derive(
                        secret.encode()
                    )
                )
            )
            for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        ]
    )
