"""The watchdog: starts a cluster, and starts it anew whenever it ends, hangs or does nothing.

What the cluster's own guard cannot see is seen here: that the guard itself was killed or hangs, and that
nothing comes through the queue at all, though the guard is content (the worker's heartbeat is old).
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from portal.home.services.guarding import IDLE

logger = logging.getLogger(__name__)

POLL = 0.25  # seconds
ASK_EVERY = 5.0  # seconds between two looks at the heartbeat
FREE_FOR = 20.0  # seconds for which a worker must have been free before an old heartbeat says anything
MOST_PATIENCE = 8  # times `silence`, when starting anew does not help
STARTED_WITHIN = 120.0  # seconds until the first sign of a cluster
LIVES_LONG = 10.0  # seconds after which an end is no sign of an end at every start
LONGEST_PAUSE = 30.0  # seconds between restarts of what never comes up
SHORT_PAUSE = 2.0  # seconds between restarts of what comes up, and ends soon after


@dataclass(kw_only=True)
class Supervisor:
    """Keeps one cluster running until it is told to stop.

    command: starts a cluster; gets the number of a file descriptor as its last argument, its lifeline.
    heard: how many seconds ago the heartbeat was heard; None when that cannot be known just now.
    silence: seconds without a heartbeat after which the cluster is started anew, the next time twice as many.
    guard_silence: seconds without a sign of its guard.
    grace: seconds to end in good order; what still runs then is killed.
    """

    command: Sequence[str]
    heard: Callable[[], float | None]
    silence: float
    guard_silence: float
    grace: float
    _is_stopping: bool = field(default=False, init=False)
    _patience: float = field(default=0.0, init=False)

    def stop(self) -> None:
        """Have the cluster end in good order, and start no other. May be called by a signal's handler."""
        self._is_stopping = True

    def run(self) -> None:
        """Keep a cluster running; comes back after stop(), when no process of it is left."""
        short_lives = 0
        self._patience = self.silence
        while not self._is_stopping:
            started_at = time.monotonic()
            with _Cluster.started(self.command) as cluster:
                why = self._watch(cluster)
                if why:
                    logger.error("The cluster is started anew: %s", why)
                cluster.end(within=self.grace)
            short_lives = 0 if time.monotonic() - started_at >= LIVES_LONG else short_lives + 1
            # At once the first time: one kill is no sign of an end at every start.
            longest = SHORT_PAUSE if cluster.is_up else LONGEST_PAUSE
            pause = min(2.0 ** (short_lives - 2), longest) if short_lives > 1 else 0.0
            until = time.monotonic() + pause
            while not self._is_stopping and time.monotonic() < until:
                time.sleep(POLL)

    def _watch(self, cluster: _Cluster) -> str:
        """Wait until the cluster has to be started anew; why, or nothing when we were told to stop."""
        started_at = signed_at = asked_at = time.monotonic()
        free_since: float | None = None
        while not self._is_stopping:
            signs = cluster.signs(within=POLL)
            now = time.monotonic()
            if signs:
                signed_at = now
                is_free = signs[-1:] == IDLE
                free_since = (free_since or now) if is_free else None
            if (code := cluster.process.poll()) is not None:
                return f"it ended ({code})"
            if now - signed_at > (self.guard_silence if cluster.is_up else STARTED_WITHIN):
                return f"its guard has given no sign for {now - signed_at:.0f} seconds"
            if now - asked_at < min(ASK_EVERY, self.silence / 2):
                continue
            asked_at = now
            heard = self.heard()
            if heard is not None and heard < now - started_at:
                self._patience = self.silence
            silent_for = min(now - started_at, float("inf") if heard is None else heard)
            has_been_free = free_since is not None and now - free_since > min(FREE_FOR, self.silence / 2)
            if heard is not None and silent_for > self._patience and has_been_free:
                self._patience = min(2 * self._patience, MOST_PATIENCE * self.silence)
                return f"no heartbeat for {silent_for:.0f} seconds, though a worker is free"
        return ""


class _Cluster:
    """A cluster's processes: one group, with our end of its lifeline."""

    def __init__(self, process: subprocess.Popen[bytes], lifeline: socket.socket) -> None:
        self.process = process
        self._lifeline = lifeline
        self.is_up = False

    @classmethod
    def started(cls, command: Sequence[str]) -> _Cluster:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 (our own command)
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # A group of its own, so that all of it can be ended, and Ctrl-C reaches us alone.
                start_new_session=True,
            )
        return cls(process, ours)

    def __enter__(self) -> _Cluster:
        return self

    def __exit__(self, *raised: object) -> None:
        self._kill()
        self._lifeline.close()

    def signs(self, *, within: float) -> bytes:
        """What the guard has said since the last look; waits for it a little."""
        readable, _writable, _failed = select.select([self._lifeline], [], [], within)
        if not readable:
            return b""
        with suppress(ConnectionResetError):
            if signs := self._lifeline.recv(4096):
                self.is_up = True
                return signs
        time.sleep(within)  # closed by the other side: it ends
        return b""

    def end(self, *, within: float) -> None:
        """Ask the cluster to end, and wait; kill it when it takes too long."""
        with suppress(OSError):
            self._lifeline.shutdown(socket.SHUT_WR)
        try:
            self.process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            logger.error("The cluster did not end within %g seconds, and is killed", within)

    def _kill(self) -> None:
        """See to it that nothing of the group is left: a guard that was killed leaves its workers behind."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        # As the first process of a container we inherit what a killed guard left; nobody else buries it.
        with suppress(ChildProcessError):
            while os.waitpid(-self.process.pid, 0)[0]:
                pass
