"""Tells of who came online and who went offline: other contexts by events, people by hints."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import TYPE_CHECKING

from prometheus_client import Counter

from libs.common import frames, tracing
from libs.common.bus import Outgoing, PublishEach
from libs.common.clock import new_id, rfc3339
from libs.common.errors import Unavailable
from libs.common.events import PRESENCE_EVENTS, PresenceEvent, cloud_headers, encode
from services.presence.domain.presence import Changes
from services.presence.handlers.devices import DROPPED

if TYPE_CHECKING:
    from services.presence.store.hints import Hints

SOURCE = "/parley/presence"
BATCH = 200
RETRY_S = 1.0
HINTS = 1_000  # people whose change waits to be hinted; beyond it hints are dropped
AT_ONCE = 4  # of them: each asks MongoDB who is near

Near = Callable[[str], Awaitable[list[str]]]
"""username → who is to see their changes; raises `Unavailable`."""

CHANGES = Counter("parley_presence_changes", "People who came online or went offline, as this node told.", ["status"])

log = logging.getLogger(__name__)


class Newest:
    """What waits to be told, one change for each person: a newer one takes the place of the older."""

    def __init__(self) -> None:
        self._waiting: dict[str, PresenceEvent] = {}
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, change: PresenceEvent) -> None:
        self._waiting[change.username] = change
        self._some.set()

    def put_back(self, change: PresenceEvent) -> None:
        self.put(self._waiting.get(change.username, change))

    async def take(self, most: int) -> list[PresenceEvent]:
        """Waits for one at least."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return [self._waiting.pop(name) for name in list(islice(self._waiting, most))]


class Announcer:
    def __init__(self, publish_each: PublishEach, near: Near, hints: "Hints") -> None:
        self._publish_each = publish_each
        self._near = near
        self._hints = hints
        self._for_kafka = Newest()
        self._for_people = Newest()

    def on_changes(self, changes: Changes) -> None:
        """Never waits. While Kafka is away each person's newest change is kept; hints are not kept for long."""
        at = rfc3339(changes.at)
        for username, status, last_seen in changes.people:
            seen = rfc3339(last_seen) if last_seen else None
            change = PresenceEvent(username=username, status=status, at=at, last_seen=seen)
            CHANGES.labels(status).inc()
            self._for_kafka.put(change)
            if len(self._for_people) < HINTS:
                self._for_people.put(change)
            else:
                DROPPED.labels("queue").inc()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish())
            for _ in range(AT_ONCE):
                tasks.create_task(self._hint())

    async def _publish(self) -> None:
        while True:
            changes = await self._for_kafka.take(BATCH)
            failures = await self._publish_each([_record(change) for change in changes])
            failed = [change for change, failure in zip(changes, failures, strict=True) if failure]
            for change in failed:
                self._for_kafka.put_back(change)
            if failed:
                log.warning("changes of presence are told again: %d", len(failed))
                await asyncio.sleep(RETRY_S)

    async def _hint(self) -> None:
        while True:
            for change in await self._for_people.take(1):
                try:
                    near = await self._near(change.username)
                except Unavailable as error:
                    DROPPED.labels("unavailable").inc()
                    log.warning("a change of presence is not hinted: %s", error)
                else:
                    await self._hints.send(near, _frame(change))


def _record(change: PresenceEvent) -> Outgoing:
    headers = cloud_headers(change, new_id(), SOURCE, change.at, tracing.enter(None))
    return Outgoing(PRESENCE_EVENTS, change.username, encode(change), headers)


def _frame(change: PresenceEvent) -> bytes:
    return frames.encode(frames.PresenceHint(change.username, change.status, change.last_seen))
