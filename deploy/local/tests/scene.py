"""The command as people call it, on a small stack of a test's own."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local import processes
from deploy.local.places import ROOT, Places, places
from deploy.local.stack import Stack
from deploy.local.throwaway import ended_with_its_owner, environment

SMALL = ("redis", "nginx")


def command(where: Places, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.local", *arguments],
        cwd=ROOT, env=environment(where), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(where: Places, *arguments: str) -> subprocess.CompletedProcess[str]:
    with command(where, *arguments) as process:
        out, err = process.communicate(timeout=250)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def start(where: Places, base: int, *names: str) -> subprocess.CompletedProcess[str]:
    return run(where, "up", "--base", str(base), "--only", *names)


def start_well(where: Places, base: int, *names: str) -> str:
    started = start(where, base, *names)
    assert started.returncode == 0, started.stdout + started.stderr
    return started.stdout


def eventually(condition: Callable[[], bool], within_s: float = 60) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def stack_in(folder: Path) -> Iterator[Stack]:
    """Nothing runs yet; whatever is started is ended."""
    where = Places(places().cache, folder)
    with ended_with_its_owner(where):
        yield Stack(where)
    assert processes.members(where) == []
