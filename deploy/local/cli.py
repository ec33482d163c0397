"""The verbs of `python3 -m deploy.local`, which the Makefile's targets call."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

from deploy.local import preflight, pyvenv, settings_file
from deploy.local.down import announced, down
from deploy.local.fetch import everything
from deploy.local.locking import lock, lock_jars
from deploy.local.logs import logs
from deploy.local.places import ROOT, Places, places
from deploy.local.plan import look_ahead
from deploy.local.programs import NAMES
from deploy.local.say import Trouble, complain, say
from deploy.local.status import status


def main(argv: Sequence[str]) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _as_interrupt)
    options = _parser().parse_args(argv)
    verb: Callable[[Places, argparse.Namespace], int] = options.verb
    try:
        return verb(places(), options)
    except Trouble as trouble:
        for line in trouble.lines:
            complain(f"parley: {line}" if not line.startswith(" ") else line)
        return 1
    except KeyboardInterrupt:
        complain("parley: interrupted")
        return 130
    except BrokenPipeError:  # whoever read our words has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _up(where: Places, options: argparse.Namespace) -> int:
    only = tuple(options.only or NAMES)
    with announced(where):
        look_ahead(where, options.base, only)
        everything.fetch(where)
        if not pyvenv.is_running_in(where):
            os.chdir(ROOT)
            os.execv(where.python, [str(where.python), "-m", "deploy.local", *sys.argv[1:]])  # noqa: S606
        from deploy.local.up import up  # needs the packages of the virtual environment

        up(where, options.base, only)
    return 0


def _demo(where: Places, options: argparse.Namespace) -> int:
    _up(where, options)
    return _client(where, ["demo", "basic"])


def _down(where: Places, _options: argparse.Namespace) -> int:
    say("down" if down(where) else "the stack was not running")
    return 0


def _status(where: Places, options: argparse.Namespace) -> int:
    return status(where, options.json)


def _logs(where: Places, options: argparse.Namespace) -> int:
    with suppress(KeyboardInterrupt, BrokenPipeError):
        logs(where, options.name, options.follow)
    return 0


def _fetch(where: Places, options: argparse.Namespace) -> int:
    wanted = (everything.VENV,) if options.python else everything.ALL
    parts = (*wanted, everything.SCANNERS) if options.tests else wanted
    todo = {part.name for part in everything.missing(where, parts)}
    checks = preflight.tools(todo, where.cache)
    preflight.refuse(checks if not options.python else [line for line in checks if line and "java" not in line])
    everything.fetch(where, parts)
    return 0


def _clean(where: Places, options: argparse.Namespace) -> int:
    if not options.yes and not _agrees(f"remove {where.state} (all data) and {where.cache} (all that was fetched)?"):
        say("nothing was removed")
        return 1
    down(where)
    for folder in (where.state, where.cache):
        shutil.rmtree(folder, ignore_errors=True)
    say("clean")
    return 0


def _lock(where: Places, options: argparse.Namespace) -> int:
    (lock_jars if options.jars else lock)(where)
    return 0


def _env(where: Places, _options: argparse.Namespace) -> int:
    for name, value in settings_file.read(where.settings).items():
        say(f"{name}={value}")
    return 0


def _client(where: Places, arguments: list[str]) -> int:
    environment = {**os.environ, "PARLEY_SETTINGS": str(where.settings)}
    os.chdir(ROOT)
    os.execve(where.python, [str(where.python), "-m", "clients.parley", *arguments], environment)  # noqa: S606


def _agrees(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m deploy.local", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="verb")

    def verb(name: str, run: Callable[[Places, argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=words, description=words)
        added.add_argument("--base", type=int, help="every port is this number plus an offset (default 8000)")
        added.set_defaults(verb=run, only=None)
        return added

    up = verb("up", _up, "start what does not run, and wait until it is ready")
    up.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help="these processes alone")
    verb("demo", _demo, "up, then a conversation between two users")
    verb("down", _down, "stop everything; data survives")
    verb("status", _status, "what runs").add_argument("--json", action="store_true")
    log = verb("logs", _logs, "the last lines of one process or of all")
    log.add_argument("name", nargs="?")
    log.add_argument("--follow", "-f", action="store_true")
    fetch = verb("fetch", _fetch, "fetch what is missing")
    fetch.add_argument("--python", action="store_true", help="packages only")
    fetch.add_argument("--tests", action="store_true", help="also what only tests need: scanners")
    verb("clean", _clean, "stop, then remove data and cache").add_argument("--yes", action="store_true")
    verb("lock", _lock, "write requirements.lock anew").add_argument("--jars", action="store_true", help="jars.sha256")
    verb("env", _env, "the settings of the running stack")
    return parser
