"""What uploads and downloads share: pieces, how far they are, deadlines, and trying again."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import NamedTuple, TypeVar

from msgspec import structs

from clients.parley.errors import ParleyError, StorageError, StorageUnreachableError
from clients.parley.files.objects import Progress, Tell
from clients.parley.retry import backoff_s

T = TypeVar("T")

PARALLEL = 4
LEAST_TRIES = 4
MOST_PIECES = 10_000  # of any store
FORBIDDEN = 403
PASSING = (408, 429)

GRACE_S = 60.0
SLOWEST = 16 * 1024  # bytes a second; slower lines do better with another tool
SLOWEST_LIMIT = 100_000  # shared by pieces that go side by side, so that each keeps above the slowest


class Piece(NamedTuple):
    """A stretch of a file that goes in one request; numbers count from 1."""

    number: int
    offset: int
    size: int


def pieces_of(size: int, piece_size: int) -> list[Piece]:
    """All of a file, the last piece as small as it happens to be. Raises `ParleyError` where there were too many."""
    if not 0 <= size <= piece_size * MOST_PIECES:
        raise ParleyError(f"{size} bytes do not go in pieces of {piece_size}")
    starts = range(0, size, piece_size)
    return [Piece(n, offset, min(piece_size, size - offset)) for n, offset in enumerate(starts, 1)]


def deadline_s(size: int) -> float:
    """For one request with so many bytes on a line that is just fast enough."""
    return GRACE_S + size / SLOWEST


class Meter:
    """Counts bytes and tells how far it is; a try that failed is taken back."""

    def __init__(self, tell: Tell, start: Progress) -> None:
        self._tell = tell
        self._now = start
        tell(start)

    def moved(self, count: int) -> None:
        self._now = structs.replace(self._now, done=self._now.done + count)
        self._tell(self._now)


class Throttle:
    """At most so many bytes a second, over all that goes through it; None is as fast as it goes."""

    def __init__(self, bytes_per_s: int | None) -> None:
        if bytes_per_s is not None and bytes_per_s < SLOWEST_LIMIT:
            raise ValueError(f"a limit below {SLOWEST_LIMIT:,} bytes a second would end at the deadlines")
        self._bytes_per_s = bytes_per_s
        self._free_at = 0.0

    async def passed(self, count: int) -> None:
        """Returns when the next may follow."""
        if self._bytes_per_s is not None:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + count / self._bytes_per_s
            await asyncio.sleep(self._free_at - now)


async def repeated(once: Callable[[], Awaitable[T]], patience_s: float) -> T:
    """Tries until it succeeds, is refused for good, or has failed for so long.

    Each try may use another URL: one that is refused with 403 has probably expired, so a second chance is given."""
    failing_since = None
    for attempt in count(1):
        try:
            return await once()
        except (StorageError, StorageUnreachableError) as error:
            failing_since = failing_since or time.monotonic()
            patient = attempt < LEAST_TRIES or time.monotonic() - failing_since < patience_s
            if not patient or not _may_pass(error, attempt):
                raise
        await asyncio.sleep(backoff_s(attempt, None, random.random()))
    raise AssertionError("the last attempt returns or raises")


def _may_pass(error: ParleyError, attempt: int) -> bool:
    if isinstance(error, StorageError):
        return error.status >= 500 or error.status in PASSING or (error.status == FORBIDDEN and attempt == 1)
    return True


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group whose first failure is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        first = failures.exceptions[0]
        raise first from first.__cause__


async def each_in_parallel(pieces: list[Piece], work: Callable[[Piece], Awaitable[None]]) -> None:
    """In their order, a few at a time; the first failure ends the others."""
    left = iter(pieces)

    async def worker() -> None:
        for piece in left:
            await work(piece)

    async with together() as group:
        for _ in range(min(PARALLEL, len(pieces))):
            group.create_task(worker())
