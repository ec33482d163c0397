"""Tells platforms that a pressed button was heard: their people see it wait until then. A courtesy, not a promise."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import NoReturn

from prometheus_client import Counter

from connectors.sdk import AnswersPresses, Refused, Throttled, Unreachable
from services.router.handlers.updates import Connectors

MOST_WAITING = 1_000
AT_ONCE = 8
TRIES = 3
PAUSE_S = 1.0

ANSWERED = Counter("parley_inbound_presses_answered", "Presses that were answered.", ["channel", "account", "end"])

log = logging.getLogger(__name__)
Waiting = tuple[tuple[str, str], str]


@dataclass(frozen=True)
class Answering:
    """Nothing waits for it. What it has not done when the process ends is done when the press comes again, or never:
    the platform gives up by itself."""

    connectors: Connectors
    waiting: "asyncio.Queue[Waiting]" = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    pause_s: float = PAUSE_S

    def answer(self, account: tuple[str, str], press: str) -> None:
        """`press` is what `Pressed.answer` says. Where too many wait already, it is not answered, and counted."""
        try:
            self.waiting.put_nowait((account, press))
        except asyncio.QueueFull:
            ANSWERED.labels(*account, "dropped").inc()

    async def run(self) -> NoReturn:
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(self._work()) for _ in range(AT_ONCE)]
            await asyncio.gather(*workers)
        raise AssertionError("workers never end")

    async def _work(self) -> NoReturn:
        while True:
            account, press = await self.waiting.get()
            ANSWERED.labels(*account, await self._answered(account, press)).inc()

    async def _answered(self, account: tuple[str, str], press: str) -> str:
        """How it ended, in a word."""
        connector = self.connectors[account]
        if not isinstance(connector, AnswersPresses):
            return "unknown_here"
        for _ in range(TRIES):
            try:
                await connector.answer_press(press)
            except Refused as refused:
                log.info("%s/%s does not wait for an answer any more: %s", *account, refused)
                return "refused"
            except Throttled as throttled:
                await asyncio.sleep(min(throttled.after_s, self.pause_s))
            except Unreachable:
                await asyncio.sleep(self.pause_s)
            else:
                return "answered"
        return "unreachable"
