"""CPU and memory of processes with all their descendants, and of the machine, as Linux counts them in /proc."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")


class Stat(NamedTuple):
    """One process: CPU in seconds (its own and that of children it has waited for), resident memory in bytes."""

    pid: int
    parent: int
    name: str
    cpu_s: float
    rss: int


class Task(NamedTuple):
    """One thread: its name, cut to 15 characters by the kernel, and its CPU in seconds."""

    name: str
    cpu_s: float


class Usage(NamedTuple):
    """A process and its descendants together."""

    cpu_s: float
    rss: int


class Machine(NamedTuple):
    """All CPUs together, in seconds since boot."""

    busy_s: float
    idle_s: float


def parse_stat(line: str) -> Stat:
    """One line of /proc/<pid>/stat; the name in brackets may hold spaces and brackets itself."""
    before, _, after = line.rpartition(")")
    pid, _, name = before.partition(" (")
    rest = after.split()
    ticks = sum(int(rest[n]) for n in (11, 12, 13, 14))  # utime, stime, cutime, cstime
    return Stat(int(pid), int(rest[1]), name, ticks / TICKS, int(rest[21]) * PAGE)


def parse_task(line: str) -> Task:
    """One line of /proc/<pid>/task/<tid>/stat, where CPU of children is that of the whole process."""
    before, _, after = line.rpartition(")")
    return Task(before.partition(" (")[2], sum(int(n) for n in after.split()[11:13]) / TICKS)


def parse_machine(line: str) -> Machine:
    """The first line of /proc/stat: user nice system idle iowait irq softirq steal, then guests counted before."""
    user, nice, system, idle, iowait, irq, softirq, steal = (int(n) / TICKS for n in line.split()[1:9])
    return Machine(user + nice + system + irq + softirq + steal, idle + iowait)


def usage(roots: Mapping[str, int], processes: Iterable[Stat]) -> dict[str, Usage]:
    """By name, what the process with that pid and all below it use; a descendant that is a root itself counts there.

    CPU of a child that ended and was waited for is in its parent, so nothing is lost or counted twice."""
    known = {stat.pid: stat for stat in processes}
    children: dict[int, list[int]] = defaultdict(list)
    for stat in known.values():
        children[stat.parent].append(stat.pid)
    others = set(roots.values())
    return {name: _sum(_tree(pid, children, others), known) for name, pid in roots.items() if pid in known}


def read_processes() -> list[Stat]:
    """Every process that this user may see, now."""
    found = []
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            try:
                found.append(parse_stat((folder / "stat").read_text()))
            except OSError:  # it ended meanwhile
                continue
    return found


def read_tasks(pid: int) -> dict[int, Task]:
    """The threads of a process by their numbers, now; none where it has ended."""
    found = {}
    for folder in (PROC / f"{pid}" / "task").glob("*"):
        try:
            found[int(folder.name)] = parse_task((folder / "stat").read_text())
        except OSError:  # it ended meanwhile
            continue
    return found


def read_machine() -> Machine:
    """The CPUs, now."""
    return parse_machine((PROC / "stat").read_text().partition("\n")[0])


def _tree(root: int, children: Mapping[int, list[int]], others: set[int]) -> Iterable[int]:
    yield root
    for child in children.get(root, ()):
        if child not in others:
            yield from _tree(child, children, others)


def _sum(pids: Iterable[int], known: Mapping[int, Stat]) -> Usage:
    stats = [known[pid] for pid in pids]
    return Usage(sum(stat.cpu_s for stat in stats), sum(stat.rss for stat in stats))
