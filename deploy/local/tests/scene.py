"""The command as people call it, on a small stack of a test's own."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local import preflight, processes
from deploy.local.places import ROOT, Places, places
from deploy.local.ports import OFFSETS
from deploy.local.stack import Stack

SMALL = ("redis", "nginx")


def command(where: Places, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PARLEY_STATE": str(where.state), "PARLEY_CACHE": str(where.cache)}
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.local", *arguments],
        cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(where: Places, *arguments: str) -> subprocess.CompletedProcess[str]:
    with command(where, *arguments) as process:
        out, err = process.communicate(timeout=110)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def start(where: Places, base: int, *names: str) -> subprocess.CompletedProcess[str]:
    return run(where, "up", "--base", str(base), "--only", *names)


def start_well(where: Places, base: int, *names: str) -> str:
    started = start(where, base, *names)
    assert started.returncode == 0, started.stdout + started.stderr
    return started.stdout


def eventually(condition: Callable[[], bool], within_s: float = 20) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_base() -> int:
    """A base whose ports are free, below those that the kernel gives to outgoing connections."""
    bases = random.sample(range(10_000, 32_000, 10), 2_200)
    return next(b for b in bases if not any(preflight.is_taken(b + offset) for offset in OFFSETS.values()))


@contextmanager
def stack_in(folder: Path) -> Iterator[Stack]:
    """Nothing runs yet; whatever is started is ended."""
    where = Places(places().cache, folder)
    yield Stack(where)
    run(where, "down")
    assert processes.members(where) == []
