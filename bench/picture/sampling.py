"""Exchanges the services of the running platform for ones that can be sampled, and takes their stacks."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.stack import StackError

SAMPLED = ("router", "frontend", "presence")
PATIENCE_S = 60.0
COMMAND_S = 60


def module_of(service: str) -> str:
    return f"services.{service}.main"


@asynccontextmanager
async def sampled(state: Path, folder: Path) -> AsyncIterator[None]:
    """Inside the block the services of the platform in `state` can be sampled, and write into `folder`."""
    plain = {name: f"-m {module_of(name)}" for name in SAMPLED}
    other = {name: f"-m bench.picture.sampled '{folder}' {module_of(name)}" for name in SAMPLED}
    try:
        await asyncio.to_thread(_exchange, state, plain, other)
        yield
    finally:
        await asyncio.to_thread(_exchange, state, other, plain)


def begin(pids: Mapping[str, int]) -> None:
    for name in SAMPLED:
        os.kill(pids[name], signal.SIGUSR1)


def end(pids: Mapping[str, int], folder: Path) -> dict[str, list[str]]:
    """The stacks of each service since `begin`, a line each; waits until they are written."""
    files = {name: folder / f"{module_of(name)}.txt" for name in SAMPLED}
    for name, file in files.items():
        file.unlink(missing_ok=True)
        os.kill(pids[name], signal.SIGUSR2)
    deadline = time.monotonic() + PATIENCE_S
    while not all(file.exists() for file in files.values()):
        if time.monotonic() > deadline:
            raise StackError(f"the stacks are not in {folder} after {PATIENCE_S:.0f} s")
        time.sleep(0.02)
    return {name: file.read_text().splitlines() for name, file in files.items()}


def _exchange(state: Path, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    file = state / "conf" / "supervisord.conf"
    text = file.read_text()
    for name in SAMPLED:
        text = text.replace(before[name], after[name])
    if text == file.read_text():
        return
    file.write_text(text)
    _supervisor(state, "update", *SAMPLED)  # it stops those whose command has changed
    _supervisor(state, "start", *SAMPLED)
    _local("up")


def _supervisor(state: Path, *words: str) -> None:
    server = f"unix://{(state / 'run' / 'supervisor.sock').resolve()}"
    _run("-m", "supervisor.supervisorctl", "-s", server, *words)


def _local(*words: str) -> None:
    """Which waits until everything is ready."""
    _run("-m", "deploy.local", *words)


def _run(*words: str) -> None:
    answer = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=COMMAND_S, check=False)  # noqa: S603  our own commands
    if answer.returncode:
        raise StackError(f"{words[1]} {words[-1]}: {(answer.stderr or answer.stdout).strip()}")
