"""Shows what runs: a table for people, JSON for programs."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from dataclasses import asdict
from datetime import timedelta

from deploy.local import processes, programs
from deploy.local.fetch import jars, mongod
from deploy.local.places import Places
from deploy.local.programs import PLATFORMS, SERVICES
from deploy.local.say import say
from deploy.local.settings_file import read
from deploy.local.stack import Process, Stack
from deploy.local.supervision import NotRunning

RUNNING, NOT_RUNNING = 0, 3
NOTHING = "the stack is not running (make up)"
COLUMNS = "  {:<10} {:<9} {:>8} {:>10} {:>9} {:>9}  {}"


def status(places: Places, as_json: bool) -> int:
    """0 when every process runs, 3 when one does not."""
    try:
        found = Stack(places).processes()
    except NotRunning:
        left = processes.members(places)
        words = f"the supervisor is gone, {len(left)} processes are left: make down" if left else NOTHING
        say(json.dumps({"up": False, "processes": []}) if as_json else words)
        return NOT_RUNNING
    up = all(process.state == "RUNNING" for process in found)
    (_print_json if as_json else _print_table)(places, found, up)
    return RUNNING if up else NOT_RUNNING


def _print_json(places: Places, found: list[Process], up: bool) -> None:
    settings = read(places.settings)
    rows = [
        {**asdict(process), "memory": _memory(process), "version": version(places, process.name)} for process in found
    ]
    urls = {"http": settings.get("PARLEY_GATEWAY_URL"), "https": settings.get("PARLEY_GATEWAY_TLS_URL")}
    base = int(settings.get("PARLEY_BASE", 0))
    say(json.dumps({"up": up, "base": base, "gateway": urls, "settings": str(places.settings), "processes": rows}))


def _print_table(places: Places, found: list[Process], up: bool) -> None:
    say(COLUMNS.format("process", "state", "pid", "uptime", "restarts", "memory", "version"))
    for process in found:
        say(COLUMNS.format(
            process.name, process.state.lower(), process.pid or "-", _uptime(process), process.restarts,
            f"{_memory(process) / 1024**2:.0f} MiB" if process.pid else "-", version(places, process.name),
        ).rstrip())  # fmt: skip
    settings = read(places.settings)
    say(f"\n  gateway    {settings.get('PARLEY_GATEWAY_URL')}  {settings.get('PARLEY_GATEWAY_TLS_URL')}")
    say(f"  phones     {settings.get('PARLEY_SIMULATOR_URL')}/phones")
    say(f"  settings   {places.settings}")
    if not up:
        say("  not everything runs: see make logs s=NAME")


def version(places: Places, name: str) -> str:
    """What is really there: asked of the program, or read from the file names of its jars."""
    if name in SERVICES + PLATFORMS:
        return str(tomllib.loads((places.root / "pyproject.toml").read_text())["project"]["version"])
    ask = {"mongo": "--version", "redis": "--version", "etcd": "--version", "nginx": "-v"}
    if name in ask:
        return first_number(_answer(places, _binary(places, name), ask[name]))
    pattern, start = {"kafka": ("kafka_*-*.jar", 1), "s3": ("s3proxy-*.jar", 1)}[name]
    jar = next((jars.folder(places) / {"s3": "s3proxy"}.get(name, name)).glob(pattern), None)
    return jar.stem.split("-")[start] if jar else "?"


def _binary(places: Places, name: str) -> str:
    if name == "mongo":
        return str(mongod.program(places))
    return str(programs.binary(places, {"redis": "redis-server"}.get(name, name)))


def _answer(places: Places, binary: str, option: str) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - our own servers
            [binary, option], env={**os.environ, **programs.libraries(places)},
            capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout + answer.stderr


def first_number(answer: str) -> str:
    words = answer.replace("/", " ").replace("v=", " ").split()
    return next((word.lstrip("v").rstrip(",") for word in words if word.lstrip("v")[:1].isdigit()), "?")


def _memory(process: Process) -> int:
    return processes.memory_of_group(process.pid) if process.pid else 0


def _uptime(process: Process) -> str:
    return str(timedelta(seconds=int(process.uptime_s))) if process.pid else "-"
