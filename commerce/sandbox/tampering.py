"""What is done to webhooks on purpose, so that a shop can be seen to bear it."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

MODES = ("normal", "hold", "drop", "double", "delay", "reorder", "forge", "age")
ORDERS = ("reverse", "shuffle")

_LONGEST_DELAY = 24 * 60 * 60
_MOST_AT_ONCE = 1000
_USUAL_SECONDS = {"delay": 5.0, "age": 600.0}


@dataclass(frozen=True)
class Tampering:
    """A mode, and for events of which types it is; raises ValueError for what cannot be.

    `hold` keeps events until they are delivered or released, `drop` never sends them, `double` sends each
    twice, `delay` after `seconds`. `reorder` keeps them until `count` deliveries wait, then sends these one
    after another, the newest first or shuffled. `forge` signs with a secret that nobody has, `age` dates the
    signature `seconds` back: both are done to every attempt while the mode lasts, and to none afterwards.
    """

    mode: str = "normal"
    types: tuple[str, ...] = ("*",)
    seconds: float | None = None
    count: int = 3
    order: str = "reverse"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"a webhook mode is one of {', '.join(MODES)}, not {self.mode!r}")
        if not self.types or not all(isinstance(pattern, str) for pattern in self.types):
            raise ValueError("the types of a webhook mode are patterns such as checkout.session.*")
        if self.order not in ORDERS:
            raise ValueError(f"events are reordered by {' or '.join(ORDERS)}, not {self.order!r}")
        if type(self.count) is not int or not 2 <= self.count <= _MOST_AT_ONCE:
            raise ValueError(f"2 to {_MOST_AT_ONCE} deliveries can be reordered, not {self.count!r}")
        if self.seconds is not None and not _is_within_a_day(self.seconds):
            raise ValueError(f"the seconds of a webhook mode are 0 to {_LONGEST_DELAY}, not {self.seconds!r}")

    def of(self, event_type: str) -> str:
        """The mode for events of that type."""
        is_meant = any(fnmatchcase(event_type, pattern) for pattern in self.types)
        return self.mode if is_meant else "normal"

    @property
    def pause(self) -> float:
        """By how many seconds events are late, or their signatures old."""
        return _USUAL_SECONDS.get(self.mode, 0.0) if self.seconds is None else float(self.seconds)


def _is_within_a_day(seconds: object) -> bool:
    return (
        isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 <= seconds <= _LONGEST_DELAY
    )
