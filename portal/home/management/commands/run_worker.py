import logging
import signal
import socket
import sys
from argparse import SUPPRESS, ArgumentParser
from typing import Any

from django import db
from django.core.management import BaseCommand
from django.utils import timezone

from portal.home.services import heartbeat
from portal.home.services.guarding import Guard
from portal.home.services.supervising import Supervisor

logger = logging.getLogger(__name__)

OPTIONS = {
    "--silence": (heartbeat.LONGEST_SILENCE.total_seconds(), "without a heartbeat: start the cluster anew"),
    "--guard-silence": (60.0, "without a sign of the cluster's guard: start the cluster anew"),
    "--patience": (30.0, "a free worker may take for an answer before the cluster is given up"),
    "--look-every": (10.0, "between two looks at the schedules"),
    "--grace": (25.0, "that running tasks get to end when the worker is told to stop"),
}


class Command(BaseCommand):
    help = "Work off background tasks and schedules, under a watchdog that starts anew what ends or hangs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        for option, (seconds, words) in OPTIONS.items():
            parser.add_argument(
                option, type=float, default=seconds, metavar="S", help=f"Seconds {words} (%(default)g)."
            )
        # The cluster itself, as the watchdog starts it: the number of its end of the lifeline.
        parser.add_argument("--lifeline", type=int, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["lifeline"] is None:
            self.watch(options)
        else:
            guard = Guard(
                lifeline=socket.socket(fileno=options["lifeline"]),
                patience=options["patience"],
                look_every=options["look_every"],
                grace=options["grace"],
            )
            guard.start()
            if guard.gave_up_because:
                sys.exit(1)

    def watch(self, options: dict[str, Any]) -> None:
        given = [f"{option}={options[option.strip('-').replace('-', '_')]}" for option in OPTIONS]
        supervisor = Supervisor(
            command=[sys.executable, sys.argv[0], "run_worker", *given, "--lifeline"],
            heard=seconds_since_the_heartbeat,
            silence=options["silence"],
            guard_silence=options["guard_silence"],
            grace=options["grace"],
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        supervisor.run()


def seconds_since_the_heartbeat() -> float | None:
    """How long no worker was heard; None when the database does not say: no fault of the worker."""
    try:
        db.close_old_connections()
        silence = heartbeat.silence(at=timezone.now())
    except db.Error as error:
        logger.warning("The heartbeat cannot be read: %s", error)
        db.connections.close_all()
        return None
    return float("inf") if silence is None else silence.total_seconds()
