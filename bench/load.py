"""How the senders send: closed loop (each waits for its accept) or open loop (messages are due at a rate)."""

import asyncio
import gc
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uuid_utils

from bench.device import Tally
from bench.doors import Door
from bench.ledger import Lane

GRACE_S = 60.0

clock = time.perf_counter


@dataclass(frozen=True)
class Sender:
    """One sender's door and the account of what went through it."""

    door: Door
    lane: Lane
    tally: Tally

    async def send(self, due: float | None = None) -> None:
        """As many messages as the door takes at once; with `due`, their latencies count from then, however late."""
        now = clock()
        since = now if due is None else min(due, now)
        names = [str(uuid_utils.uuid7()) for _ in range(self.door.size)]
        waiting = {name: self.lane.send(name, since, now) for name in names}
        while waiting:
            busy = await self.door.send([*waiting])
            now = clock()
            for name in waiting.keys() - busy.message_ids:
                self.lane.accept(waiting.pop(name), now)
            if waiting:
                self.tally.retries += len(waiting)
                await asyncio.sleep(busy.wait_s * (0.5 + random.random()))


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
    """`rate` messages a second from all senders in turn, sent when due even where earlier ones still wait.

    What a door takes at once is due at once."""
    start, sends = clock(), rate / senders[0].door.size
    async with asyncio.timeout(seconds + GRACE_S), asyncio.TaskGroup() as tasks:
        for number, due in enumerate(due_times(start, seconds, sends)):
            if (wait_s := due - clock()) > 0:
                await asyncio.sleep(wait_s)
            tasks.create_task(senders[number % len(senders)].send(due))


def due_times(start: float, seconds: float, rate: float) -> Iterator[float]:
    """When sends are due: evenly, none at or after the end."""
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
