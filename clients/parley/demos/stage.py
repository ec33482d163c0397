"""What the stories share: who is told what happens, and waiting for a fact that no socket tells."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

POLL_S = 0.1


class Narrator(Protocol):
    """Who is told what happens while it happens; `progress` is `done` of so many."""

    def step(self, words: str) -> None: ...
    def progress(self, what: str, done: int, of: int) -> None: ...


async def until(condition: Callable[[], Awaitable[bool]], deadline_s: float) -> None:
    """Asks again and again; raises `TimeoutError`."""
    end = time.monotonic() + deadline_s
    while not await condition():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(POLL_S)
