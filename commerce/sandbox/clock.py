"""The sandbox's time: the computer's, moved on by as much as a test asks."""

import threading
import time

_FARTHEST = 20 * 366 * 24 * 60 * 60


class Clock:
    """Unix seconds. It only ever moves forward."""

    def __init__(self, *, ahead: int = 0) -> None:
        self._ahead = ahead
        self._lock = threading.Lock()

    @property
    def ahead(self) -> int:
        """By how many seconds the sandbox is ahead of the computer."""
        return self._ahead

    def now(self) -> int:
        return int(time.time()) + self._ahead

    def advance(self, seconds: int) -> int:
        """Move on and say the new time; raises ValueError for a step back, or beyond twenty years."""
        if seconds < 0:
            raise ValueError("the sandbox's clock moves forward only: advance by 0 or more seconds")
        with self._lock:
            if self._ahead + seconds > _FARTHEST:
                raise ValueError("the sandbox's clock can be twenty years ahead of the computer's, not more")
            self._ahead += seconds
        return self.now()

    def set_ahead(self, seconds: int) -> None:
        """Put the clock where it was before a restart, or back to the computer's time on reset."""
        with self._lock:
            self._ahead = seconds

    @staticmethod
    def real_now() -> int:
        """The computer's time, which receivers of webhooks compare a signature's time stamp with."""
        return int(time.time())

    @staticmethod
    def ticks() -> float:
        """Seconds of a clock that never jumps, to measure delays with."""
        return time.monotonic()
