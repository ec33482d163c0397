"""What the threads of a server do, by their names."""

import os
import re
import signal
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from bench.stack import Thread

DUMP_S = 5.0
DUMPED = re.compile(r'^"(?P<name>[^"]+)".* nid=(?P<number>0x[0-9a-f]+|\d+) ', re.MULTILINE)

KINDS: dict[str, tuple[tuple[str, str], ...]] = {
    "kafka": (
        ("request-handler", "request handlers"),
        ("network-thread|socket-acceptor", "network threads"),
        ("data-plane", "network and requests"),
        ("Compiler|Sweeper", "JIT compiler"),
        ("VM |GC|G1|Monitor", "garbage collection"),
        ("group-coord", "group coordinator"),
        ("", "timers, housekeeping"),
    ),
    "mongo": (
        ("^conn", "connections"),
        ("Journal", "journal"),
        ("Oplog|Repl|kSource|Timesta", "replication"),
        ("WT|Checkpoint", "checkpoints, eviction"),
        ("", "others"),
    ),
}


def kinds(process: str, threads: Mapping[int, Thread], names: Mapping[int, str]) -> dict[str, float]:
    """CPU in ms per message by what threads do; `names` has the full ones, where the kernel's are cut."""
    found: dict[str, float] = defaultdict(float)
    for number, thread in threads.items():
        found[_kind(process, names.get(number, thread.name))] += thread.cpu_ms
    return dict(found)


def java_names(pid: int, log: Path) -> dict[int, str]:
    """The names of a Java process's threads, which SIGQUIT makes it write into its log, by their numbers.

    Empty where it does not within a few seconds."""
    before = log.stat().st_size if log.exists() else 0
    os.kill(pid, signal.SIGQUIT)
    names: dict[int, str] = {}
    for _ in range(int(DUMP_S / 0.1)):
        time.sleep(0.1)
        found = dumped(_read(log, before))
        if found and len(found) == len(names):
            return names
        names = found
    return names


def dumped(text: str) -> dict[int, str]:
    """The names in a thread dump."""
    return {int(match["number"], 0): match["name"] for match in DUMPED.finditer(text)}


def _read(log: Path, after: int) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(after)
        return file.read().decode(errors="replace")


def _kind(process: str, name: str) -> str:
    for pattern, kind in KINDS.get(process, ()):
        if re.search(pattern, name):
            return kind
    return name
