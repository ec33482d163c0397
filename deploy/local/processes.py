"""What the kernel knows: who belongs to a stack, who holds a port, how much memory a group uses."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from deploy.local.places import Places
from deploy.local.supervision import MARK

PROC = Path("/proc")
LISTENING = "0A"


def members(places: Places) -> list[int]:
    """Every process of this stack, also when its supervisor is gone: by the mark in its environment.

    Nginx overwrites its environment with a title, so a program of our cache that works in our state counts too.
    """
    return [pid for pid in _pids() if pid != os.getpid() and _belongs(pid, places)]


def end(pids: list[int], within_s: float) -> None:
    """Asks politely, waits, then insists; returns when none is left."""
    for kind, patience in ((signal.SIGTERM, within_s), (signal.SIGKILL, 10.0)):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, kind)
        if wait_gone(pids, patience):
            return


def wait_gone(pids: list[int], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def is_alive(pid: int) -> bool:
    """A zombie that nobody collects is not alive."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def command_line(pid: int) -> str:
    with suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def memory_of_group(leader: int) -> int:
    """Resident bytes of a process and of everything in its group (Nginx has workers)."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for pid in _pids():
        with suppress(OSError):
            if os.getpgid(pid) == leader:
                total += int((PROC / str(pid) / "statm").read_text().split()[1]) * page
    return total


def holder(port: int) -> str:
    """Who listens on a port, in words."""
    sockets = set(_listening_sockets(port))
    for pid in _pids():
        if sockets & set(_open_sockets(pid)):
            return f"process {pid} ({command_line(pid)[:80] or 'unknown'})"
    return "a process that this user may not see"


def _belongs(pid: int, places: Places) -> bool:
    folder = PROC / str(pid)
    with suppress(OSError):
        if f"{MARK}={places.state}".encode() in (folder / "environ").read_bytes().split(b"\0"):
            return True
        program = (folder / "exe").readlink()
        works_in = (folder / "cwd").readlink()
        return program.is_relative_to(places.cache) and works_in.is_relative_to(places.state)
    return False


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def _listening_sockets(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                    yield f"socket:[{words[9]}]"


def _open_sockets(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for file in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                yield str(file.readlink())
