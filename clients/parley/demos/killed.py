"""An upload by a process of its own, which is killed half-way, and the same command once more."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from clients.parley.errors import ParleyError

ROOT = Path(__file__).parents[3]
HALF = 50
LONGEST_S = 600.0
SECONDS = (4, 20)  # for all of it, so that there is time to kill it; the second where a busy machine was too slow


class Interrupted(Struct, frozen=True, kw_only=True):
    """An upload in two tries; `parts_sent` and `bytes_sent` are of the second."""

    file_id: str
    killed_at_percent: int
    killed_after_ms: float
    resumed: bool
    parts: int
    parts_kept: int
    parts_sent: int
    bytes_sent: int
    resumed_ms: float
    verified_ms: float


class KilledUpload:
    """`parley upload` as a person types it, with a state folder of its own beside the file."""

    def __init__(self, url: str, username: str, password: str, path: Path) -> None:
        self._url = url
        self._username = username
        self._password = password
        self._path = path

    async def play(self, tell: Callable[[int, int], None]) -> Interrupted:
        with tempfile.TemporaryDirectory(dir=self._path.parent) as state:
            await self._run(state, "login", self._username, "--password-stdin", "--json", stdin=self._password)
            began = time.monotonic()
            percent = await self._killed(state, tell)
            killed_after_s = time.monotonic() - began
            made = (await self._run(state, "upload", str(self._path), "--json"))["items"][0]
            return Interrupted(
                file_id=made["file"]["file_id"],
                killed_at_percent=percent,
                killed_after_ms=round(killed_after_s * 1000, 1),
                resumed=made["resumed"],
                parts=made["parts"],
                parts_kept=made["parts_kept"],
                parts_sent=made["parts_sent"],
                bytes_sent=made["bytes_sent"],
                resumed_ms=round(made["transfer_s"] * 1000, 1),
                verified_ms=round(made["verify_s"] * 1000, 1),
            )

    async def _killed(self, state: str, tell: Callable[[int, int], None]) -> int:
        """Where it was killed, in percent: as far as it said it was, and it may have come a little further."""
        for seconds in SECONDS:
            percent = await self._until_half(state, seconds, tell)
            if percent is not None:
                return percent
        raise ParleyError("the upload ended each time before it could be killed")

    async def _until_half(self, state: str, seconds: int, tell: Callable[[int, int], None]) -> int | None:
        """None where it was quicker than we."""
        percent = 0
        size = self._path.stat().st_size
        limit = str(size // seconds)
        arguments = ("upload", str(self._path), "--limit", limit)
        async with self._running(state, *arguments, stdin=DEVNULL, stdout=DEVNULL) as process:
            assert process.stderr
            while percent < HALF and (line := await process.stderr.readline()):
                percent = _percent_of(line.decode()) or percent
                tell(size * percent // 100, size)
            if process.returncode is None:
                process.kill()
            ended = await process.wait()
        return percent if ended == -signal.SIGKILL else None

    async def _run(self, state: str, *arguments: str, stdin: str = "") -> Any:
        """The document that the command printed."""
        async with self._running(state, *arguments, stdin=PIPE, stdout=PIPE) as process:
            said, errors = await process.communicate(stdin.encode())
        if process.returncode:
            raise ParleyError(f"parley {arguments[0]} ended with {process.returncode}: {errors.decode().strip()}")
        return msgspec.json.decode(said)

    @asynccontextmanager
    async def _running(self, state: str, *arguments: str, stdin: int, stdout: int) -> AsyncIterator[Process]:
        environment = {**os.environ, "XDG_STATE_HOME": state, "PARLEY_PROFILE": self._username}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", "clients.parley", *arguments, "--url", self._url]
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=stdin, stdout=stdout, stderr=PIPE
        )
        try:
            async with asyncio.timeout(LONGEST_S):
                yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _percent_of(line: str) -> int | None:
    """What a line of the command's progress says."""
    words = line.partition("%")[0].split()
    return int(words[-1]) if "%" in line and words and words[-1].isdecimal() else None
