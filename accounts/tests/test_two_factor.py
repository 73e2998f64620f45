"""The second factor: set up, asked for at sign-in, lost, and demanded of staff."""

import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, TestCase
from django.utils import timezone

from accounts.adapter import MFAAdapter
from accounts.services import second_factor, tokens
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_of(secret, steps=0):
    """What an app shows now, or some half minutes later."""
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + steps))


def with_app(user):
    totp.TOTP.activate(user, SECRET)
    return user


def with_codes(user):
    return RecoveryCodes.activate(user).get_unused_codes()


def sign_in(client, user):
    return client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})


def is_signed_in(client):
    return "_auth_user_id" in client.session


# --- Setting it up -----------------------------------------------------------------------------------------
def test_an_app_is_set_up_with_the_code_it_shows_and_brings_recovery_codes(client):
    user = UserFactory(verified=True)
    client.force_login(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    page = client.get("/accounts/2fa/totp/activate/", follow=True)
    secret = page.context["form"].secret
    done = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)}, follow=True)

    assert done.request["PATH_INFO"] == "/accounts/2fa/recovery-codes/"
    assert len(done.context["unused_codes"]) == 10
    assert second_factor.is_set_up(user)


def test_what_the_password_alone_had_opened_ends_when_a_second_factor_is_set_up(client):
    user = UserFactory(verified=True)
    thief = Client()
    for browser in (client, thief):
        sign_in(browser, user)
    stolen = tokens.issue(user=user, at=timezone.now())
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    secret = client.get("/accounts/2fa/totp/activate/", follow=True).context["form"].secret

    with TestCase.captureOnCommitCallbacks(execute=True):
        client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})

    assert second_factor.is_set_up(user)
    assert is_signed_in(client)
    assert thief.get("/my/").status_code == 302
    with pytest.raises(tokens.TokenRefused):
        tokens.renew(str(stolen), at=timezone.now())


def test_a_wrong_code_sets_nothing_up(client):
    user = UserFactory(verified=True)
    client.force_login(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get("/accounts/2fa/totp/activate/")

    client.post("/accounts/2fa/totp/activate/", {"code": "000000"})

    assert not second_factor.is_set_up(user)


def test_setting_up_asks_for_the_password_when_the_session_is_not_fresh(client):
    user = UserFactory(verified=True)
    client.force_login(user)

    answer = client.get("/accounts/2fa/totp/activate/")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/reauthenticate/")


def test_who_has_not_confirmed_an_address_sets_nothing_up(client):
    user = UserFactory()
    EmailAddress.objects.create(user=user, email=user.email, verified=False, primary=True)
    client.force_login(user)

    answer = client.get("/accounts/2fa/totp/activate/")

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/2fa/")


def test_a_secret_is_sealed_in_the_database():
    user = with_app(UserFactory())

    kept = Authenticator.objects.get(user=user).data["secret"]

    assert SECRET not in kept
    assert MFAAdapter().decrypt(kept) == SECRET


def test_a_former_key_still_opens_what_it_sealed(settings):
    sealed = MFAAdapter().encrypt(SECRET)

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-of-the-site-that-came-later"
    assert MFAAdapter().decrypt(sealed) == SECRET

    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FALLBACKS"):
        MFAAdapter().decrypt(sealed)


# --- Signing in with it ------------------------------------------------------------------------------------
def test_the_password_alone_does_not_sign_in_who_has_a_second_factor(client):
    user = with_app(UserFactory(verified=True))

    answer = sign_in(client, user)

    assert answer["Location"] == "/accounts/2fa/authenticate/"
    assert not is_signed_in(client)
    assert client.get("/my/").status_code == 302


def test_password_and_code_sign_in(client):
    user = with_app(UserFactory(verified=True))
    sign_in(client, user)

    client.post("/accounts/2fa/authenticate/", {"code": code_of(SECRET)})

    assert is_signed_in(client)


@pytest.mark.parametrize("steps", [-4, 4])
def test_a_code_of_two_minutes_ago_or_ahead_does_not(client, steps):
    user = with_app(UserFactory(verified=True))
    sign_in(client, user)

    answer = client.post("/accounts/2fa/authenticate/", {"code": code_of(SECRET, steps)})

    assert answer.context["form"].errors["code"]
    assert not is_signed_in(client)


def test_a_code_that_was_used_is_dead(client):
    user = with_app(UserFactory(verified=True))
    code = code_of(SECRET)
    sign_in(client, user)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    client.post("/accounts/logout/")

    sign_in(client, user)
    client.post("/accounts/2fa/authenticate/", {"code": code})

    assert not is_signed_in(client)


def test_a_recovery_code_signs_in_once(client):
    user = with_app(UserFactory(verified=True))
    code = with_codes(user)[0]

    sign_in(client, user)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    assert is_signed_in(client)
    client.post("/accounts/logout/")

    sign_in(client, user)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    assert not is_signed_in(client)


def test_a_reset_password_is_no_way_round_the_second_factor(client, mailoutbox):
    user = with_app(UserFactory(email="ada@example.com", verified=True))
    client.post("/accounts/password/reset/", {"email": user.email})
    link = next(word for word in mailoutbox[0].body.split() if "/reset/key/" in word)
    form = client.get(link, follow=True)

    client.post(form.request["PATH_INFO"], {"password1": "new-tangerine-42", "password2": "new-tangerine-42"})
    client.post("/accounts/login/", {"login": user.email, "password": "new-tangerine-42"})

    assert not is_signed_in(client)


# --- Demanded of staff -------------------------------------------------------------------------------------
def editor():
    group = Group.objects.create(name="People with a way into the CMS")
    group.permissions.add(Permission.objects.get(codename="access_admin"))
    user = UserFactory(verified=True)
    user.groups.add(group)
    return user


@pytest.fixture
def demanded(settings):
    settings.REQUIRE_STAFF_TWO_FACTOR = True


DOORS = ["/cms/", "/cms/pages/", "/cms/images/", "/cms/reports/", "/admin/", "/admin/accounts/user/"]


@pytest.mark.usefixtures("demanded")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_without_a_second_factor_are_sent_to_set_it_up_by_every_door(client, door, method):
    client.force_login(UserFactory(superuser=True))

    answer = getattr(client, method)(door)

    assert answer.status_code == 302
    assert answer["Location"].partition("?")[0] == "/accounts/2fa/"


@pytest.mark.usefixtures("demanded")
def test_an_editor_without_the_staff_mark_is_asked_as_well(client):
    client.force_login(editor())

    answer = client.get("/cms/", follow=True)

    assert answer.request["PATH_INFO"] == "/accounts/2fa/"
    assert "second factor" in str(next(iter(answer.context["messages"])))


@pytest.mark.usefixtures("demanded")
@pytest.mark.parametrize("door", ["/cms/", "/admin/"])
def test_staff_with_a_second_factor_come_in(client, door):
    client.force_login(with_app(UserFactory(superuser=True)))

    assert client.get(door).status_code == 200


@pytest.mark.usefixtures("demanded")
def test_recovery_codes_alone_are_no_second_factor(client):
    user = UserFactory(superuser=True)
    with_codes(user)
    client.force_login(user)

    assert client.get("/cms/").status_code == 302


@pytest.mark.usefixtures("demanded")
def test_who_turns_the_second_factor_off_is_asked_again(client):
    user = with_app(UserFactory(superuser=True))
    client.force_login(user)
    Authenticator.objects.all().delete()

    assert client.get("/admin/").status_code == 302


@pytest.mark.usefixtures("demanded")
def test_members_are_asked_for_none_and_their_own_pages_stay_open(client):
    client.force_login(UserFactory())

    assert client.get("/my/").status_code == 200
    assert client.get("/accounts/2fa/").status_code == 200


@pytest.mark.usefixtures("demanded")
def test_staff_still_learn_and_sign_out_without_it(client):
    client.force_login(UserFactory(superuser=True))

    assert client.get("/my/").status_code == 200
    assert client.post("/accounts/logout/").status_code == 302


def test_where_it_is_not_demanded_staff_come_in_without(client):
    client.force_login(UserFactory(superuser=True))

    assert client.get("/cms/").status_code == 200
