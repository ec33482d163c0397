"""Waits until parts are ready, says what it waits for, and shows the last words of what does not come."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from deploy.local.places import Places
from deploy.local.ports import Ports
from deploy.local.readiness import PROBES
from deploy.local.say import Trouble, step
from deploy.local.stack import Stack

DEADLINE_S = 180.0  # a small machine that starts two stacks at once needs half of it
QUIET_S = 3.0  # nobody wonders before; then it says what it waits for, and again when that changes
RUNNING_S = 30.0  # many times the second that it takes, for a supervisor that gets no processor
BETWEEN_S = 0.1
LAST_LINES = 12


def unready(ports: Ports, names: Sequence[str]) -> dict[str, str]:
    """Name → what it waits for; empty when all are ready."""
    with ThreadPoolExecutor(len(names)) as pool:
        answers = pool.map(lambda name: PROBES[name](ports), names)
        return {name: why for name, why in zip(names, answers, strict=True) if why is not None}


def wait_for(places: Places, ports: Ports, names: Sequence[str], deadline_s: float = DEADLINE_S) -> None:
    """Returns when all are ready. Raises Trouble with reasons and the last lines of the logs at the deadline."""
    given_up = threading.Event()
    with ThreadPoolExecutor(len(names)) as pool:
        waits = [pool.submit(_until_ready, name, ports, deadline_s, given_up) for name in names]
        try:
            answers = [wait.result() for wait in waits]
        finally:
            given_up.set()
    late = {name: why for name, why in zip(names, answers, strict=True) if why is not None}
    if late:
        raise Trouble(*(line for name, why in late.items() for line in _obituary(places, name, why, deadline_s)))


def wait_until_running(stack: Stack, names: Sequence[str]) -> None:
    """A supervisor calls a process running once it has lived for a second: so status tells the truth after a start."""
    deadline = time.monotonic() + RUNNING_S
    while time.monotonic() < deadline:
        if all(process.state == "RUNNING" for process in stack.processes() if process.name in names):
            return
        time.sleep(BETWEEN_S)


def _until_ready(name: str, ports: Ports, deadline_s: float, given_up: threading.Event) -> str | None:
    begun = time.monotonic()
    said = ""
    while why := PROBES[name](ports):
        waited = time.monotonic() - begun
        if waited > deadline_s or given_up.wait(BETWEEN_S):
            return why
        if waited > QUIET_S and why != said:
            said = why
            step("waiting", name, f"{why} ({waited:.0f} s)")
    step("ready", name, f"{time.monotonic() - begun:.1f} s")
    return None


def _obituary(places: Places, name: str, why: str, deadline_s: float) -> list[str]:
    log = places.logs / f"{name}.log"
    words = log.read_text(errors="replace").splitlines()[-LAST_LINES:] if log.exists() else []
    return [f"{name} is not ready after {deadline_s:.0f} s: {why}; the end of {log}:", *(f"    {w}" for w in words)]
