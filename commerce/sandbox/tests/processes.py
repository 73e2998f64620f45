"""The sandbox as a process of its own, for what only a process shows: starting, being killed, and again."""

import re
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[3]


class Process:
    """`python <arguments>` in the project's folder, which says on which address it serves."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.errors = ""
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        first = self._process.stdout.readline() if self._process.stdout else ""
        address = re.search(r"http://127\.0\.0\.1:\d+", first)
        if address is None:
            self.stop()
            raise RuntimeError(f"it did not start: {first}{self.errors}")
        self.url = address[0]

    def _read_errors(self) -> None:
        for line in self._process.stderr or ():
            self.errors += line

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(timeout=10)

    def stop(self) -> int:
        """Ask it to end, as a supervisor does, and say its exit status."""
        if self._process.poll() is None:
            self._process.terminate()
        status = self._process.wait(timeout=15)
        self._reader.join(timeout=5)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return status

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
