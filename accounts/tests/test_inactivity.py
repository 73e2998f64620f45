"""Accounts that nobody uses: warned, a week later blocked, and opened again by their owners."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.db import connection

from accounts.models import Message, User
from accounts.services import inactivity, notifying
from accounts.services.inactivity import LinkRefused, Outcome
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
MADRID = ZoneInfo("Europe/Madrid")
SEEN = datetime(2026, 5, 15, 10, 0, tzinfo=UTC)
WARNING_DAY = datetime(2026, 6, 9, 4, 20, tzinfo=UTC)
BLOCKING_DAY = datetime(2026, 6, 16, 4, 20, tzinfo=UTC)
DAY = timedelta(days=1)


def run(at, zone=UTC):
    return inactivity.warn_and_block(at=at, zone=zone)


def seen(at=SEEN, **fields):
    return UserFactory(last_login=at, date_joined=datetime(2025, 1, 1, tzinfo=UTC), **fields)


def blocked(**fields):
    return seen(is_active=False, blocked_for_inactivity_at=BLOCKING_DAY, **fields)


def send_all(at):
    return notifying.send_due(at=at)


def asked_link(user, at=BLOCKING_DAY):
    inactivity.request_reactivation(email=user.email, link_for=lambda token: token, at=at)
    return Message.objects.filter(recipient=user).latest("pk").context["link"]


# --- Warned and blocked ------------------------------------------------------------------------------------
def test_a_week_before_the_month_is_over_a_warning_is_written():
    ada = seen()

    assert run(WARNING_DAY - DAY) == Outcome(warned=0, blocked=0)
    assert run(WARNING_DAY) == Outcome(warned=1, blocked=0)

    message = Message.objects.get(recipient=ada)
    assert (message.kind, message.context) == ("accounts.inactivity_warning", {"blocked_on": "2026-06-16"})


def test_when_the_month_is_over_the_account_is_blocked():
    ada = seen()

    done = [run(WARNING_DAY + DAY * days) for days in range(8)]

    ada.refresh_from_db()
    assert done == [Outcome(1, 0), *[Outcome(0, 0)] * 6, Outcome(0, 1)]
    assert (ada.is_active, ada.blocked_for_inactivity_at) == (False, BLOCKING_DAY)


def test_running_twice_on_a_day_does_nothing_more():
    seen()

    first = [run(WARNING_DAY), run(WARNING_DAY + timedelta(hours=9))]
    later = [run(BLOCKING_DAY), run(BLOCKING_DAY + timedelta(hours=9))]

    assert first == [Outcome(1, 0), Outcome(0, 0)]
    assert later == [Outcome(0, 1), Outcome(0, 0)]
    assert Message.objects.count() == 1


def test_who_is_overdue_at_the_first_run_is_warned_first_and_blocked_a_week_later():
    seen(datetime(2026, 1, 1, tzinfo=UTC))

    assert run(BLOCKING_DAY) == Outcome(warned=1, blocked=0)
    assert Message.objects.get().context == {"blocked_on": "2026-06-23"}
    assert run(BLOCKING_DAY + 6 * DAY) == Outcome(0, 0)
    assert run(BLOCKING_DAY + 7 * DAY) == Outcome(0, 1)


def test_who_never_signed_in_counts_from_registration():
    UserFactory(last_login=None, date_joined=SEEN)

    assert run(WARNING_DAY) == Outcome(1, 0)
    assert run(BLOCKING_DAY) == Outcome(0, 1)


def test_who_signs_in_after_the_warning_is_not_blocked_and_is_warned_in_the_next_period():
    ada = seen()
    run(WARNING_DAY)
    User.objects.filter(pk=ada.pk).update(last_login=WARNING_DAY + DAY)

    assert run(BLOCKING_DAY) == Outcome(0, 0)
    assert run(WARNING_DAY + 26 * DAY) == Outcome(1, 0)
    assert Message.objects.filter(recipient=ada).count() == 2


def test_a_superuser_is_neither_warned_nor_blocked():
    seen(superuser=True)
    seen(superuser=True, inactivity_warned_at=WARNING_DAY)

    assert run(BLOCKING_DAY + 100 * DAY) == Outcome(0, 0)


def test_who_is_blocked_already_is_left_as_they_are():
    eve = seen(is_active=False, inactivity_warned_at=WARNING_DAY)

    assert run(BLOCKING_DAY) == Outcome(0, 0)
    eve.refresh_from_db()
    assert eve.blocked_for_inactivity_at is None


def test_the_days_are_those_of_the_zone_of_the_site():
    # 00:30 of 16 May in Madrid.
    seen(datetime(2026, 5, 15, 22, 30, tzinfo=UTC), inactivity_warned_at=WARNING_DAY)
    before_midnight = datetime(2026, 6, 16, 21, 59, tzinfo=UTC)

    assert run(before_midnight, MADRID) == Outcome(0, 0)
    assert run(before_midnight + timedelta(minutes=1), MADRID) == Outcome(0, 1)


def test_signing_in_by_token_counts(client):
    ada = seen()
    client.post("/api/v1/token/", {"email": ada.email, "password": PASSWORD}, content_type="application/json")

    ada.refresh_from_db()
    assert ada.last_login > datetime(2026, 6, 1, tzinfo=UTC)


def test_a_warning_is_not_sent_to_who_has_signed_in_since():
    ada = seen()
    run(WARNING_DAY)
    User.objects.filter(pk=ada.pk).update(last_login=WARNING_DAY + timedelta(minutes=1))

    assert send_all(WARNING_DAY + timedelta(minutes=2)) == 0
    assert (Message.objects.get().status, mail.outbox) == ("DROPPED", [])


def test_the_warning_names_the_day_and_the_way_back(settings):
    seen(first_name="Ada", language="en")
    run(WARNING_DAY)

    assert send_all(WARNING_DAY) == 1
    assert mail.outbox[0].subject.startswith("Your account will be blocked on ")
    assert f"{settings.PORTAL_BASE_URL}/accounts/login/" in mail.outbox[0].body


def test_the_schedule_runs_it_daily_in_the_zone_of_the_site(settings):
    assert settings.SCHEDULES["block-inactive-accounts"]["func"] == "accounts.tasks.block_inactive_accounts"


def test_the_number_of_people_costs_no_queries_but_for_batches(monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(inactivity, "BATCH", 10)
    UserFactory.create_batch(25, last_login=SEEN)

    with django_assert_max_num_queries(30):
        assert run(WARNING_DAY) == Outcome(25, 0)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_people(record_property):
    def peak(people):
        User.objects.all().delete()
        for start in range(0, people, 2000):
            User.objects.bulk_create(
                User(email=f"member{start + n}@example.com", last_login=SEEN, date_joined=SEEN, password="!")
                for n in range(2000)
            )
        tracemalloc.start()
        assert run(WARNING_DAY) == Outcome(people, 0)
        assert run(BLOCKING_DAY) == Outcome(0, people)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    few, many = peak(2_000), peak(20_000)

    record_property("peak_bytes", {2_000: few, 20_000: many})
    assert many < 1.5 * few


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_warn_everybody_once():
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    UserFactory.create_batch(40, last_login=SEEN)
    start = Barrier(4)

    def go(_number):
        try:
            start.wait()
            return run(WARNING_DAY).warned
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        warned = list(pool.map(go, range(4)))

    assert sum(warned) == 40
    assert Message.objects.count() == 40


# --- A blocked account is dead -----------------------------------------------------------------------------
def test_the_sessions_of_a_blocked_account_end(client):
    ada = seen()
    client.force_login(ada)
    assert client.get("/my/").status_code == 200

    User.objects.filter(pk=ada.pk).update(is_active=False)

    assert client.get("/my/").status_code == 302


def test_the_tokens_of_a_blocked_account_die(client):
    ada = seen()
    pair = client.post(
        "/api/v1/token/", {"email": ada.email, "password": PASSWORD}, content_type="application/json"
    ).json()
    User.objects.filter(pk=ada.pk).update(is_active=False)

    used = client.get("/api/v1/catalogue/", headers={"Authorization": f"Bearer {pair['access']}"})
    renewed = client.post(
        "/api/v1/token/refresh/", {"refresh": pair["refresh"]}, content_type="application/json"
    )

    assert (used.status_code, renewed.status_code) == (401, 401)


# --- Opened again ------------------------------------------------------------------------------------------
def test_a_mailed_link_opens_the_account_and_the_month_begins_anew():
    ada = blocked()
    link = asked_link(ada)
    opened_at = BLOCKING_DAY + timedelta(hours=2)

    opened = inactivity.reactivate(token=link, at=opened_at)

    assert (opened.is_active, opened.blocked_for_inactivity_at) == (True, None)
    assert (opened.reactivated_at, opened.last_seen_at) == (opened_at, opened_at)
    assert run(BLOCKING_DAY + 20 * DAY) == Outcome(0, 0)
    assert run(BLOCKING_DAY + 25 * DAY) == Outcome(1, 0)


def test_the_letter_reaches_the_blocked_and_forgets_its_link():
    ada = blocked()
    link = asked_link(ada)

    assert send_all(BLOCKING_DAY) == 1
    assert link in mail.outbox[0].body
    assert "link" not in Message.objects.get().context


def test_a_link_works_once():
    link = asked_link(blocked())
    inactivity.reactivate(token=link, at=BLOCKING_DAY)

    with pytest.raises(LinkRefused, match="has been used"):
        inactivity.reactivate(token=link, at=BLOCKING_DAY)


def test_a_link_of_an_earlier_blocking_does_not_open_a_later_one():
    ada = blocked()
    link = asked_link(ada)
    User.objects.filter(pk=ada.pk).update(blocked_for_inactivity_at=BLOCKING_DAY + timedelta(hours=1))

    with pytest.raises(LinkRefused):
        inactivity.reactivate(token=link, at=BLOCKING_DAY + timedelta(hours=2))


def test_a_link_lives_24_hours():
    link = asked_link(blocked())

    with pytest.raises(LinkRefused, match="24 hours"):
        inactivity.reactivate(token=link, at=BLOCKING_DAY + timedelta(hours=24))
    assert inactivity.reactivate(token=link, at=BLOCKING_DAY + timedelta(hours=23, minutes=59))


@pytest.mark.parametrize("token", ["", "nonsense", "eyJ1c2VyIjoxfQ:abc"])
def test_a_link_that_we_did_not_sign_is_refused(token):
    with pytest.raises(LinkRefused, match="not complete"):
        inactivity.reactivate(token=token, at=BLOCKING_DAY)


def test_a_changed_link_is_refused():
    link = asked_link(blocked())

    with pytest.raises(LinkRefused):
        inactivity.reactivate(token="x" + link, at=BLOCKING_DAY)


def test_only_whom_inactivity_blocked_gets_a_link():
    addresses = [
        seen().email,
        seen(is_active=False).email,
        "nobody@example.com",
        "",
    ]

    for email in addresses:
        said = inactivity.request_reactivation(email=email, link_for=lambda token: token, at=BLOCKING_DAY)
        assert said is None

    assert not Message.objects.exists()


def test_a_person_who_was_then_blocked_by_a_person_cannot_use_the_link():
    ada = blocked()
    link = asked_link(ada)
    assert inactivity.block(user=ada)

    with pytest.raises(LinkRefused):
        inactivity.reactivate(token=link, at=BLOCKING_DAY)
    assert not send_all(BLOCKING_DAY)


def test_a_person_who_was_then_blocked_by_a_person_is_sent_no_other_link():
    ada = blocked()
    inactivity.block(user=ada)

    inactivity.request_reactivation(email=ada.email, link_for=lambda token: token, at=BLOCKING_DAY)

    assert not Message.objects.exists()


def test_asking_often_gives_one_letter_in_a_quarter_of_an_hour():
    ada = blocked()

    for minutes in (0, 1, 14, 15):
        asked_link(ada, at=datetime(2026, 6, 16, 12, 0, tzinfo=UTC) + timedelta(minutes=minutes))

    assert Message.objects.count() == 2


def test_an_administrator_opens_any_account():
    ada, eve = blocked(), seen(is_active=False)

    assert inactivity.open_again(user=ada, at=BLOCKING_DAY)
    assert inactivity.open_again(user=eve, at=BLOCKING_DAY)
    assert not inactivity.open_again(user=seen(), at=BLOCKING_DAY)
    assert run(BLOCKING_DAY) == Outcome(1, 0)
