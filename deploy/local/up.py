"""Brings the stack up, stage by stage: servers, topics and indexes, services, gateway."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from deploy.local import down, preflight, prepare, settings_file, supervision, waiting
from deploy.local.places import Places
from deploy.local.plan import plan
from deploy.local.ports import Ports
from deploy.local.programs import NAMES, SERVERS, STAGES
from deploy.local.say import Trouble, complain, say, step
from deploy.local.stack import Stack

SCHEMA_DEADLINE_S = 120


def up(places: Places, base: int | None, only: tuple[str, ...] = NAMES) -> None:
    """Starts what does not run yet. On failure, and on Ctrl-C, ends what it started itself."""
    stack = Stack(places)
    with down.alone(places):
        ports, wanted = plan(stack, base, only)
        if not wanted and not waiting.unready(ports, only):
            say(f"the stack is up already, on base {ports.base}")
            return
        down.end_orphans(places)
        if words := preflight.base_words(ports.base, preflight.outgoing_ports()):
            complain(f"parley: {words}")
        preflight.refuse(preflight.port_troubles(ports, wanted))
        begun = time.monotonic()
        try:
            _start(stack, ports, wanted, only)
        except BaseException:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            say("ending what was started")
            down.end(stack, wanted)
            raise
    settings = settings_file.read(places.settings)
    phones = f"; phones: {settings['PARLEY_SIMULATOR_URL']}/phones" if "simulator" in wanted else ""
    say(f"up in {time.monotonic() - begun:.1f} s: {settings['PARLEY_GATEWAY_URL']}{phones}")


def _start(stack: Stack, ports: Ports, wanted: Sequence[str], only: Sequence[str]) -> None:
    if not stack.is_up():
        prepare.prepare(stack.places, ports)
        supervision.launch(stack.places)
    if "kafka" in wanted:
        prepare.format_kafka(stack.places)
    for stage in STAGES:
        names = [name for name in stage if name in only]
        for name in names:
            if name in wanted:
                stack.start(name, wait=False)
        if names:
            waiting.wait_for(stack.places, ports, names)
        if stage == SERVERS and set(SERVERS) <= set(only):
            _schema(stack.places)
    waiting.wait_until_running(stack, only)


def _schema(places: Places) -> None:
    """Topics, collections and indexes: repeatable, so it runs at every start."""
    begun = time.monotonic()
    try:
        made = subprocess.run(
            [sys.executable, "-m", "libs.common.schema"], cwd=places.root,
            env=settings_file.environment(places),
            capture_output=True, text=True, timeout=SCHEMA_DEADLINE_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Trouble(f"topics and indexes are not made after {SCHEMA_DEADLINE_S} s") from None
    if made.returncode:
        lines = made.stderr.strip().splitlines()[-8:]
        raise Trouble("topics and indexes cannot be made:", *(f"    {line}" for line in lines))
    step("ready", "schema", f"{time.monotonic() - begun:.1f} s")
