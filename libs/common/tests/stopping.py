"""Processes that stand still: their connections stay open, and nobody answers."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 60.0


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """SIGSTOP meanwhile. A signal only asks: on a busy machine threads run on a little, so this waits for each."""
    os.kill(pid, signal.SIGSTOP)
    try:
        end = time.monotonic() + PATIENCE_S
        while not all(_stopped(task) for task in Path(f"/proc/{pid}/task").iterdir()):
            assert time.monotonic() < end, f"{pid} does not stop"
            time.sleep(0.005)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _stopped(task: Path) -> bool:
    """The state is what follows the name, which stands in parentheses and may hold any character."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
