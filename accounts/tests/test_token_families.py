"""What one sign-in by token brings: everything renewed from it lives and ends together."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts import tasks
from accounts.models import EndedTokenFamily
from accounts.services import tokens
from accounts.tests.crowd import all_at_once
from accounts.tests.factories import UserFactory

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
ME = "/api/v1/users/me/"


@pytest.fixture
def ada(db):
    return UserFactory(email="ada@example.com")


def used_at(token, moment):
    """Note that a refresh token was used at a moment."""
    BlacklistedToken.objects.filter(token__jti=token["jti"]).update(blacklisted_at=moment)


def is_good(token):
    try:
        tokens.check(str(token))
    except tokens.TokenRefused:
        return False
    return True


# --- Used twice --------------------------------------------------------------------------------------------
def test_a_refresh_token_used_again_later_ends_all_that_came_of_its_sign_in(ada):
    first = tokens.issue(user=ada, at=NOON)
    second = tokens.renew(str(first), at=NOON)
    third = tokens.renew(str(second), at=NOON)
    elsewhere = tokens.issue(user=ada, at=NOON)
    used_at(first, NOON)

    with pytest.raises(tokens.TokenRefused, match="used already"):
        tokens.renew(str(first), at=NOON + timedelta(seconds=31))

    assert [is_good(each) for each in (third, third.access_token, second.access_token)] == [False] * 3
    with pytest.raises(tokens.TokenRefused, match="signed out"):
        tokens.renew(str(third), at=NOON + timedelta(seconds=32))
    assert [is_good(each) for each in (elsewhere, elsewhere.access_token)] == [True] * 2


def test_one_used_twice_at_nearly_the_same_time_ends_nothing(ada):
    first = tokens.issue(user=ada, at=NOON)
    second = tokens.renew(str(first), at=NOON)
    used_at(first, NOON)

    with pytest.raises(tokens.TokenRefused, match="used already"):
        tokens.renew(str(first), at=NOON + timedelta(seconds=30))

    assert [is_good(each) for each in (second, second.access_token)] == [True] * 2


def test_the_api_ends_the_family_too(ada):
    client = APIClient()
    first = tokens.issue(user=ada, at=timezone.now())
    pair = client.post("/api/v1/token/refresh/", {"refresh": str(first)}).json()
    used_at(first, timezone.now() - timedelta(minutes=1))

    again = client.post("/api/v1/token/refresh/", {"refresh": str(first)})

    answer = client.get(ME, headers={"Authorization": f"Bearer {pair['access']}"})
    assert (again.status_code, answer.status_code) == (401, 401)
    assert answer.json()["detail"] == "This token was signed out; sign in again."


# --- Signed out --------------------------------------------------------------------------------------------
def test_signing_out_ends_the_access_tokens_of_that_sign_in_and_of_no_other(ada):
    here, elsewhere = tokens.issue(user=ada, at=NOON), tokens.issue(user=ada, at=NOON)
    renewed = tokens.renew(str(here), at=NOON)

    tokens.end(str(renewed), at=NOON)

    mine = (here.access_token, renewed, renewed.access_token)
    assert [is_good(each) for each in (*mine, elsewhere.access_token)] == [False, False, False, True]


def test_signing_out_everywhere_ends_access_tokens_at_once_and_leaves_those_that_come_after(ada):
    before = tokens.issue(user=ada, at=NOON)

    tokens.end_all(user=ada)
    ada.refresh_from_db()
    after = tokens.issue(user=ada, at=NOON)

    assert [is_good(each) for each in (before, before.access_token)] == [False] * 2
    assert [is_good(each) for each in (after, after.access_token)] == [True] * 2


def test_a_pair_renewed_while_everything_is_signed_out_is_dead(ada, monkeypatch):
    first = tokens.issue(user=ada, at=NOON)
    plain = tokens._use_up

    def signed_out_meanwhile(token):
        tokens.end_all(user=ada)
        return plain(token)

    monkeypatch.setattr(tokens, "_use_up", signed_out_meanwhile)

    second = tokens.renew(str(first), at=NOON)

    assert [is_good(each) for each in (second, second.access_token)] == [False] * 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_nothing_survives_sixteen_renewals_that_race_with_signing_out_everywhere():
    ada = UserFactory()
    living = [tokens.issue(user=ada, at=NOON) for _device in range(15)]
    renewals = [lambda raw=str(token): tokens.renew(raw, at=NOON) for token in living]
    acts = [lambda: tokens.end_all(user=ada), *renewals]

    results = all_at_once(lambda: acts.pop()(), count=len(acts))

    renewed = [result for result in results if isinstance(result, tokens.RefreshToken)]
    assert [is_good(token) for token in (*living, *renewed)] == [False] * (15 + len(renewed))


# --- What is kept ------------------------------------------------------------------------------------------
def test_the_database_keeps_no_token_that_could_be_used(ada):
    tokens.renew(str(tokens.issue(user=ada, at=NOON)), at=NOON)

    assert set(OutstandingToken.objects.values_list("token", flat=True)) == {""}


def test_a_renewed_token_still_says_when_its_holder_signed_in(ada):
    first = tokens.issue(user=ada, at=NOON)

    second = tokens.renew(str(first), at=NOON + timedelta(days=2))

    assert {each["auth_time"] for each in (first, second, second.access_token)} == {int(NOON.timestamp())}
    assert {each["family"] for each in (first, second, second.access_token)} == {first["jti"]}


def test_what_is_noted_of_an_ended_family_goes_when_its_last_token_has_expired(ada):
    now = timezone.now()
    for age in (13, 15):
        EndedTokenFamily.objects.create(family=f"{age} days ago", ended_at=now - timedelta(days=age))

    tasks.flush_expired_tokens()

    assert [ended.family for ended in EndedTokenFamily.objects.all()] == ["13 days ago"]


def test_asking_who_a_token_speaks_for_takes_one_query(ada, django_assert_num_queries):
    access = tokens.issue(user=ada, at=NOON).access_token

    with django_assert_num_queries(1):
        tokens.holder(access)
