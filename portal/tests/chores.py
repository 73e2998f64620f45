"""Tasks for the tests of the worker: they take a while, and leave lines in a file."""

import os
import time


def chore(file: str, number: int, seconds: float) -> None:
    """Say that it begins, take its time, say that it is done."""
    say(file, f"began {number}")
    time.sleep(seconds)
    say(file, f"done {number}")


def say(file: str, words: str) -> None:
    """Add a line in one piece, whoever else does."""
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, f"{words}\n".encode())
    finally:
        os.close(handle)
