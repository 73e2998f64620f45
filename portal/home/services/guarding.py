"""The cluster's own guard: django-q's, without what makes it hang for good or run tasks again for ever.

A process that is killed (`kill -9`, out of memory) while it waits for a queue takes the queue's lock with it:
whoever is put in its place waits for it for ever, and django-q's guard goes on reporting health. This one

- gives the cluster up when a process is killed that may have held such a lock;
- asks for an answer now and then, by way of the same queues as every task, and gives up when none comes
  though a worker is free;
- says at every round that it lives itself.

Giving up lets running tasks come to their end. Whoever started the cluster (services.supervising) starts
another with new queues.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import socket
import threading
import time
import uuid
from contextlib import suppress
from multiprocessing import Event
from multiprocessing.sharedctypes import RawValue
from typing import Any

from django import db
from django_q.cluster import Sentinel
from django_q.scheduler import scheduler
from django_q.signals import post_execute
from django_q.status import Stat

from portal.home.services import scheduling

logger = logging.getLogger(__name__)

#: What is asked for to get an answer. It does nothing.
QUESTION = "portal.home.tasks.answer"
ROUND = 0.5  # seconds; workers' time-outs are counted in it, exactly
SHOW_EVERY = 2.0  # seconds; what django-q shows of a cluster is forgotten after three
LET_GO_WITHIN = 5.0  # seconds that a worker gets to hand in its result, and the monitor to note it
IDLE = b"."
BUSY = b"b"


class Guard(Sentinel):
    """One cluster in this process: workers, a pusher who fetches tasks, and a monitor who notes results.

    patience: seconds within which a question is answered while a worker is free; so often one is asked.
    look_every: seconds between two looks at the schedules.
    lifeline: who started us; hears a byte at every round, and ends us by closing it.
    grace: seconds that running tasks get to come to their end.
    """

    def __init__(self, *, lifeline: socket.socket, patience: float, look_every: float, grace: float) -> None:
        super().__init__(Event(), Event(), uuid.uuid4(), start=False)
        self.patience = patience
        self.look_every = look_every
        self.grace = grace
        self.gave_up_because = ""
        self._lifeline = lifeline
        self._lifeline.setblocking(True)
        self._shown_at = self._looked_at = float("-inf")
        self._asked_at: float | None = None
        self._is_asked = False
        self._waiting_since = 0.0
        # Shared with the monitor, which is forked from this process and hears of every finished task.
        self._answered_at = RawValue("d", time.monotonic())
        post_execute.connect(self._note_answer, dispatch_uid="guarding.answer")

    def guard(self) -> None:
        held = (self._lifeline, self.stop_event, self.grace)
        threading.Thread(target=_end_with, args=held, daemon=True).start()
        logger.info("Cluster %s runs: workers %s", os.getpid(), [worker.pid for worker in self.pool])
        logger.info("Cluster %s: monitor %s, pusher %s", os.getpid(), self.monitor.pid, self.pusher.pid)
        self.start_event.set()
        while not self.gave_up_because and not self.stop_event.wait(ROUND):
            self._look_after_processes()
            self._look_for_an_answer()
            self._look_at_schedules()
            self._show()
        if self.gave_up_because:
            logger.error("The cluster gives up: %s", self.gave_up_because)
            self._abandon()
        else:
            self.stop()

    def _abandon(self) -> None:
        """End without the queues, which may be locked for ever: wait for running tasks alone, then kill."""
        self.event_out.set()
        until = time.monotonic() + self.grace
        while self._has_work() and time.monotonic() < until:
            self._show()
            time.sleep(ROUND)
        until = min(until, time.monotonic() + LET_GO_WITHIN)
        while not self.result_queue.empty() and time.monotonic() < until:
            self._show()
            time.sleep(ROUND)
        for process in (*self.pool, self.pusher, self.monitor):
            process.kill()
        self.task_queue.cancel_join_thread()

    # --- Processes -----------------------------------------------------------------------------------------
    def _look_after_processes(self) -> None:
        for worker in list(self.pool):
            if worker.is_alive():
                self._count_down(worker)
            elif worker.exitcode < 0 and _seconds_left(worker) == -1:
                self._give_up(f"worker {worker.pid} was killed as it waited for a task")
            else:
                # Killed in the middle of a task it held no lock; else it ended by itself, to be replaced.
                logger.log(
                    logging.ERROR if worker.exitcode else logging.INFO,
                    "Worker %s ended (%s), and is replaced",
                    worker.pid,
                    worker.exitcode,
                )
                self.pool.remove(worker)
                self._spawn(self.spawn_worker)
        for role in ("monitor", "pusher"):
            process = getattr(self, role)
            if process.is_alive():
                continue
            if process.exitcode < 0:
                self._give_up(f"the {role} {process.pid} was killed")
            else:
                logger.error("The %s %s ended (%s), and is replaced", role, process.pid, process.exitcode)
                setattr(self, role, self._spawn(getattr(self, f"spawn_{role}")))

    def _spawn(self, spawn: Any) -> Any:
        self.reincarnations += 1
        db.connections.close_all()  # a connection that two processes share is of use to neither
        return spawn()

    def _count_down(self, worker: Any) -> None:
        """Take a round off the time that a worker's task may take; end the worker when it is over."""
        lock, timer = worker.timer.get_lock(), worker.timer.get_obj()
        if not lock.acquire(timeout=ROUND):
            return  # it is just handing a result in; the next round counts
        try:
            if timer.value > 0:
                timer.value = max(timer.value - ROUND, 0)
        finally:
            lock.release()
        if timer.value == 0:
            # Ended at once it could be handing the result in, and leave that queue locked.
            worker.join(LET_GO_WITHIN)
            logger.error("Worker %s took too long for a task, and is replaced", worker.pid)
            worker.kill()
            self.pool.remove(worker)
            self._spawn(self.spawn_worker)

    def _give_up(self, why: str) -> None:
        self.gave_up_because = self.gave_up_because or why

    # --- Answers -------------------------------------------------------------------------------------------
    def _note_answer(self, sender: Any, task: dict[str, Any], **kwargs: Any) -> None:
        """In the monitor: a task went all the way."""
        if task["func"] == QUESTION:
            self._answered_at.value = time.monotonic()

    def _has_work(self) -> bool:
        return any(worker.is_alive() and _seconds_left(worker) > 0 for worker in self.pool)

    def _is_busy(self) -> bool:
        return all(_seconds_left(worker) > 0 for worker in self.pool)

    def _look_for_an_answer(self) -> None:
        now = time.monotonic()
        if self._asked_at is not None and self._answered_at.value >= self._asked_at:
            self._asked_at, self._is_asked = None, False
        if self._asked_at is None:
            if now - self._answered_at.value < self.patience:
                return
            self._asked_at = self._waiting_since = now
        if not self._is_asked:
            self._is_asked = self._asked()
        if self._is_busy():
            self._waiting_since = now
        elif now - self._waiting_since > self.patience:
            self._give_up(f"no worker answers for {self.patience:g} seconds, and not all are busy")

    def _asked(self) -> bool:
        """Put the question into the workers' queue; whether there was room for it."""
        question = {
            "id": uuid.uuid4().hex,
            "name": "question",
            "func": QUESTION,
            "args": (),
            "kwargs": {},
            "save": False,
        }
        try:
            self.task_queue.put(question, block=False)
        except queue.Full:
            return False
        return True

    # --- Schedules and signs -------------------------------------------------------------------------------
    def _look_at_schedules(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < self.look_every:
            return
        self._looked_at = now
        try:
            db.close_old_connections()
            scheduling.set_malformed_aside()
            scheduler(broker=self.broker)
        except db.Error:
            logger.exception("The schedules could not be looked at")
            db.connections.close_all()

    def _show(self) -> None:
        # Whoever does not read fast enough misses nothing: the next byte says the same.
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            self._lifeline.send(BUSY if self._is_busy() else IDLE, socket.MSG_DONTWAIT)
        now = time.monotonic()
        if now - self._shown_at >= SHOW_EVERY:
            self._shown_at = now
            Stat(self).save()


def _seconds_left(worker: Any) -> float:
    """What is left of the time of a worker's task; -1 when it has none, -2 when it is to be replaced.

    Past the lock: a worker that was killed may have taken it along.
    """
    return float(worker.timer.get_obj().value)


def _end_with(lifeline: socket.socket, stop_event: Any, grace: float) -> None:
    """End in good order when the other end of the lifeline is closed; after `grace` seconds, in none."""
    with suppress(OSError):
        while lifeline.recv(64):
            pass
    stop_event.set()
    time.sleep(grace)
    logger.error("The cluster did not end within %g seconds, and is killed", grace)
    os.killpg(os.getpgrp(), signal.SIGKILL)
