"""How far a file is: a bar with speed and time left on a terminal, else now and then a line."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TypeVar

from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bar
from rich.status import Status

from clients.parley.cli import output
from clients.parley.cli.output import clean
from clients.parley.cli.words import size_of
from clients.parley.errors import ProblemError, UnreachableError
from clients.parley.files import Progress, Tell
from clients.parley.http import PASSING

T = TypeVar("T")

STEPS = 10  # lines of a transfer where there is no terminal
QUIET_S = 0.5  # what is done so soon needs none
NAME = 24
MOVING = ("uploading", "downloading")


class Transfer:
    """Tells about one file, on standard error; with `silent` nothing."""

    def __init__(self, *, silent: bool, quiet_s: float = QUIET_S) -> None:
        self._silent = silent
        self._quiet_until = time.monotonic() + quiet_s
        self._now: Progress | None = None
        console = output.console(stderr=True)
        self._has_bar = console.is_terminal and not silent
        amount = (TaskProgressColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        words = TextColumn("{task.description}", markup=False)
        self._bar = Bar(words, BarColumn(30), *amount, console=console, disable=not self._has_bar, transient=True)
        self._task: TaskID | None = None
        self._status = Status("", console=console)

    def __enter__(self) -> "Transfer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()
        self._bar.stop()

    @property
    def percent(self) -> int | None:
        """None before anything was told."""
        return 100 * self._now.done // self._now.total if self._now else None

    def tell(self, progress: Progress) -> None:
        before, self._now = self._now, progress
        if self._silent:
            return
        if before is None or progress.phase != before.phase:
            self._begin(progress)
        elif self._task is not None:
            self._bar.update(self._task, completed=progress.done)
        elif not self._has_bar and _step(progress) > _step(before):
            self._line(progress)

    def _begin(self, progress: Progress) -> None:
        name = clean(progress.name)
        if progress.kept:
            kept = f"{progress.parts_kept} of {progress.parts} parts ({size_of(progress.kept)}) are there already"
            self._bar.console.print(f"{name}: {kept}, the rest follows.")
        if not self._has_bar:
            self._line(progress)
        elif progress.phase in MOVING:
            short = name if len(name) <= NAME else f"{name[: NAME - 1]}…"
            self._bar.start()
            self._task = self._bar.add_task(f"{progress.phase} {short}", total=progress.total, completed=progress.done)
        else:
            self._bar.stop()
            self._task = None
            self._status.update(f"{progress.phase} {escape(name)}")
            self._status.start()

    def _line(self, progress: Progress) -> None:
        if time.monotonic() < self._quiet_until:
            return
        told = f"{progress.phase} {clean(progress.name)}"
        if progress.phase in MOVING:
            told += f": {self.percent:3} %  {size_of(progress.done)} of {size_of(progress.total)}"
        self._bar.console.print(told)


def _step(progress: Progress) -> int:
    return progress.done * STEPS // progress.total


async def resumable(work: Callable[[Tell], Awaitable[T]], again: str, *, silent: bool) -> T:
    """What comes of `work`; what ends it before its time is told with how to go on."""
    with Transfer(silent=silent) as transfer:
        try:
            return await work(transfer.tell)
        except BaseException as error:
            transfer.__exit__(None, None, None)
            if transfer.percent is not None and _may_go_on(error):
                words = f"Interrupted at {transfer.percent} %; to go on: {clean(again)}"
                output.line((words, "yellow"), stderr=True)
            raise


def _may_go_on(error: BaseException) -> bool:
    if isinstance(error, ProblemError):
        return error.status in PASSING
    return isinstance(error, asyncio.CancelledError | UnreachableError)
