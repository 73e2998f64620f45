"""A worker is killed in the middle of a digest to a thousand people; begun anew, run twice, each has one."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accounts.tests.mail_sink import MailSink

ROOT = Path(__file__).resolve().parent.parent.parent
PEOPLE = 1000
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
        said, _nothing = process.communicate(timeout=300)
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
@pytest.mark.parametrize(
    ("is_taken", "doubled"),
    [(False, 0), (True, 1)],
    ids=["killed before the letter is taken", "killed after it was taken and before that was noted"],
)
def test_a_killed_worker_loses_nobody_and_doubles_at_most_the_letter_in_its_hand(tmp_path, is_taken, doubled):
    killed = threading.Event()
    worker = None

    def kill_in_the_middle(number):
        if number != PEOPLE // 2 or killed.is_set():
            return True
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        killed.set()
        return is_taken

    with MailSink(at_letter=kill_in_the_middle).running() as sink:
        workers = Workers(tmp_path, sink)
        workers.run("manage.py", "migrate", "--verbosity", "0")
        workers.run("-c", PREPARE)
        worker = workers.begin("-c", WORKER)
        said, _nothing = worker.communicate(timeout=300)
        assert killed.is_set(), said
        assert worker.returncode == -signal.SIGKILL

        workers.run("-c", WORKER)
        workers.let_time_pass()
        workers.run("-c", WORKER)
        workers.let_time_pass()
        workers.run("-c", WORKER)

    twice = [address for address, letters in sink.taken.items() if letters == 2]
    assert set(sink.taken) == {f"reader{number}@example.com" for number in range(PEOPLE)}
    assert (len(twice), max(sink.taken.values())) == (doubled, 1 + doubled)
    # And the doubled one has the same name both times, by which mail programs know it again.
    assert all(len({name for address, name in sink.names if address == each}) == 1 for each in twice)
    assert workers.statuses() == {"accounts.digest SENT": PEOPLE, "accounts.inactivity_warning SENT": PEOPLE}
