"""Shows the log of one process, or the last lines of all."""

from __future__ import annotations

import json
import time
from collections import deque
from pathlib import Path

from deploy.local.places import Places
from deploy.local.programs import NAMES
from deploy.local.say import Trouble, say

EACH, ONE = 5, 40


def logs(places: Places, name: str | None, follow: bool) -> None:
    known = (*NAMES, "supervisor")
    if name is not None and name not in known:
        raise Trouble(f"there is no process called {name}; there are: {', '.join(known)}")
    if not places.logs.is_dir():
        raise Trouble("there are no logs yet (make up)")
    if name is None:
        for each in known:
            say(f"--- {each}")
            _print_end(places.logs / f"{each}.log", EACH)
        return
    _print_end(places.logs / f"{name}.log", ONE)
    if follow:
        _follow(places.logs / f"{name}.log")


def readable(line: str) -> str:
    """A JSON line as text: time, level, message, then what else it says; any other line as it is."""
    try:
        values = json.loads(line)
        head = f"{values.pop('time')} {values.pop('level'):<7} {values.pop('message')}"
    except (ValueError, KeyError, AttributeError):
        return line.rstrip()
    rest = [f"{name}={value}" for name, value in values.items() if name not in ("service", "logger", "error")]
    return "\n".join([" ".join([head, *rest]), *str(values.get("error", "")).splitlines()])


def _print_end(log: Path, lines: int) -> None:
    if log.exists():
        with log.open(errors="replace") as file:
            for line in deque(file, lines):
                say(readable(line))


def _follow(log: Path) -> None:
    """Like `tail -F`: also when the file is rotated away."""
    file = log.open(errors="replace")
    file.seek(0, 2)
    while True:
        line = file.readline()
        if line:
            say(readable(line))
        elif log.exists() and log.stat().st_ino != _inode(file.fileno()):
            file.close()
            file = log.open(errors="replace")
        else:
            time.sleep(0.2)


def _inode(descriptor: int) -> int:
    return Path(f"/proc/self/fd/{descriptor}").stat().st_ino
