"""How the commands speak: plain lines on stdout, and troubles that somebody at the keyboard must mend."""

from __future__ import annotations

import sys


class Trouble(Exception):
    """One or more lines that say what is wrong and what to do about it; the command ends with exit code 1."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def step(verb: str, what: str, detail: str = "") -> None:
    """One progress line in three columns, so that a start reads as a table."""
    say(f"  {verb:<9} {what:<12} {detail}".rstrip())


def megabytes(size: int) -> str:
    return f"{size / 1_000_000:.0f} MB"
