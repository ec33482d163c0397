"""Decides what a command has to start, and looks whether that is possible, before anything is changed."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.local import preflight, processes
from deploy.local.fetch import everything
from deploy.local.places import Places
from deploy.local.ports import DEFAULT_BASE, HIGHEST_BASE, Ports
from deploy.local.say import Trouble
from deploy.local.stack import Stack


def plan(stack: Stack, base: int | None, only: Sequence[str]) -> tuple[Ports, list[str]]:
    """Where the stack is or will be, and the processes that do not run yet."""
    running = [process.name for process in stack.processes() if process.pid] if stack.is_up() else []
    return _ports(stack, base, bool(running)), [name for name in only if name not in running]


def look_ahead(places: Places, base: int | None, only: Sequence[str]) -> None:
    """Raises Trouble with one line for each thing that is in the way."""
    ports, wanted = plan(Stack(places), base, only)
    missing = {part.name for part in everything.missing(places)}
    own = processes.members(places)  # of a stack whose supervisor is gone: they are ended first
    taken = [] if own else preflight.port_troubles(ports, wanted)
    preflight.refuse([*preflight.tools(missing, places.cache), *taken])


def _ports(stack: Stack, base: int | None, running: bool) -> Ports:
    if running and base not in (None, stack.ports.base):
        raise Trouble(f"this stack runs on base {stack.ports.base}: stop it first (make down)")
    if running:
        return stack.ports
    chosen = base or DEFAULT_BASE
    if not 1024 <= chosen <= HIGHEST_BASE:
        raise Trouble(f"base={chosen} is not possible: choose one from 1024 to {HIGHEST_BASE}")
    return Ports(chosen)
