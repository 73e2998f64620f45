"""Signing in by way of others: switched on by the environment alone."""

import os
import re
import socket
import subprocess
import sys

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.github.provider import GitHubProvider
from django.core.exceptions import ImproperlyConfigured

from accounts.adapter import SocialAccountAdapter
from accounts.tests.factories import UserFactory

ROOT = __file__.rsplit("/accounts/", 1)[0]
KEYS = {"SOCIAL_GITHUB_CLIENT_ID": "our-id", "SOCIAL_GITHUB_CLIENT_SECRET": "our-secret"}


def started(expression, **environment):
    """What the settings say under exactly this environment."""
    return subprocess.run(
        [sys.executable, "-c", f"from portal.settings import test as settings; print({expression})"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **environment},
    )


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/"])
def test_where_none_is_configured_nothing_is_shown(client, path):
    page = client.get(path).content.decode()

    assert "Or by way of" not in page
    assert "/accounts/github/" not in page


@pytest.mark.django_db
def test_a_row_in_the_database_switches_no_provider_on(rf):
    SocialApp.objects.create(provider="github", name="Planted", client_id="evil", secret="evil")

    assert SocialAccountAdapter().list_apps(rf.get("/")) == []


def test_the_environment_switches_a_provider_on():
    done = started(
        "(settings.SOCIALACCOUNT_PROVIDERS, settings.INSTALLED_APPS[-1], "
        "settings.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action'][-1])",
        SOCIAL_PROVIDERS="github",
        **KEYS,
    )

    assert done.stdout.strip() == str(
        (
            {"github": {"APPS": [{"client_id": "our-id", "secret": "our-secret"}]}},
            "allauth.socialaccount.providers.github",
            "https://github.com",
        )
    ), done.stderr


def test_keys_alone_switch_nothing_on():
    done = started("settings.SOCIALACCOUNT_PROVIDERS", **KEYS)

    assert done.stdout.strip() == "{}", done.stderr


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"SOCIAL_PROVIDERS": "google"}, "set SOCIAL_GOOGLE_CLIENT_ID and SOCIAL_GOOGLE_CLIENT_SECRET too"),
        ({"SOCIAL_PROVIDERS": "myspace"}, 'names "myspace". Known are: github, gitlab, google, microsoft'),
    ],
)
def test_a_provider_without_keys_or_unknown_stops_the_start(environment, said):
    done = started("'started'", **environment)

    assert done.returncode == 1
    assert ImproperlyConfigured.__name__ in done.stderr
    assert said in done.stderr


def test_with_a_provider_its_button_is_on_the_page_and_leads_there():
    script = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment
setup_test_environment()
call_command("migrate", verbosity=0)
client = Client()
page = client.get("/accounts/login/").content.decode()
print("GitHub" in page, "/accounts/github/login/?process=login" in page, "Google" in page)
sent = client.post("/accounts/github/login/?process=login")
print(sent.status_code, sent["Location"].split("?")[0], "client_id=our-id" in sent["Location"])
print(client.get("/accounts/github/login/?process=login").status_code)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "portal.settings.test",
            "SOCIAL_PROVIDERS": "github",
            **KEYS,
        },
    )

    assert done.stdout.splitlines() == [
        "True True False",
        "302 https://github.com/login/oauth/authorize True",
        "200",
    ], done.stderr[-2000:]


@pytest.mark.slow
def test_with_a_stand_in_for_github_every_way_there_and_back_goes_as_it_should():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n0",
            "-p",
            "no:cacheprovider",
            "accounts/tests/social_callback.py",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "SOCIAL_PROVIDERS": "github",
            "SOCIAL_GITHUB_URL": f"http://127.0.0.1:{port}",
            **KEYS,
        },
    )

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert re.search(r"^[1-9]\d* passed", done.stdout, re.MULTILINE)


@pytest.mark.django_db
def test_an_address_that_another_site_calls_confirmed_opens_no_account_that_is_here(rf):
    user = UserFactory(email="ada@example.com", verified=True)
    login = SocialLogin(
        account=SocialAccount(provider="github", uid="7"),
        provider=GitHubProvider(rf.get("/"), app=SocialApp(provider="github", client_id="our-id")),
        email_addresses=[EmailAddress(email="ada@example.com", verified=True, primary=True)],
    )

    login.lookup()

    assert not login.is_existing
    assert not SocialAccount.objects.filter(user=user).exists()
