"""Digests: at the person's own hour, what was left to them, once, whatever runs twice or dies."""

import zoneinfo
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.utils.translation import get_language
from hypothesis import example, given
from hypothesis import strategies as st

from accounts import policies, tasks
from accounts.models import Channel, Delivery, Frequency, Message, NotificationChoice, TelegramChat
from accounts.notifications import Line, Section, _sections, register_section
from accounts.services import choosing, digesting, notifying
from accounts.tests.factories import UserFactory
from accounts.tests.letters import NEWS, NOW, send, write

DAY = timedelta(days=1)
EIGHT = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)  # 8 o'clock in Madrid, the day after NOW
Status = Message.Status
ZONES = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})


@pytest.fixture
def ada():
    return reader(email="ada@example.com")


@pytest.fixture
def own_sections(monkeypatch):
    monkeypatch.setattr("accounts.notifications._sections", dict(_sections))


def reader(frequency=Frequency.DAILY, channel=Channel.EMAIL, **fields):
    user = UserFactory(**{"time_zone": "Europe/Madrid", **fields})
    NotificationChoice.objects.create(user=user, kind=NEWS, channel=channel, frequency=frequency)
    return user


def leave(user, about="course:1", at=NOW, **context):
    """Write a message that is left to the digest."""
    message = write(user, about=about, at=at, **context)
    send(message, at=at)
    return message


def deliver_all(at):
    for pk in Message.objects.due(at=at).values_list("pk", flat=True):
        notifying.send(message_id=pk, at=at)


# --- When --------------------------------------------------------------------------------------------------
@given(
    zone=st.sampled_from(ZONES).map(zoneinfo.ZoneInfo),
    hour=st.integers(0, 23),
    at=st.integers(631_152_000, 2_208_988_800).map(
        lambda at: datetime.fromtimestamp(at, UTC)
    ),  # 1990 to 2040
    weekday=st.none() | st.integers(0, 6),
)
@example(
    zone=zoneinfo.ZoneInfo("Europe/Madrid"), hour=2, at=datetime(2026, 3, 29, 0, 59, tzinfo=UTC), weekday=None
)
@example(
    zone=zoneinfo.ZoneInfo("Europe/Madrid"), hour=2, at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC), weekday=6
)
@example(zone=zoneinfo.ZoneInfo("Pacific/Apia"), hour=8, at=datetime(2011, 12, 29, 20, tzinfo=UTC), weekday=4)
@example(
    zone=zoneinfo.ZoneInfo("Australia/Lord_Howe"),
    hour=2,
    at=datetime(2026, 10, 3, 15, tzinfo=UTC),
    weekday=None,
)
def test_everywhere_the_next_digest_is_later_within_its_time_and_has_a_day_of_its_own(
    zone, hour, at, weekday
):
    due = policies.next_digest(after=at, hour=hour, zone=zone, weekday=weekday)
    following = policies.next_digest(after=due, hour=hour, zone=zone)

    assert at < due <= at + (DAY * 2 if weekday is None else DAY * 9)
    assert policies.digest_day(at=due, hour=hour, zone=zone) > policies.digest_day(
        at=due - timedelta(seconds=1), hour=hour, zone=zone
    )
    assert policies.digest_day(at=following, hour=hour, zone=zone) > policies.digest_day(
        at=due, hour=hour, zone=zone
    )
    if weekday is None:
        # Nothing is due between: every moment before it belongs to the day of the one before.
        before = due - timedelta(seconds=1)
        assert policies.next_digest(after=before, hour=hour, zone=zone) == due


@given(
    zone=st.sampled_from(ZONES).map(zoneinfo.ZoneInfo), hour=st.integers(0, 23), year=st.integers(1990, 2038)
)
def test_in_a_year_there_are_as_many_digests_as_days(zone, hour, year):
    moment, days = datetime(year, 1, 1, tzinfo=UTC), []
    while moment < datetime(year + 1, 1, 1, tzinfo=UTC):
        moment = policies.next_digest(after=moment, hour=hour, zone=zone)
        days.append(policies.digest_day(at=moment, hour=hour, zone=zone))

    assert len(days) == len(set(days))
    # A zone may leave a day out of its calendar (Apia, 30 December 2011), or have one twice (Kwajalein).
    assert 364 <= len(days) <= 368


@pytest.mark.parametrize(
    ("day", "hour", "moment"),
    [
        (date(2026, 3, 29), 2, datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),  # left out: at 3, when 2 would be
        (date(2026, 10, 25), 2, datetime(2026, 10, 25, 0, 0, tzinfo=UTC)),  # comes twice: the first time
        (date(2026, 3, 28), 2, datetime(2026, 3, 28, 1, 0, tzinfo=UTC)),
    ],
)
def test_an_hour_that_is_left_out_or_doubled_comes_once(day, hour, moment):
    assert policies.moment_of(day=day, hour=hour, zone=zoneinfo.ZoneInfo("Europe/Madrid")) == moment


# --- Written -----------------------------------------------------------------------------------------------
pytestmark = pytest.mark.usefixtures("own_kinds")


@pytest.mark.django_db
def test_what_was_left_to_it_comes_at_the_persons_hour(ada):
    leave(ada, about="course:1", title="Knots")
    leave(ada, about="course:2", title="Sails", at=NOW + timedelta(hours=1))

    assert digesting.write_due(at=EIGHT - timedelta(seconds=1)) == 0
    assert digesting.write_due(at=EIGHT) == 1
    deliver_all(EIGHT)

    (letter,) = mail.outbox
    assert letter.to == ["ada@example.com"]
    assert letter.body.index("- News of Knots") < letter.body.index("- News of Sails")
    assert "News of Sails" in letter.alternatives[0].content
    digest = Message.objects.get(kind=digesting.DIGEST)
    assert (digest.dedupe, digest.status) == ("EMAIL 2026-03-03", Status.SENT)


@pytest.mark.django_db
def test_what_was_told_is_through(ada):
    message = leave(ada)
    digesting.write_due(at=EIGHT)
    message.refresh_from_db()
    assert message.status == Status.HELD

    deliver_all(EIGHT)

    message.refresh_from_db()
    assert (message.status, message.sent_at) == (Status.SENT, EIGHT)
    assert message.deliveries.get().status == Delivery.Status.SENT
    assert digesting.write_due(at=EIGHT + DAY) == 0


@pytest.mark.django_db
def test_it_is_written_once_however_often_it_runs(ada):
    leave(ada)

    assert [digesting.write_due(at=EIGHT) for _run in range(3)] == [1, 0, 0]
    deliver_all(EIGHT)
    deliver_all(EIGHT + DAY)

    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_nobody_gets_an_empty_one(ada):
    UserFactory()
    leave(reader(), at=NOW)

    assert digesting.write_due(at=EIGHT) == 1
    assert digesting.write_due(at=EIGHT + DAY) == 0


@pytest.mark.django_db
def test_it_does_not_go_out_when_everything_in_it_is_gone(ada, own_kinds):
    message = leave(ada)
    own_kinds(still_wanted=lambda message, *, at: False)

    digesting.write_due(at=EIGHT)
    deliver_all(EIGHT)

    message.refresh_from_db()
    assert (mail.outbox, message.status) == ([], Status.DROPPED)
    assert Message.objects.get(kind=digesting.DIGEST).status == Status.DROPPED


@pytest.mark.django_db
def test_it_leaves_out_what_is_gone_and_what_was_switched_off(ada, own_kinds):
    own_kinds(still_wanted=lambda message, *, at: message.context["title"] != "Knots")
    leave(ada, about="course:1", title="Sails")
    leave(ada, about="course:2", title="Anchors")
    message = write(ada, about="course:3", title="Knots")
    own_kinds()
    send(message)
    own_kinds(still_wanted=lambda message, *, at: message.context["title"] != "Knots")

    digesting.write_due(at=EIGHT)
    deliver_all(EIGHT)

    assert "Sails" in mail.outbox[0].body
    assert "Knots" not in mail.outbox[0].body


@pytest.mark.django_db
def test_who_switched_it_off_meanwhile_gets_none(ada):
    leave(ada)
    choosing.choose(user=ada, choices={(NEWS, Channel.EMAIL): Frequency.OFF}, at=NOW)

    digesting.write_due(at=EIGHT)
    deliver_all(EIGHT)

    assert mail.outbox == []


@pytest.mark.django_db
def test_the_weekly_one_comes_on_its_day_and_with_the_daily_one():
    user = reader(Frequency.WEEKLY)
    leave(user, about="course:1", title="Weekly")
    NotificationChoice.objects.update(frequency=Frequency.DAILY)
    leave(user, about="course:2", title="Daily", at=NOW + 6 * DAY)

    monday = datetime(2026, 3, 9, 7, 0, tzinfo=UTC)
    assert digesting.write_due(at=monday - timedelta(seconds=1)) == 0
    assert digesting.write_due(at=monday) == 1
    deliver_all(monday)

    assert len(mail.outbox) == 1
    assert "Weekly" in mail.outbox[0].body
    assert "Daily" in mail.outbox[0].body


@pytest.mark.django_db
def test_after_days_without_a_worker_one_digest_tells_everything(ada):
    leave(ada, about="course:1", title="Knots")
    leave(ada, about="course:2", title="Sails", at=NOW + DAY)

    assert digesting.write_due(at=EIGHT + 4 * DAY) == 1

    assert Message.objects.get(kind=digesting.DIGEST).dedupe == "EMAIL 2026-03-07"


@pytest.mark.django_db
def test_a_day_has_one_digest_also_when_its_hour_is_moved(ada):
    leave(ada, about="course:1")
    digesting.write_due(at=EIGHT)
    deliver_all(EIGHT)
    second = leave(ada, about="course:2", at=EIGHT + timedelta(hours=1))
    choosing.set_digest_time(user=ada, hour=20, weekday=0, at=EIGHT + timedelta(hours=1))
    evening = EIGHT + timedelta(hours=12)

    assert digesting.write_due(at=evening) == 0
    assert second.deliveries.get().due_at == evening + DAY
    assert digesting.write_due(at=evening + DAY) == 1


@pytest.mark.django_db
def test_each_channel_has_its_own(said):
    user = reader(channel=Channel.TELEGRAM)
    NotificationChoice.objects.create(user=user, kind=NEWS, channel=Channel.EMAIL, frequency=Frequency.DAILY)
    TelegramChat.objects.create(user=user, chat="77", linked_at=NOW)
    leave(user, title="Knots")

    assert digesting.write_due(at=EIGHT) == 2
    deliver_all(EIGHT)

    assert (len(mail.outbox), len(said)) == (1, 1)
    assert "- News of Knots" in said[0][1]


@pytest.mark.django_db
def test_apps_have_their_say_in_sections(ada, own_sections):
    def about_courses(*, reader, messages, at):
        return [Line(text=f"{len(messages)} for {reader.email}", note="Read <b>this</b>", link="/courses/")]

    def about_nothing(*, reader, messages, at):
        return []

    register_section(Section("a.news", title="Courses", kinds=frozenset({NEWS}), lines=about_courses))
    register_section(Section("b.nothing", title="Nothing", lines=about_nothing))
    leave(ada, about="course:1")
    leave(ada, about="course:2")

    digesting.write_due(at=EIGHT)
    deliver_all(EIGHT)

    letter = mail.outbox[0]
    assert (
        "Courses\n- 2 for ada@example.com\n  Read <b>this</b>\n  http://localhost:8000/courses/"
        in letter.body
    )
    assert "Read &lt;b&gt;this&lt;/b&gt;" in letter.alternatives[0].content
    assert "Nothing" not in letter.body
    assert "News of" not in letter.body


@pytest.mark.django_db
@pytest.mark.parametrize(("channel", "said_by"), [(Channel.EMAIL, "mail"), (Channel.TELEGRAM, "chat")])
def test_sections_speak_the_language_of_their_reader(own_sections, said, channel, said_by):
    register_section(
        Section("z", title="", lines=lambda **asked: [Line(text=f"These are words in {get_language()}")])
    )
    ada = reader(language="ru", channel=channel)
    TelegramChat.objects.create(user=ada, chat="77", linked_at=NOW)
    leave(ada)
    digesting.write_due(at=EIGHT)

    mail.outbox.clear()
    said.clear()
    deliver_all(EIGHT)

    words = mail.outbox[0].body if said_by == "mail" else said[0][1]
    assert "These are words in ru" in words


@pytest.mark.django_db
def test_what_no_app_knows_any_more_keeps_nobody_from_the_rest(ada):
    gone = leave(ada, about="course:1", title="Knots")
    leave(ada, about="course:2", title="Beans")
    Message.objects.filter(pk=gone.pk).update(kind="gone.kind")

    assert choosing.reschedule(user=ada, at=NOW) == 1
    digesting.write_due(at=EIGHT)
    deliver_all(EIGHT)

    assert "Beans" in mail.outbox[0].body
    assert "Knots" not in mail.outbox[0].body


@pytest.mark.django_db
def test_a_digest_of_how_things_stand_alone_is_not_sent(ada, own_sections):
    register_section(
        Section("a.state", title="Stands", lines=lambda *, reader, messages, at: [Line(text="unpaid")])
    )

    assert digesting.write_due(at=EIGHT) == 0


@pytest.mark.django_db
def test_a_digest_that_was_given_up_is_sent_again_whole(ada, monkeypatch):
    leave(ada, title="Knots")
    digesting.write_due(at=EIGHT)
    digest = Message.objects.get(kind=digesting.DIGEST)
    Message.objects.filter(pk=digest.pk).update(status=Status.FAILED, next_attempt_at=None)

    assert digesting.write_due(at=EIGHT + DAY) == 0
    notifying.send_again(message=digest, at=EIGHT + DAY)
    assert send(digest, at=EIGHT + DAY)

    assert "Knots" in mail.outbox[0].body


@pytest.mark.django_db
def test_a_crash_while_writing_loses_and_doubles_nothing(monkeypatch):
    monkeypatch.setattr(digesting, "PEOPLE_AT_A_TIME", 2)
    for number in range(5):
        leave(reader(email=f"reader{number}@example.com"))
    batches = []

    def die_in_the_second(messages):
        batches.append(messages)
        if len(batches) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(notifying, "send_soon", die_in_the_second)
        with pytest.raises(KeyboardInterrupt), transaction.atomic():
            digesting.write_due(at=EIGHT)
    digesting.write_due(at=EIGHT)
    deliver_all(EIGHT)

    assert sorted(letter.to[0] for letter in mail.outbox) == [f"reader{n}@example.com" for n in range(5)]


@pytest.mark.django_db
def test_writing_costs_the_same_for_few_and_for_many(django_assert_max_num_queries):
    for _number in range(30):
        leave(reader())

    with django_assert_max_num_queries(14):
        assert digesting.write_due(at=EIGHT) == 30


@pytest.mark.django_db
def test_the_task_writes_what_is_due_now(ada):
    leave(ada)

    assert tasks.write_digests() == 1
    assert (
        tasks.send_messages(list(Message.objects.filter(kind=digesting.DIGEST).values_list("pk", flat=True)))
        == 1
    )


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_sixteen_runs_at_once_write_each_digest_once(monkeypatch):
    from accounts.tests.crowd import all_at_once

    monkeypatch.setattr(digesting, "PEOPLE_AT_A_TIME", 3)
    for _number in range(10):
        leave(reader())

    written = all_at_once(lambda: digesting.write_due(at=EIGHT))

    assert sum(written) == 10
    assert Message.objects.filter(kind=digesting.DIGEST).count() == 10
    assert not Delivery.objects.held().exists()
    assert connection.vendor == "postgresql"
