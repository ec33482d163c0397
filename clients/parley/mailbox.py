"""A bounded queue with an end: what is in it can still be taken, then comes the reason why there is no more."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Who puts waits while it is full; who takes waits while it is empty."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._held: deque[T] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._is_closed = False
        self._cause: Exception | None = None

    async def put(self, item: T) -> None:
        while len(self._held) >= self._bound:
            self._room.clear()
            await self._room.wait()
        self._held.append(item)
        self._news.set()

    async def take(self) -> T | None:
        """None at a peaceful end; raises the cause of another."""
        while not self._held:
            if self._cause is not None:
                raise self._cause
            if self._is_closed:
                return None
            self._news.clear()
            await self._news.wait()
        self._room.set()
        return self._held.popleft()

    def close(self, cause: Exception | None = None) -> None:
        self._is_closed = True
        self._cause = self._cause or cause
        self._news.set()
