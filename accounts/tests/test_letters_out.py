"""What a letter carries: the way to end it, a name of its own, and the reader's own language and clock."""

import base64
import re
from datetime import UTC, datetime

import pytest
from django.core import mail
from django.test import Client

from accounts.models import Channel, Frequency, NotificationChoice, StoppedAddress
from accounts.services import digesting, notifying, privacy, stopping, unsubscribing, wording
from accounts.services.unsubscribing import NoSuchLink
from accounts.tests.factories import UserFactory
from accounts.tests.letters import NEWS, NOW, RECEIPT, send, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_kinds")]
BOUNCED = {
    "RecordType": "Bounce",
    "Type": "HardBounce",
    "Email": "Ada@Example.com",
    "Description": "The server says 550: no such user",
    "BouncedAt": "2026-03-02T09:00:00Z",
    "MessageID": "1",
}


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com", first_name="Ada")


@pytest.fixture
def webhooks(settings):
    settings.ROOT_URLCONF = "accounts.tests.mail_webhooks"
    settings.ANYMAIL = {"WEBHOOK_SECRET": "postmark:s3cret"}


def letter_of(message):
    send(message)
    return mail.outbox[-1]


def path_in(header):
    return re.fullmatch(r"<http://localhost:8000(/unsubscribe/[^>]+/)>", header)[1]


# --- Ending it ---------------------------------------------------------------------------------------------
def test_a_letter_that_can_be_ended_says_how_to_programs_and_to_people(ada):
    letter = letter_of(write(ada))

    path = path_in(letter.extra_headers["List-Unsubscribe"])
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"No more of this by mail: http://localhost:8000{path}" in letter.body
    assert f'href="http://localhost:8000{path}"' in letter.alternatives[0].content


def test_a_receipt_cannot_be_ended(ada):
    letter = letter_of(write(ada, kind=RECEIPT))

    assert "List-Unsubscribe" not in letter.extra_headers
    assert "No more of this" not in letter.body + letter.alternatives[0].content


def test_one_click_ends_it_without_cookies_and_without_signing_in(ada):
    path = path_in(letter_of(write(ada)).extra_headers["List-Unsubscribe"])
    stranger = Client(enforce_csrf_checks=True)

    answer = stranger.post(path, {"List-Unsubscribe": "One-Click"})
    again = stranger.post(path, {"List-Unsubscribe": "One-Click"})

    assert (answer.status_code, again.status_code) == (200, 200)
    assert list(NotificationChoice.objects.values_list("user", "kind", "channel", "frequency")) == [
        (ada.pk, NEWS, "EMAIL", "OFF")
    ]
    send(write(ada, occasion="2"))
    assert len(mail.outbox) == 1


def test_opening_the_link_ends_nothing(client, ada):
    path = path_in(letter_of(write(ada)).extra_headers["List-Unsubscribe"])

    page = client.get(path)

    assert (page.status_code, NotificationChoice.objects.count()) == (200, 0)
    assert "News" in page.content.decode()


def test_the_link_of_a_digest_ends_all_that_can_be_ended(ada):
    NotificationChoice.objects.create(user=ada, kind=NEWS, channel=Channel.EMAIL, frequency=Frequency.DAILY)
    send(write(ada))
    digesting.write_due(at=datetime(2026, 3, 4, tzinfo=UTC))
    notifying.send_due(at=datetime(2026, 3, 4, tzinfo=UTC))

    Client().post(path_in(mail.outbox[0].extra_headers["List-Unsubscribe"]))

    ended = set(NotificationChoice.objects.filter(frequency="OFF").values_list("kind", flat=True))
    assert NEWS in ended
    assert RECEIPT not in ended
    assert "courses.course_updated" in ended


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: "x" + t, lambda t: "none", lambda t: t.upper()]
)
def test_a_link_cannot_be_guessed_or_changed(client, ada, change):
    path = path_in(letter_of(write(ada)).extra_headers["List-Unsubscribe"])
    token = path.removeprefix("/unsubscribe/").removesuffix("/")

    assert client.post(f"/unsubscribe/{change(token)}/").status_code == 404
    assert not NotificationChoice.objects.exists()


def test_a_link_made_for_another_purpose_is_none(ada):
    from django.core import signing

    token = signing.Signer(salt="accounts.reactivation").sign_object({"user": ada.pk, "kind": NEWS})

    with pytest.raises(NoSuchLink):
        unsubscribing.read(token=token)


def test_what_is_essential_is_ended_by_no_link(ada):
    from django.core import signing

    token = signing.Signer(salt=unsubscribing.SALT).sign_object({"user": ada.pk, "kind": RECEIPT})

    with pytest.raises(NoSuchLink):
        unsubscribing.read(token=token)


# --- The letter --------------------------------------------------------------------------------------------
def test_a_letter_has_a_name_of_its_own_that_it_keeps(ada):
    message = write(ada)

    names = [wording.letter(message=message).extra_headers["Message-ID"] for _time in range(2)]

    assert names == [f"<message-{message.pk}.20260302090000000000@localhost>"] * 2


def test_lists_of_mail_show_what_it_says_first(ada):
    letter = letter_of(write(ada, title="Knots & ropes"))

    assert (
        'class="preheader" aria-hidden="true">Knots &amp; ropes has changed.'
        in letter.alternatives[0].content
    )


# --- What the provider reports -----------------------------------------------------------------------------
def report(event, secret="postmark:s3cret"):
    return Client().post(
        "/webhooks/mail/postmark/tracking/",
        event,
        content_type="application/json",
        headers={"authorization": "Basic " + base64.b64encode(secret.encode()).decode()},
    )


def test_mail_that_comes_back_stops_further_mail(ada, webhooks):
    assert report(BOUNCED).status_code == 200

    stopped = StoppedAddress.objects.get()
    assert (stopped.email, stopped.reason, stopped.stopped_at) == ("ada@example.com", "BOUNCED", NOW)
    assert "no such user" in stopped.details
    message = write(ada, kind=RECEIPT)
    send(message)
    assert mail.outbox == []
    assert message.last_error == "RefusedForGood: No mail goes to this address: mail to it comes back"


def test_a_stranger_reports_nothing(ada, webhooks):
    assert report(BOUNCED, secret="postmark:guess").status_code == 400
    assert not StoppedAddress.objects.exists()


@pytest.mark.parametrize(
    ("kind", "rejected_for", "reason"),
    [
        ("bounced", None, "BOUNCED"),
        ("complained", None, "COMPLAINED"),
        ("unsubscribed", None, "UNSUBSCRIBED"),
        ("rejected", "invalid", "BOUNCED"),
        ("rejected", "spam", "COMPLAINED"),
        ("rejected", "timed_out", None),
        ("deferred", None, None),
        ("delivered", None, None),
        ("opened", None, None),
    ],
)
def test_what_was_only_delayed_or_read_stops_nothing(kind, rejected_for, reason):
    stops = stopping.note_event(
        kind=kind, rejected_for=rejected_for, recipient="ada@example.com", details=None, at=NOW
    )

    assert stops == (reason is not None)
    assert list(StoppedAddress.objects.values_list("reason", flat=True)) == ([reason] if reason else [])


def test_who_unsubscribed_at_the_provider_gets_receipts_still(ada):
    stopping.stop(email=ada.email, reason=stopping.Reason.UNSUBSCRIBED, details="", at=NOW)

    send(write(ada))
    send(write(ada, kind=RECEIPT))

    assert [letter.to for letter in mail.outbox] == [["ada@example.com"]]
    assert "List-Unsubscribe" not in mail.outbox[0].extra_headers


@pytest.mark.parametrize("reason", ["BOUNCED", "COMPLAINED"])
def test_to_unsubscribe_at_the_provider_brings_no_receipts_back(ada, reason):
    stopping.stop(email=ada.email, reason=stopping.Reason(reason), details="550", at=NOW)

    stopping.note_event(kind="unsubscribed", rejected_for=None, recipient=ada.email, details=None, at=NOW)

    assert list(StoppedAddress.objects.values_list("reason", "details")) == [(reason, "550")]
    send(write(ada, kind=RECEIPT))
    assert mail.outbox == []


def test_a_person_sees_that_no_mail_comes_and_lifts_it(client, ada):
    stopping.stop(email="ADA@example.com", reason=stopping.Reason.BOUNCED, details="550", at=NOW)
    client.force_login(ada)
    assert (
        "we send nothing to ada@example.com: mail to it comes back"
        in client.get("/accounts/messages/").content.decode()
    )

    client.post("/accounts/messages/address/")

    assert not StoppedAddress.objects.exists()
    assert send(write(ada))


def test_nobody_lifts_anothers(client, ada):
    stopping.stop(email=ada.email, reason=stopping.Reason.BOUNCED, details="", at=NOW)
    client.force_login(UserFactory())

    client.post("/accounts/messages/address/")

    assert StoppedAddress.objects.get().email == ada.email


def test_what_the_provider_said_of_an_address_is_exported_and_goes_with_the_account(ada):
    stopping.stop(email=ada.email, reason=stopping.Reason.BOUNCED, details="550 No such user", at=NOW)
    stopping.stop(email="eve@example.com", reason=stopping.Reason.BOUNCED, details="", at=NOW)

    assert privacy.export(user=ada, at=NOW)["message_choices"]["addresses_without_mail"] == [
        {"email": ada.email, "reason": "BOUNCED", "details": "550 No such user", "since": NOW.isoformat()}
    ]
    privacy.delete_account(user=ada, at=NOW)

    assert list(StoppedAddress.objects.values_list("email", flat=True)) == ["eve@example.com"]
