"""The `parley` command as a person uses it: a process of its own, by pipes or on a pseudo terminal."""

import asyncio
import fcntl
import os
import pty
import re
import secrets
import signal
import struct
import sys
import termios
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from conftest import ROOT, Stack
from tests.registered import registered

PASSWORD = "correct horse battery"
DEADLINE_S = 120.0
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ROWS = 30


class Result(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document that it printed."""
        assert self.code == 0, self.err
        return msgspec.json.decode(self.out)


class Home:
    """Somebody's computer: the sessions that are kept there, and commands that run there."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        self.environment |= {
            "PARLEY_CACHE": str(Path(sys.executable).parents[2]),
            "PARLEY_GATEWAY_URL": stack.gateway_url,
            "XDG_STATE_HOME": str(folder),
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "TERM": "xterm",
        }
        self._etcd = stack.etcd

    async def run(self, *arguments: str, stdin: str = "", **environment: str) -> Result:
        process = await self._start(arguments, environment, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        async with asyncio.timeout(DEADLINE_S):
            out, err = await process.communicate(stdin.encode())
        return Result(process.returncode or 0, out.decode(), err.decode())

    async def register(self, username: str) -> str:
        """They are logged in here too, as after `parley register`."""
        await registered(self._etcd, PASSWORD, username)
        begun = await self.run("login", username, PARLEY_PASSWORD=PASSWORD)
        assert begun.code == 0, begun.err
        return username

    async def history(self, of: str, *arguments: str, count: int) -> list[dict[str, Any]]:
        """All messages, once there are so many: what is accepted is stored in a moment."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                items: list[dict[str, Any]] = (await self.run("history", of, *arguments, "--json")).json["items"]
                if len(items) >= count:
                    return items

    async def stored(self, message_id: str, *arguments: str) -> None:
        """Everybody finds it from now on."""
        async with asyncio.timeout(DEADLINE_S):
            while (await self.run("status", message_id, *arguments)).code:
                pass

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[Process]:
        """Until the block ends; its output comes line by line."""
        process = await self._start(arguments, {}, stdin=DEVNULL, stdout=PIPE, stderr=None)
        try:
            yield process
        finally:
            await _end(process)

    @asynccontextmanager
    async def terminal(self, *arguments: str) -> AsyncIterator["Terminal"]:
        ours, theirs = pty.openpty()
        process = await self._start(arguments, {}, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        terminal = Terminal(process, ours)
        try:
            yield terminal
        finally:
            await _end(process)
            terminal.close()

    async def _start(self, arguments: tuple[str, ...], environment: Mapping[str, str], **streams: Any) -> Process:
        everything = {**self.environment, **environment}
        return await asyncio.create_subprocess_exec(str(ROOT / "parley"), *arguments, env=everything, **streams)


def somebody(name: str) -> str:
    """A username that nobody has."""
    return f"{name}-{secrets.token_hex(4)}"


async def pair(home: Home) -> tuple[str, str]:
    """Two people with sessions; commands speak for the first."""
    ben = await home.register(somebody("ben"))
    return await home.register(somebody("ana")), ben


class Terminal:
    """What stands on the screen, and keys to be pressed."""

    def __init__(self, process: Process, handle: int) -> None:
        self.process = process
        self._handle = handle
        self._shown = ""
        self._columns = 100
        asyncio.get_running_loop().add_reader(handle, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)

    def press(self, keys: str) -> None:
        os.write(self._handle, keys.encode())

    async def shows(self, pattern: str, *, raw: bool = False) -> None:
        """Waits for it on the screen; with `raw` among the colours too."""
        end = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self._shown if raw else ESCAPES.sub("", self._shown)):
            assert time.monotonic() < end, f"{pattern} is not shown, but {self._shown!r}"
            self._paint_anew()
            await asyncio.sleep(0.3)

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE_S):
            return await self.process.wait()

    def _paint_anew(self) -> None:
        """Who changes the width of a window gets all of it, not only what is new."""
        if self.process.returncode is not None:
            return
        self._shown, self._columns = "", 201 - self._columns
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, self._columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def _read(self) -> None:
        try:
            self._shown += os.read(self._handle, 65536).decode(errors="replace")
        except OSError:
            asyncio.get_running_loop().remove_reader(self._handle)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
