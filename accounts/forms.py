"""Forms for people; allauth's own forms take their fields from here."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.utils.dates import WEEKDAYS
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import credentials
from accounts.validators import validate_one_line

if TYPE_CHECKING:
    from django.http import HttpRequest


class SignupForm(forms.Form):
    """What sign-up asks besides e-mail address and password; allauth mixes it into its own form."""

    first_name = forms.CharField(
        label=_("First name"),
        max_length=150,
        required=False,
        validators=[validate_one_line],
        help_text=_("What we call you on the site."),
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    field_order = ["first_name", "email", "password1", "password2"]

    def full_clean(self) -> None:
        # Before allauth asks whether the address is free.
        if self.is_bound:
            credentials.drop_claims(email=str(self.data.get("email", "")).replace("\x00", ""))
        super().full_clean()

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth once the account is made."""
        user.first_name = self.cleaned_data["first_name"]
        user.save(update_fields=["first_name"])


class PhoneField(forms.CharField):
    """A telephone number as people write it: spaces, brackets, dots and hyphens are left out."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(value).translate(str.maketrans("", "", " ()-./\u00a0\u2011\u2013"))


class ProfileForm(forms.ModelForm):
    """What people say of themselves. Their addresses, password and picture have forms of their own."""

    class Meta:
        model = User
        field_classes = {"phone": PhoneField}
        fields = ["first_name", "last_name", "city", "phone", "language", "time_zone"]
        widgets = {
            "first_name": forms.TextInput(attrs={"autocomplete": "given-name"}),
            "last_name": forms.TextInput(attrs={"autocomplete": "family-name"}),
            "city": forms.TextInput(attrs={"autocomplete": "address-level2"}),
            "phone": forms.TextInput(
                attrs={"type": "tel", "autocomplete": "tel", "placeholder": "+34911234567"}
            ),
        }
        help_texts = {
            "first_name": _("Everybody who is signed in can see it, and what we call you on the site."),
            "last_name": _("Only you and those who run the portal see it."),
            "city": _("Everybody who is signed in can see it."),
            "phone": _(
                "With the country code, such as +34911234567. Only you and those who run the portal see it."
            ),
            "language": _("Of the pages once you sign in, and of our letters."),
            "time_zone": _("Dates and times are shown as your clock has them."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = [
            ("", _("The site's")),
            *(
                (code, get_language_info(code)["name_local"].capitalize())
                for code, _name in settings.LANGUAGES
            ),
        ]
        self.fields["time_zone"] = forms.ChoiceField(
            label=self.fields["time_zone"].label,
            help_text=self.fields["time_zone"].help_text,
            required=False,
            choices=[
                ("", _("The site's")),
                *((name, name.replace("_", " ")) for name in zones(self.instance.time_zone)),
            ],
        )

    def save(self, commit: bool = True) -> User:
        if commit:
            # What was not touched here may have been changed elsewhere meanwhile: sign-in, password, rights.
            self.instance.save(update_fields=self.changed_data)
            return self.instance
        return super().save(commit=False)


class AvatarForm(forms.Form):
    """A picture; what becomes of it accounts.services.avatars decides."""

    picture = forms.FileField(
        label=_("Your picture"),
        help_text=_("JPEG, PNG or WebP, at most 5 MB. We cut a square out of its middle."),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        error_messages={"required": _("Choose a file first."), "empty": _("This file is empty.")},
    )


class DigestTimeForm(forms.Form):
    """When digests come, by the clock of the person's zone."""

    hour = forms.TypedChoiceField(
        label=_("At"), coerce=int, choices=[(hour, f"{hour:02}:00") for hour in range(24)]
    )
    weekday = forms.TypedChoiceField(
        label=_("Once a week: on"), coerce=int, choices=[(day, name) for day, name in WEEKDAYS.items()]
    )


class SearchForm(forms.Form):
    q = forms.CharField(
        label=_("Name or city"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search"}),
    )


class ReactivationForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class OwnAddress(forms.Form):
    """For the administrators' forms: no address that somebody else has, be it as one of several."""

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if credentials.belongs_to_another(email, than=self.instance):
            raise forms.ValidationError(
                _("Another account has this e-mail address, perhaps beside its main one."), code="unique"
            )
        return email


class DeletionForm(forms.Form):
    """Asks for the password; who has none, for signs in by way of another site, writes the e-mail address."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    email = forms.EmailField(label=_("Your e-mail address, to be sure"))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        del self.fields["email" if user.has_usable_password() else "password"]

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError(_("This is not your password."), code="wrong_password")
        return password

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email.lower() != self.user.email:
            raise forms.ValidationError(_("This is not the address of your account."), code="wrong_address")
        return email


def zones(present: str = "") -> list[str]:
    """The zones people live in, by place, and the present one; other names and mere offsets are left out."""
    places = {
        name
        for name in zoneinfo.available_timezones()
        if "/" in name and not name.startswith(("Etc/", "posix/", "right/", "SystemV/", "US/"))
    }
    return ["UTC", *sorted(places | ({present} - {"", "UTC"}))]
