"""Which processes make up the running platform, what they use, and what the machine around them is."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.proc import Machine, Task, Usage, read_machine, read_processes, read_tasks, usage

OURS = ("auth", "frontend", "router", "presence", "files", "webhooks")


class StackError(Exception):
    """The processes of the platform cannot be found, so a run could not be accounted."""


class Process(NamedTuple):
    """One process of the platform by the supervisor's name for it."""

    name: str
    pid: int
    version: str


class Snapshot(NamedTuple):
    """What everybody has used until now; CPU in seconds, `driver_s` of this process."""

    by_name: dict[str, Usage]
    machine: Machine
    driver_s: float
    tasks: Mapping[str, Mapping[int, Task]] = {}


class Thread(msgspec.Struct, frozen=True):
    """One thread by the kernel's name for it, which is cut."""

    name: str
    cpu_ms: float


class Costs(msgspec.Struct, frozen=True):
    """What one message cost between two snapshots: CPU in ms, memory at the end in bytes.

    `others_cores` is the CPU that neither platform nor driver used, in cores; `idle_share` is of all cores. Threads
    are those that used any CPU, by their numbers; what a process's children used is not among them."""

    cpu_ms: float
    cpu_ms_by_process: dict[str, float]
    driver_ms: float
    rss: dict[str, int]
    others_cores: float
    idle_share: float
    load_average: float
    cpu_ms_by_thread: dict[str, dict[int, Thread]] = {}


def find_processes() -> list[Process]:
    """The platform's processes, as its supervisor tells; raises `StackError` where it does not run."""
    command = [sys.executable, "-m", "deploy.local", "status", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  our own command
    try:
        return parse_status(json.loads(answer.stdout))
    except (ValueError, KeyError, TypeError) as error:
        words = answer.stderr.strip() or answer.stdout.strip() or str(error)
        raise StackError(f"the platform's processes cannot be found ({words}): is it up? `make up`") from error


def parse_status(document: Mapping[str, Any]) -> list[Process]:
    """The processes that run, from `python -m deploy.local status --json`."""
    found = [
        Process(one["name"], int(one["pid"]), str(one.get("version") or ""))
        for one in document["processes"]
        if one.get("pid")
    ]
    if not found:
        raise ValueError("no process runs")
    return found


def pids() -> dict[str, int]:
    """The platform's processes by name, what supervises them included; another pid under a name is a restart."""
    named = {process.name: process.pid for process in find_processes()}
    parents = {stat.parent for stat in read_processes() if stat.pid in named.values()} - {1, os.getpid()}
    return named | ({"supervisor": parents.pop()} if len(parents) == 1 else {})


def snapshot(pids: Mapping[str, int]) -> Snapshot:
    """Now."""
    times = os.times()
    tasks = {name: read_tasks(pid) for name, pid in pids.items()}
    return Snapshot(usage(pids, read_processes()), read_machine(), times.user + times.system, tasks)


def costs(before: Snapshot, after: Snapshot, messages: int, load_average: float) -> Costs:
    """The difference, per message; a process that is not in both is left out."""
    known = before.by_name.keys() & after.by_name.keys()
    spent = {name: after.by_name[name].cpu_s - before.by_name[name].cpu_s for name in sorted(known)}
    driver_s = after.driver_s - before.driver_s
    busy_s = after.machine.busy_s - before.machine.busy_s
    all_s = max(busy_s + after.machine.idle_s - before.machine.idle_s, 1e-9)
    others_s = max(0.0, busy_s - sum(spent.values()) - driver_s)
    each = 1000 / max(messages, 1)
    return Costs(
        cpu_ms=round(sum(spent.values()) * each, 4),
        cpu_ms_by_process={name: round(used * each, 4) for name, used in spent.items()},
        driver_ms=round(driver_s * each, 4),
        rss={name: used.rss for name, used in sorted(after.by_name.items())},
        others_cores=round(others_s / all_s * (os.cpu_count() or 1), 3),
        idle_share=round(1 - busy_s / all_s, 3),
        load_average=round(load_average, 2),
        cpu_ms_by_thread={
            name: _threads(before.tasks.get(name, {}), tasks, each) for name, tasks in after.tasks.items()
        },
    )


def _threads(before: Mapping[int, Task], after: Mapping[int, Task], each: float) -> dict[int, Thread]:
    spent = {number: task.cpu_s - before.get(number, Task("", 0.0)).cpu_s for number, task in after.items()}
    return {number: Thread(after[number].name, round(used * each, 5)) for number, used in spent.items() if used > 0}


def percent(before: Snapshot, after: Snapshot, seconds: float) -> dict[str, float]:
    """The CPU that each process used, in % of one core."""
    known = sorted(before.by_name.keys() & after.by_name.keys())
    return {name: round((after.by_name[name].cpu_s - before.by_name[name].cpu_s) / seconds * 100, 3) for name in known}


def settings(url: str) -> dict[str, Any]:
    """What a reader of the figures must know: machine, versions, the commit."""
    return {
        "gateway": url,
        "machine": {"cpus": os.cpu_count(), "cpu": _cpu_model(), "kernel": platform.release()},
        "python": platform.python_version(),
        "commit": _commit(),
        "versions": {process.name: process.version for process in find_processes() if process.version},
    }


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603  fixed words
    return answer.stdout.strip() or "unknown"
