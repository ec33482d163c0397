"""A stack for as long as its owner lives: ports that nobody else takes, and an end that comes however it ends."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from deploy.local.places import Places, places
from deploy.local.preflight import is_taken
from deploy.local.programs import NAMES
from deploy.local.stack import Stack

PORTS = 500
SPARE = range(301, 440)  # offsets where no part listens
BASES = range(21_000, 32_000, PORTS)  # below what the kernel gives to outgoing connections
COMMAND = (sys.executable, "-m", "deploy.local")
FOR_JAVA = "JDK_JAVA_OPTIONS"  # its launcher's own variable
BRIEF = "-XX:TieredStopAtLevel=1"  # halves what Kafka's start costs; the compiler left out pays after 300,000 messages


@contextmanager
def throwaway(state: Path, only: Sequence[str] = NAMES) -> Iterator[Stack]:
    """It runs inside the block, or of it what is named."""
    where = Places(places().cache, state)
    with free_base() as base, ended_with_its_owner(where):
        subprocess.run(  # noqa: S603 - our own command line
            [*COMMAND, "up", "--base", str(base), "--only", *only],
            cwd=where.root, env=environment(where), stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        yield Stack(where)


@contextmanager
def free_base() -> Iterator[int]:
    """Nobody else who asks here gets it inside the block: its first port, where no part listens, is held."""
    for base in BASES:
        try:
            held = socket.create_server(("127.0.0.1", base))
        except OSError:
            continue
        with held:
            if not any(is_taken(port) for port in range(base + 1, base + PORTS)):
                yield base
                return
    raise RuntimeError("no free ports for another stack")


def spare_ports(base: int, count: int) -> list[int]:
    """Free ones beside the stack's own, for more processes of whoever has the base."""
    ports = random.sample([base + offset for offset in SPARE], len(SPARE))
    return list(islice((port for port in ports if not is_taken(port)), count))


@contextmanager
def ended_with_its_owner(where: Places) -> Iterator[None]:
    """Takes the stack down after the block, and also when this process is killed inside: its end closes the pipe."""
    ending = subprocess.Popen(  # noqa: S603 - our own command line
        ["/bin/sh", "-c", 'read -r _; exec "$@"', "sh", *COMMAND, "down"],
        cwd=where.root, env=environment(where), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the owner
    )  # fmt: skip
    try:
        yield
    finally:
        ending.communicate()
    if ending.returncode:
        raise RuntimeError(f"the stack in {where.state} was not taken down")


def environment(where: Places) -> Mapping[str, str]:
    """For commands of this stack: nothing that was exported for another, and Java as it serves who lives briefly."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    java = f"{os.environ.get(FOR_JAVA, '')} {BRIEF}".strip()
    return own | {"PARLEY_STATE": str(where.state), "PARLEY_CACHE": str(where.cache), FOR_JAVA: java}
