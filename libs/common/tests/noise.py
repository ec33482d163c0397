"""Promises of time, measured where other work may hold up anybody for seconds."""

from collections.abc import Awaitable, Callable

TRIES = 3


async def soonest(try_it: Callable[[], Awaitable[float]], within_s: float) -> float:
    """The seconds that it took at best: one try may be held up, who is late in each of a few is too slow."""
    took: list[float] = []
    while len(took) < TRIES and min(took, default=within_s) >= within_s:
        took.append(await try_it())
    return min(took)
