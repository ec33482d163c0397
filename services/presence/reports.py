"""What a device reports to have, or to have read, merged while a report is under way: receipts say "up to"."""

import asyncio
from collections.abc import Awaitable, Callable

from libs.common.errors import Problem, Retry
from libs.common.events import ReceiptStatus

NOTED = 256  # that wait to be told; then the device is not read
AT_ONCE = 16  # of one device: what it reports delays nobody else

Tell = Callable[[str, ReceiptStatus, int], Awaitable[None]]
"""(conversation_id, status, number); raises `Problem`, or `Retry`."""


class Reports:
    """One device's. `tell` makes a report durable; `on_problem` hears why one cannot be."""

    def __init__(self, tell: Tell, on_problem: Callable[[Problem], None]) -> None:
        self._tell = tell
        self._on_problem = on_problem
        self._noted: dict[tuple[str, ReceiptStatus], int] = {}
        self._under_way = 0
        self._changed = asyncio.Condition()

    async def note(self, conversation_id: str, status: ReceiptStatus, number: int) -> None:
        """Waits while too much is noted."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._noted) < NOTED)
            self._merge((conversation_id, status), number)
            self._changed.notify_all()

    async def told(self) -> None:
        """Returns when nothing is left to tell."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._noted and not self._under_way)

    async def run(self) -> None:
        """For ever."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._noted))
                keys = list(self._noted)[:AT_ONCE]
                taken = [(*key, self._noted.pop(key)) for key in keys]
                self._under_way = len(taken)
                self._changed.notify_all()
            await asyncio.gather(*(self._report(*one) for one in taken))
            async with self._changed:
                self._under_way = 0
                self._changed.notify_all()

    async def _report(self, conversation_id: str, status: ReceiptStatus, number: int) -> None:
        try:
            await self._tell(conversation_id, status, number)
        except Problem as problem:
            self._on_problem(problem)
        except Retry as reason:
            await asyncio.sleep(reason.after_s)
            self._merge((conversation_id, status), number)

    def _merge(self, key: tuple[str, ReceiptStatus], number: int) -> None:
        self._noted[key] = max(number, self._noted.get(key, number))
