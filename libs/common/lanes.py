"""Records side by side by their key: in order within a lane, independent across lanes, bounded."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from libs.common.bus import Record
from libs.common.errors import Retry

TRIES = 3
PATIENCE_S = 1.0
LONGEST = 100

log = logging.getLogger(__name__)


Key = tuple[str, int, bytes | None]
"""(topic, partition, key of the records)"""


class Worker(Protocol):
    """Each call returns when its effects are durable, and may be made again for the same record after a crash."""

    async def handle(self, record: Record) -> None: ...

    async def set_aside(self, record: Record) -> None:
        """Keeps it elsewhere, behind those of its lane that are kept there: the lane is too long."""
        ...

    async def give_up(self, record: Record) -> None:
        """Nothing can be done with it: `handle` fails every time."""
        ...


class Lane(deque[Record]):
    """`is_crowded` holds until it is empty: what came later must not overtake what is kept elsewhere."""

    is_crowded = False


@dataclass
class Lanes:
    """`done` is called for each record when nothing of it is left to do. `held` counts the others."""

    worker: Worker
    done: Callable[[Record], None]
    longest: int = LONGEST
    patience_s: float = PATIENCE_S
    held: int = 0
    _lanes: dict[Key, Lane] = field(default_factory=dict)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _is_closed: bool = False

    @property
    def count(self) -> int:
        return len(self._lanes)

    def of(self, topic: str) -> tuple[int, int]:
        """(lanes, the records in them) of one topic."""
        lengths = [len(lane) for (of_topic, _, _), lane in self._lanes.items() if of_topic == topic]
        return len(lengths), sum(lengths)

    def put(self, record: Record) -> None:
        key = (record.topic, record.partition, record.key)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane()
            task = asyncio.create_task(self._serve(key, lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        lane.append(record)
        lane.is_crowded |= len(lane) > self.longest
        self.held += 1

    async def close(self, within_s: float) -> None:
        """No record is begun any more; what is at work may come to its end, if it takes no longer."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)

    async def _serve(self, key: Key, lane: Lane) -> None:
        while lane:
            await self._until_done(self.worker.set_aside if lane.is_crowded else self.worker.handle, lane[0])
            record = lane.popleft()
            self.held -= 1
            if self._is_closed:
                return
            self.done(record)
        del self._lanes[key]

    async def _until_done(self, act: Callable[[Record], Awaitable[None]], record: Record) -> None:
        """A dependency is waited for without bound."""
        tried = count(1)
        while True:
            try:
                return await act(record)
            except Retry as reason:
                await asyncio.sleep(reason.after_s)
            except Exception:
                log.exception("%s cannot be handled", record.source)
                if next(tried) == TRIES:
                    act = self.worker.give_up
                else:
                    await asyncio.sleep(self.patience_s)
