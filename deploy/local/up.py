"""Brings the stack up, stage by stage: servers, topics and indexes, services, gateway."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from deploy.local import down, preflight, prepare, settings_file, supervision, waiting
from deploy.local.fetch import everything
from deploy.local.places import Places
from deploy.local.ports import DEFAULT_BASE, Ports
from deploy.local.programs import NAMES, SERVERS, STAGES
from deploy.local.say import Trouble, say, step
from deploy.local.stack import Stack

SCHEMA_DEADLINE_S = 60


def up(places: Places, base: int | None, only: tuple[str, ...] = NAMES) -> None:
    """Starts what does not run yet. On failure, and on Ctrl-C, ends what it started itself."""
    stack = Stack(places)
    running = [process.name for process in stack.processes() if process.pid] if stack.is_up() else []
    ports = _ports(stack, base, running)
    wanted = [name for name in only if name not in running]
    if not wanted and not waiting.unready(ports, only):
        say(f"the stack is up already, on base {ports.base}")
        return
    preflight.refuse(preflight.tools({part.name for part in everything.missing(places)}, places.cache))
    everything.fetch(places)
    begun = time.monotonic()
    with down.alone(places):
        down.end_orphans(places)
        preflight.refuse(preflight.port_troubles(ports, wanted))
        try:
            _start(stack, ports, wanted, only)
        except BaseException:
            say("ending what was started")
            down.end(stack, wanted)
            raise
    say(f"up in {time.monotonic() - begun:.1f} s: {settings_file.read(places.settings)['PARLEY_GATEWAY_URL']}")


def _ports(stack: Stack, base: int | None, running: list[str]) -> Ports:
    if not running:
        return Ports(base or DEFAULT_BASE)
    if base is not None and base != stack.ports.base:
        raise Trouble(f"this stack runs on base {stack.ports.base}: stop it first (make down)")
    return stack.ports


def _start(stack: Stack, ports: Ports, wanted: list[str], only: tuple[str, ...]) -> None:
    if not stack.is_up():
        prepare.prepare(stack.places, ports)
        supervision.launch(stack.places)
    for stage in STAGES:
        for name in stage:
            if name in wanted:
                stack.start(name, wait=False)
        names = [name for name in stage if name in only]
        if names:
            waiting.wait_for(stack.places, ports, names)
        if stage == SERVERS and set(SERVERS) <= set(only):
            _schema(stack.places)


def _schema(places: Places) -> None:
    """Topics, collections and indexes: repeatable, so it runs at every start."""
    begun = time.monotonic()
    try:
        made = subprocess.run(
            [sys.executable, "-m", "libs.common.schema"], cwd=places.root,
            env={**os.environ, "PARLEY_SETTINGS": str(places.settings)},
            capture_output=True, text=True, timeout=SCHEMA_DEADLINE_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Trouble(f"topics and indexes are not made after {SCHEMA_DEADLINE_S} s") from None
    if made.returncode:
        lines = made.stderr.strip().splitlines()[-8:]
        raise Trouble("topics and indexes cannot be made:", *(f"    {line}" for line in lines))
    step("ready", "schema", f"{time.monotonic() - begun:.1f} s")
