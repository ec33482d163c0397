"""How the senders send: closed loop (each waits for its accept) or open loop (messages are due at a rate)."""

import asyncio
import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uuid_utils

from bench.doors import Door
from bench.ledger import Lane

GRACE_S = 60.0

clock = time.perf_counter


@dataclass(frozen=True)
class Sender:
    """One sender's door and the account of what went through it."""

    door: Door
    lane: Lane

    async def send(self, due: float | None = None) -> None:
        """One message; with `due`, its latencies count from then, however late it is."""
        now = clock()
        message_id = str(uuid_utils.uuid7())
        index = self.lane.send(message_id, now if due is None else min(due, now), now)
        await self.door.send(message_id)
        self.lane.accept(index, clock())


async def closed_loop(senders: Sequence[Sender], seconds: float) -> None:
    """Everybody sends the next message when the last is accepted, until the time is up."""
    end = clock() + seconds

    async def one(sender: Sender) -> None:
        while clock() < end:
            await sender.send()

    async with asyncio.timeout(seconds + GRACE_S), asyncio.TaskGroup() as tasks:
        for sender in senders:
            tasks.create_task(one(sender))


async def open_loop(senders: Sequence[Sender], seconds: float, rate: float) -> None:
    """`rate` messages a second from all senders in turn, sent when due even where earlier ones still wait."""
    start = clock()
    async with asyncio.timeout(seconds + GRACE_S), asyncio.TaskGroup() as tasks:
        for number, due in enumerate(due_times(start, seconds, rate)):
            if (wait_s := due - clock()) > 0:
                await asyncio.sleep(wait_s)
            tasks.create_task(senders[number % len(senders)].send(due))


def due_times(start: float, seconds: float, rate: float) -> Iterator[float]:
    """When messages are due: evenly, none at or after the end."""
    number = 0
    while number / rate < seconds:
        yield start + number / rate
        number += 1


@contextmanager
def quiet_collector() -> Iterator[None]:
    """No garbage collection within: its pauses would be measured as the platform's."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
