"""A worker is killed in the middle of a digest to many; begun anew, run twice, each has one.

A thousand people by `make kills`, fewer in the suite.
"""

import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accounts.tests.mail_sink import MailSink

ROOT = Path(__file__).resolve().parent.parent.parent
IS_LONG = os.environ.get("KILLS") == "long"
PEOPLE = 1000 if IS_LONG else 120
#: The letters at which a worker is killed: before the mail server takes one, and after it has taken one.
BEFORE, AFTER = (300, 700) if IS_LONG else (40, 80)
#: The worker's own two tasks, over and over, as its schedules would have them: digests, then what is due.
WORKER = """
import django; django.setup()
from accounts import tasks
print(tasks.write_digests(), flush=True)
while tasks.send_due_messages(): pass
"""
PREPARE = f"""
import django; django.setup()
from datetime import timedelta
from django.utils import timezone
from accounts.models import Delivery, Message, User
User.objects.bulk_create([User(email=f"reader{{n}}@example.com", password="!") for n in range({PEOPLE})])
at = timezone.now()
readers = list(User.objects.filter(email__startswith="reader").order_by("pk"))
Message.objects.bulk_create([
    Message(recipient=reader, kind="accounts.inactivity_warning", subject_of="user", dedupe="1",
            context={{"blocked_on": "2026-03-09"}}, status="HELD", title="News", created_at=at)
    for reader in readers
])
Delivery.objects.bulk_create([
    Delivery(message=message, channel="EMAIL", status="HELD", at=at, due_at=at - timedelta(minutes=1))
    for message in Message.objects.all()
])
"""


class Workers:
    """Processes over one SQLite file, whose letters go to the sink."""

    def __init__(self, folder, sink):
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DJANGO_SETTINGS_MODULE": "portal.settings.development",
            "DATABASE_URL": f"sqlite:///{folder / 'portal.sqlite3'}",
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(sink.port),
            "LOG_LEVEL": "WARNING",
        }

    def begin(self, *command):
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command):
        process = self.begin(*command)
        said, _nothing = process.communicate(timeout=600)
        assert process.returncode == 0, said
        return said

    def let_time_pass(self):
        """As if the ten minutes were over that somebody else might still be sending what was claimed."""
        with sqlite3.connect(self.folder / "portal.sqlite3", timeout=20) as database:
            past = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M:%S")
            database.execute(
                "UPDATE accounts_message SET next_attempt_at = ? WHERE status = 'PENDING'", [past]
            )

    def statuses(self):
        with sqlite3.connect(self.folder / "portal.sqlite3", timeout=20) as database:
            return dict(
                database.execute(
                    "SELECT kind || ' ' || status, COUNT(*) FROM accounts_message GROUP BY 1"
                ).fetchall()
            )


@pytest.mark.slow
def test_killed_workers_lose_nobody_and_double_at_most_the_letter_in_their_hand(tmp_path):
    # Number of a letter that has come whole, and whether it is taken before its sender hears of it.
    kills = {BEFORE: False, AFTER: True}
    worker = None

    def kill_in_the_middle(number):
        if number not in kills:
            return True
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        return kills.pop(number)

    with MailSink(at_letter=kill_in_the_middle).running() as sink:
        workers = Workers(tmp_path, sink)
        workers.run("manage.py", "migrate", "--verbosity", "0")
        workers.run("-c", PREPARE)
        for _kill in range(2):
            worker = workers.begin("-c", WORKER)
            said, _nothing = worker.communicate(timeout=600)
            assert worker.returncode == -signal.SIGKILL, said
        assert kills == {}
        workers.run("-c", WORKER)
        for _again in range(2):
            workers.let_time_pass()
            workers.run("-c", WORKER)

    twice = [address for address, letters in sink.taken.items() if letters > 1]
    assert set(sink.taken) == {f"reader{number}@example.com" for number in range(PEOPLE)}
    # The one that was taken by the mail server, and whose sender died before it could note that: no other.
    assert (len(twice), sink.taken[twice[0]]) == (1, 2)
    # It has one name both times, by which programs know that it is the same letter.
    assert len({name for address, name in sink.names if address == twice[0]}) == 1
    assert workers.statuses() == {"accounts.digest SENT": PEOPLE, "accounts.inactivity_warning SENT": PEOPLE}
