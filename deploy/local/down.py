"""Takes the stack down so that no process, socket, lock or pid file is left, whatever state it was in."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
import xmlrpc.client
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from deploy.local import processes
from deploy.local.places import Places
from deploy.local.programs import DRAIN_S, NAMES, STOPS
from deploy.local.say import say, step
from deploy.local.stack import Stack
from deploy.local.supervision import NotRunning

STOP_DEADLINE_S = DRAIN_S + 10.0
LEFT_IN_DATA = ("kafka/.lock", "mongo/mongod.lock", "mongo/WiredTiger.lock")
HALF_UP = "up-"


def down(places: Places) -> bool:
    """Whether there was anything to stop."""
    _interrupt_half_finished(places)
    stack = Stack(places)
    was_up = stack.is_up() or bool(processes.members(places))
    if was_up or places.run.exists():
        with alone(places):
            end(stack, NAMES)
    return was_up


def end(stack: Stack, names: Collection[str]) -> None:
    """Ends these processes, the gateway first; the supervisor too when nothing else runs."""
    with suppress(NotRunning):
        for stage in STOPS:
            _stop_stage(stack, [name for name in stage if name in names])
        if not any(process.pid for process in stack.processes()):
            supervisor = stack.supervisor_pid()
            stack.shut_down()
            processes.wait_gone([supervisor], STOP_DEADLINE_S)
    if not stack.is_up():
        end_orphans(stack.places)
        _sweep(stack.places)


def end_orphans(places: Places) -> None:
    """What still runs although its supervisor does not: killed before, or never reached."""
    if Stack(places).is_up():
        return
    left = processes.members(places)
    if left:
        say(f"  ending {len(left)} left over: " + ", ".join(map(str, left)))
        processes.end(left, STOP_DEADLINE_S)


@contextmanager
def alone(places: Places) -> Iterator[None]:
    """One command at a time changes a stack: a lock on its folder itself, so that no lock file is left."""
    places.make()
    folder = os.open(places.state, os.O_RDONLY)
    try:
        _lock(folder)
        yield
    finally:
        os.close(folder)


@contextmanager
def announced(places: Places) -> Iterator[None]:
    """While this command brings a stack up, `down` can find it and interrupt it."""
    places.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    note = places.run / f"{HALF_UP}{os.getpid()}"
    note.touch()
    try:
        yield
    finally:
        note.unlink(missing_ok=True)
        with suppress(OSError):  # nothing was made: so nothing is left
            places.run.rmdir()
            places.state.rmdir()


def _lock(folder: int) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("waiting for another command that changes this stack")
        fcntl.flock(folder, fcntl.LOCK_EX)


def _interrupt_half_finished(places: Places) -> None:
    for note in places.run.glob(f"{HALF_UP}*"):
        other = int(note.name.removeprefix(HALF_UP))
        if other != os.getpid() and "deploy.local" in processes.command_line(other):
            say(f"interrupting the start that is under way (process {other})")
            os.kill(other, signal.SIGTERM)
            processes.wait_gone([other], 2 * STOP_DEADLINE_S)


def _stop_stage(stack: Stack, names: list[str]) -> None:
    """All of a stage at once, and waits until none runs; the supervisor kills what does not drain in time."""
    alive = {process.name for process in stack.processes() if process.state not in ("STOPPED", "EXITED", "FATAL")}
    stopping = [name for name in names if name in alive]
    begun = time.monotonic()
    for name in stopping:
        with suppress(xmlrpc.client.Fault):
            stack.stop(name, wait=False)
    while time.monotonic() - begun < STOP_DEADLINE_S:
        left = [process.name for process in stack.processes() if process.name in stopping and process.pid]
        if not left:
            break
        time.sleep(0.1)
    for name in stopping:
        step("stopped", name)


def _sweep(places: Places) -> None:
    """Sockets and pid files of a supervisor that could not clean up, and locks of servers that are gone."""
    shutil.rmtree(places.run, ignore_errors=True)
    if places.socket.parent != places.run:
        shutil.rmtree(places.socket.parent, ignore_errors=True)
    for name in LEFT_IN_DATA:
        (places.data / name).unlink(missing_ok=True)
