"""Fetches what is missing, side by side, each whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local import pyvenv, shell
from deploy.local.fetch import chromium, debian, jars, mongod, scanners
from deploy.local.places import Places
from deploy.local.say import megabytes, say, step

SAY_EVERY_S = 15.0


@dataclass(frozen=True)
class Part:
    name: str
    detail: str
    is_here: Callable[[Places], bool]
    fetch: Callable[[Places, Path], int]
    after: tuple[str, ...] = ()


def _venv(places: Places, scratch: Path) -> int:
    try:
        pyvenv.make(places)
    except shell.Failed as failure:
        raise shell.explain("the Python packages", failure, places.cache / "fetch-python.log") from None
    return 0


VENV = Part("python", "the packages of requirements.lock", pyvenv.is_made, _venv)
SERVERS = (
    Part("jars", "Kafka 4.3.1 and s3proxy 2.6.0 with what they need", jars.are_here, jars.fetch),
    Part("debian", "nginx, redis, etcd and their libraries", debian.are_here, debian.fetch),
    Part("mongod", f"MongoDB {mongod.VERSION}", mongod.is_here, mongod.fetch, after=("python",)),
)
ALL = (VENV, *SERVERS)
SCANNERS = Part("scanners", "clamd and c-icap", scanners.are_here, scanners.fetch)
CHROMIUM = Part("chromium", "a browser", chromium.is_here, chromium.fetch)
"""For tests, not for everybody."""


def missing(places: Places, parts: tuple[Part, ...] = ALL) -> list[Part]:
    return [part for part in parts if not part.is_here(places)]


def fetch(places: Places, parts: tuple[Part, ...] = ALL) -> None:
    if not missing(places, parts):
        return
    places.cache.mkdir(parents=True, exist_ok=True)
    with _alone(places.cache):
        todo = missing(places, parts)
        if todo:
            say("fetching what is missing into " + str(places.cache))
            _all_of(places, todo)


def _all_of(places: Places, todo: list[Part]) -> None:
    started: dict[str, Future[None]] = {}
    with ThreadPoolExecutor(len(todo)) as pool:
        try:
            for part in todo:
                before = [started[name] for name in part.after if name in started]
                started[part.name] = pool.submit(_one, places, part, before)
            done = _wait(started)
        except BaseException:
            shell.end_all()
            raise
        failures = [future.exception() for future in done if future.exception()]
        if failures:
            shell.end_all()
            raise failures[0] or RuntimeError
    for future in started.values():
        future.result()


def _wait(started: dict[str, Future[None]]) -> set[Future[None]]:
    """Those that are done when all are, or when one has failed; says now and then what it waits for."""
    begun = time.monotonic()
    while True:
        done, left = wait(started.values(), timeout=SAY_EVERY_S, return_when=FIRST_EXCEPTION)
        if not left or any(future.exception() for future in done):
            return done
        names = ", ".join(name for name, future in started.items() if future in left)
        say(f"  waiting   for {names} ({time.monotonic() - begun:.0f} s)")


def _one(places: Places, part: Part, before: list[Future[None]]) -> None:
    for other in before:
        other.result()
    step("fetching", part.name, part.detail)
    begun = time.monotonic()
    scratch = Path(tempfile.mkdtemp(prefix="tmp-", dir=places.cache))
    try:
        size = part.fetch(places, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    took = f"{time.monotonic() - begun:.1f} s"
    step("fetched", part.name, f"{megabytes(size)} in {took}" if size else took)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One fetch at a time; what an interrupted one left is removed."""
    folder = os.open(cache, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another fetch into the same cache")
            fcntl.flock(folder, fcntl.LOCK_EX)
        for left in cache.glob("tmp-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(folder)
