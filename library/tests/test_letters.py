"""What the library writes to members and to the staff chat, once on each occasion, not when it is over."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.template.loader import render_to_string

from accounts.models import Channel, Frequency, Message, NotificationChoice
from accounts.notifications import kinds
from accounts.services import digesting, notifying
from accounts.tests.factories import UserFactory
from library import notifications
from library.models import Hold
from library.services import charging, holding, lending, reminding
from library.tests.factories import NOW, TODAY, BookFactory
from library.tests.lending import give_back, hold, lend, morning_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def book():
    return BookFactory(title="Dune", copies=1, daily_fee=Decimal("1.50"))


@pytest.fixture
def member():
    return UserFactory(first_name="Ada", last_name="Lovelace", email="ada@example.com")


def sent(kind, mailoutbox, *, at=NOW):
    """The letters of a kind that go out when everything due is sent; all others are thrown away first."""
    Message.objects.exclude(kind=kind).delete()
    mailoutbox.clear()
    notifying.send_due(at=at + timedelta(hours=1))
    return list(mailoutbox)


def flat(letter):
    return " ".join(letter.body.split())


# --- Borrowing ---------------------------------------------------------------------------------------------
def test_who_borrows_reads_until_when_and_for_how_much(book, member, mailoutbox):
    lend(book, to=member, at_desk=False)

    (letter,) = sent(notifications.LENT, mailoutbox)

    assert (letter.to, letter.subject) == (["ada@example.com"], "Borrowed: Dune")
    assert "you have borrowed “Dune”. It is due on 15 June 2026. It waits for you at the desk." in flat(
        letter
    )
    assert "The fee for 14 days is $21.00. Please pay it by 2 June 2026" in flat(letter)


def test_what_was_handed_out_and_is_free_says_no_more_than_the_day(member, mailoutbox):
    lend(BookFactory(title="Dune", copies=1, daily_fee=0), to=member)

    (letter,) = sent(notifications.LENT, mailoutbox)

    assert "“Dune”. It is due on 15 June 2026. " in flat(letter)
    assert "fee" not in flat(letter)
    assert "desk" not in flat(letter)


def test_a_loan_that_is_over_by_then_is_not_written_of(book, member, mailoutbox):
    give_back(lend(book, to=member))

    assert sent(notifications.LENT, mailoutbox) == []


def test_the_staff_chat_hears_of_every_new_loan_with_its_facts(book, member, said):
    borrowing = lend(book, to=member)
    Message.objects.exclude(kind=notifications.STAFF_OF_LOAN).delete()

    notifying.send_due(at=NOW)

    ((_chat, html),) = said
    assert html.splitlines() == [
        "<b>Borrowed</b>",
        "“Dune” (Frank Herbert)",
        "Member: Ada Lovelace, ada@example.com",
        f"Copy: {borrowing.copy.barcode}",
        "From 1 June 2026, due on 15 June 2026",
        "Fee: $21.00",
    ]


# --- Holds -------------------------------------------------------------------------------------------------
def test_who_is_next_reads_until_when_the_copy_waits(book, member, mailoutbox):
    borrowing = lend(book)
    hold(book, by=member)
    give_back(borrowing)

    (letter,) = sent(notifications.HOLD_READY, mailoutbox)

    assert letter.subject == "Ready to be fetched: Dune"
    assert "“Dune” is there. We keep it for you until 4 June 2026; then it goes to the next." in flat(letter)


def test_who_has_fetched_or_cancelled_by_then_reads_nothing(book, member, mailoutbox):
    borrowing = lend(book)
    held = hold(book, by=member)
    give_back(borrowing)
    holding.cancel(hold=Hold.objects.get(pk=held.pk), at=NOW, on=TODAY, by=member)

    assert sent(notifications.HOLD_READY, mailoutbox) == []


# --- Reminders ---------------------------------------------------------------------------------------------
def remind(day):
    return reminding.remind(on=day, at=morning_of(day))


def test_two_days_before_it_is_due_a_member_is_reminded_once(book, member, mailoutbox):
    lend(book, to=member)

    counts = [remind(date(2026, 6, day)) for day in (12, 13, 14, 15)]

    assert counts == [0, 1, 1, 1]
    (letter,) = sent(notifications.DUE_SOON, mailoutbox, at=morning_of(date(2026, 6, 13)))
    assert letter.subject == "Due on 15 June 2026: Dune"


def test_a_reminder_that_no_run_has_written_in_time_is_made_up_for(book, member, mailoutbox):
    lend(book, to=member)

    remind(date(2026, 6, 15))

    assert len(sent(notifications.DUE_SOON, mailoutbox, at=morning_of(date(2026, 6, 15)))) == 1


def test_who_renews_is_reminded_again_of_the_new_day_and_not_of_the_old(book, member, mailoutbox):
    borrowing = lend(book, to=member)
    remind(date(2026, 6, 13))
    lending.renew(borrowing=borrowing, on=date(2026, 6, 13), at=NOW, by=member)
    remind(date(2026, 6, 27))

    (letter,) = sent(notifications.DUE_SOON, mailoutbox, at=morning_of(date(2026, 6, 27)))

    assert letter.subject == "Due on 29 June 2026: Dune"


def test_who_is_late_is_written_to_on_the_first_third_seventh_and_fourteenth_day(book, member):
    lend(book, to=member)
    written = []

    for late in range(1, 31):
        before = Message.objects.filter(kind=notifications.OVERDUE).count()
        remind(date(2026, 6, 15) + timedelta(days=late))
        remind(date(2026, 6, 15) + timedelta(days=late))
        if Message.objects.filter(kind=notifications.OVERDUE).count() > before:
            written.append(late)

    assert written == [1, 3, 7, 14]


def test_who_was_written_to_long_ago_and_had_it_tidied_away_is_not_written_to_again(book, member):
    lend(book, to=member)
    for late in (1, 3, 7, 14):
        remind(date(2026, 6, 15) + timedelta(days=late))
    Message.objects.all().delete()

    remind(date(2026, 6, 15) + timedelta(days=reminding.IN_PEACE_AFTER.days + 1))

    assert not Message.objects.exists()


def test_the_reminder_of_a_late_book_says_since_when_and_what_follows(book, member, mailoutbox):
    lend(book, to=member)
    remind(date(2026, 6, 18))

    (letter,) = sent(notifications.OVERDUE, mailoutbox, at=morning_of(date(2026, 6, 18)))

    assert letter.subject == "Overdue: Dune"
    assert "“Dune” was due on 15 June 2026, 3 days ago. Please bring it back." in flat(letter)
    assert "Until it is back nothing else is lent, and the fine grows." in flat(letter)


def test_a_book_that_came_back_is_not_reminded_of(book, member, mailoutbox):
    borrowing = lend(book, to=member)
    remind(date(2026, 6, 14))
    remind(date(2026, 6, 16))
    give_back(borrowing, on=date(2026, 6, 16))

    for kind in (notifications.DUE_SOON, notifications.OVERDUE):
        assert sent(kind, mailoutbox, at=morning_of(date(2026, 6, 16))) == []
        assert Message.objects.count() == 0 or Message.objects.get().status == "DROPPED"
        Message.objects.all().delete()


def test_nobody_is_reminded_of_what_waits_at_the_desk(member):
    lend(BookFactory(copies=1, daily_fee=0), to=member, days=2, at_desk=False)

    assert [remind(date(2026, 6, day)) for day in (2, 3, 4, 9)] == [0, 0, 0, 0]


# --- The staff chat ----------------------------------------------------------------------------------------
def tell_staff(day):
    return reminding.tell_staff_of_overdue(on=day, at=morning_of(day))


def test_the_staff_chat_hears_daily_of_every_book_that_is_late(book, member, said):
    borrowing = lend(book, to=member)
    other = lend(
        BookFactory(title="Emma", copies=1), to=UserFactory(first_name="", last_name="", email="b@x.example")
    )
    lend(days=20)
    Message.objects.all().delete()

    counts = [tell_staff(date(2026, 6, day)) for day in (15, 16, 16)]
    notifying.send_due(at=morning_of(date(2026, 6, 16)))

    assert counts == [0, 2, 2]
    ((_chat, html),) = said
    assert html.splitlines() == [
        "<b>Overdue on 16 June 2026</b>",
        "",
        f"“Dune”, {borrowing.copy.barcode}",
        "Ada Lovelace: due on 15 June 2026, 1 day late",
        "",
        f"“Emma”, {other.copy.barcode}",
        "b@x.example: due on 15 June 2026, 1 day late",
    ]


def test_many_late_books_are_told_in_several_messages_none_left_out(said):
    for _loan in range(reminding.IN_ONE_MESSAGE + 1):
        lend(BookFactory(title="W" * 255, copies=1, daily_fee=0), to=UserFactory(last_name="L" * 100))
    Message.objects.all().delete()

    tell_staff(date(2026, 6, 16))
    notifying.send_due(at=morning_of(date(2026, 6, 16)))

    assert [html.count("1 day late") for _chat, html in said] == [20, 1]


def test_what_came_back_since_is_not_told_of(book, member, said):
    borrowing = lend(book, to=member)
    Message.objects.all().delete()
    tell_staff(date(2026, 6, 16))
    give_back(borrowing, on=date(2026, 6, 16))
    Message.objects.exclude(kind=notifications.STAFF_OF_OVERDUE).delete()

    notifying.send_due(at=morning_of(date(2026, 6, 16)))

    assert said == []


# --- Fines -------------------------------------------------------------------------------------------------
def test_who_is_fined_reads_why_line_by_line(book, member, mailoutbox):
    borrowing = lend(book, to=member)
    give_back(borrowing, on=date(2026, 6, 18))

    (letter,) = sent(notifications.FINED, mailoutbox, at=morning_of(date(2026, 6, 18)))

    assert letter.subject == "Fine for Dune"
    assert "“Dune” came back late. The fine is $9.00." in flat(letter)
    assert "- Due on 15 June 2026, brought back on 18 June 2026: 3 days late." in letter.body.splitlines()
    assert "- 3 days × $1.50 × 2 = $9.00" in letter.body.splitlines()
    assert "<li>3 days × $1.50 × 2 = $9.00</li>" in letter.alternatives[0].content


def test_a_fine_that_was_forgiven_is_not_written_of(book, member, mailoutbox):
    fine = give_back(lend(book, to=member), on=date(2026, 6, 18)).fine
    charging.waive(charge=fine, by=None, reason="Ill", at=NOW)

    assert sent(notifications.FINED, mailoutbox, at=morning_of(date(2026, 6, 18))) == []


# --- For editors -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "kind", [each for each in kinds() if each.name.startswith("library.")], ids=lambda kind: kind.name
)
def test_every_message_of_the_library_has_an_example_that_its_templates_can_say(kind):
    words = {
        **kind.sample(),
        "recipient": UserFactory(first_name="Ada"),
        "portal_name": "P",
        "portal_url": "U",
    }
    names = ["telegram.html"] if kind.to_staff else ["subject.txt", "body.txt", "body.html"]

    said = [render_to_string(f"{kind.folder}/{name}", words) for name in names]

    assert all("The Example" in each for each in said)


def test_a_crash_between_two_messages_to_the_staff_loses_no_book(member, monkeypatch):
    monkeypatch.setattr(reminding, "IN_ONE_MESSAGE", 1)
    first, second, third = (lend(BookFactory(copies=1), to=UserFactory()) for _book in range(3))
    Message.objects.all().delete()
    real = reminding.telling.staff_of_overdue

    def crash(*, number, **said):
        if number == 2:
            raise RuntimeError("The process died.")
        return real(number=number, **said)

    monkeypatch.setattr(reminding.telling, "staff_of_overdue", crash)
    with pytest.raises(RuntimeError):
        tell_staff(date(2026, 6, 16))
    monkeypatch.setattr(reminding.telling, "staff_of_overdue", real)
    give_back(first)
    tell_staff(date(2026, 6, 16))

    told = Message.objects.filter(kind=notifications.STAFF_OF_OVERDUE)
    named = [pk for message in told for pk in message.context["borrowings"]]
    assert sorted(named) == [second.pk, third.pk]


# --- Digests -----------------------------------------------------------------------------------------------
def test_a_digest_says_what_is_due_and_what_is_ready(book, member, mailoutbox):
    for kind in (notifications.DUE_SOON, notifications.HOLD_READY):
        NotificationChoice.objects.create(
            user=member, kind=kind, channel=Channel.EMAIL, frequency=Frequency.DAILY
        )
    lend(book, to=member)
    other = lend(BookFactory(title="Emma", copies=1))
    hold(other.book, by=member)
    give_back(other)
    morning = morning_of(date(2026, 6, 13))
    remind(date(2026, 6, 13))
    notifying.send_due(at=morning)
    Message.objects.exclude(kind__in=[notifications.DUE_SOON, notifications.HOLD_READY]).delete()
    mailoutbox.clear()

    digesting.write_due(at=morning + timedelta(days=1))
    notifying.send_due(at=morning + timedelta(days=1))

    (letter,) = mailoutbox
    assert "Books to bring back - “Dune”: due on 15 June 2026" in flat(letter)
    assert "Books that are ready for you - “Emma”: kept until 4 June 2026" in flat(letter)
