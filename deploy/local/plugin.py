"""Runs inside supervisord: ends what is left of a process's group before it is started again, and counts restarts."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

from supervisor import events

LONGEST_WAIT_S = 5  # between two tries of a process that dies at once; it is never given up


class Parley:
    """Offered over the supervisor's socket as `parley.restarts()`."""

    def __init__(self) -> None:
        self._starts: dict[str, int] = {}
        events.subscribe(events.ProcessStateStartingEvent, self._on_start)
        for ended in (events.ProcessStateExitedEvent, events.ProcessStateBackoffEvent, events.ProcessStateStoppedEvent):
            events.subscribe(ended, self._on_end)

    def restarts(self) -> dict[str, int]:
        """How often each process was started again by the supervisor since somebody last asked for its start."""
        return {name: starts - 1 for name, starts in self._starts.items()}

    def _on_start(self, event: Any) -> None:
        name = event.process.config.name
        asked_for = event.from_state == 0  # STOPPED
        self._starts[name] = 1 if asked_for else self._starts.get(name, 0) + 1

    def _on_end(self, event: Any) -> None:
        process = event.process
        if process.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        if isinstance(event, events.ProcessStateBackoffEvent) and process.backoff > LONGEST_WAIT_S:
            process.delay -= process.backoff - LONGEST_WAIT_S
            process.backoff = LONGEST_WAIT_S


def make(_supervisord: Any, **_options: str) -> Parley:
    return Parley()
