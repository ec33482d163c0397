"""What waits to be told of one account, and when: together, again after a failure, and for a week at most.

The platform promises no order: what is retried comes after what happened later.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from connectors.simulator.faults import Faults

WEEK_S = 7 * 86_400.0
LONGEST_DELAY_S = 3_600.0
MOST_IN_A_BATCH = 1_000

Json = dict[str, Any]


@dataclass(slots=True)
class Event:
    """`copies` is how often it is to be sent."""

    chat: str
    body: Json
    expires_at: float
    copies: int = 1
    failures: int = 0
    tried_at: float | None = None


class Taken(msgspec.Struct, frozen=True):
    """An event that the webhook has taken: when that was, and when it was first tried; twice where it went twice."""

    n: int
    chat: str
    tried_at: float
    taken_at: float
    event: Json


@dataclass
class Outlet:
    """`pack` makes one request's body of what goes together. What does not fit into `most` drops the oldest."""

    pack: Callable[[Sequence[Json]], Json]
    app_secret: str
    clock: Callable[[], float]
    dice: random.Random
    faults: Callable[[], Faults]
    most: int
    url: str = ""
    last_error: str | None = None
    dropped: int = 0
    expired: int = 0
    changed: Callable[[], None] = lambda: None
    _waiting: list[tuple[float, int, Event]] = field(default_factory=list)
    _last: int = 0
    _told: deque[Taken] = field(default_factory=deque)
    _taken: int = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, chat: str, body: Json) -> None:
        faults, now = self.faults(), self.clock()
        late, mixed = faults.hit_either("late", chat=chat), faults.hit_either("disorder", chat=chat)
        batch = faults.hit_either("batch", chat=chat)
        due_at = now + (late.seconds if late else 0) + (self.dice.uniform(0, mixed.seconds) if mixed else 0)
        if batch and batch.seconds:
            due_at += batch.seconds - due_at % batch.seconds
        copies = 2 if faults.hit_either("double", chat=chat) else 1
        self._put(due_at, Event(chat, body, now + WEEK_S, copies))

    @property
    def version(self) -> tuple[int, int]:
        """Another one whenever something is added or taken."""
        return self._last, len(self._waiting)

    def waiting(self) -> Iterator[Json]:
        """What nobody has taken so far."""
        return (event.body for _, _, event in self._waiting)

    def due(self) -> list[Event]:
        """What goes together now, the oldest first; it is no longer here."""
        now, found = self.clock(), list[Event]()
        while self._waiting and self._waiting[0][0] <= now and len(found) < MOST_IN_A_BATCH:
            event = heapq.heappop(self._waiting)[2]
            if event.expires_at < now:
                self.expired += 1
            else:
                event.tried_at = event.tried_at or now
                found.append(event)
        return found

    def taken(self, events: Sequence[Event]) -> None:
        self.last_error = None
        for event in events:
            self._note(event)
            event.copies -= 1
            if event.copies:
                self._put(self.clock(), event)

    def failed(self, events: Sequence[Event], why: str) -> None:
        """All of a request comes again: after 1, 2, 4 s and so on, at most an hour apart."""
        self.last_error = why
        for event in events:
            event.failures += 1
            delay_s = min(LONGEST_DELAY_S, 2.0 ** min(event.failures - 1, 20))
            self._put(self.clock() + delay_s, event)

    def told(self, after: int, limit: int) -> Json:
        """What was taken after the first `after`; `lost` counts what of it is forgotten."""
        first = self._told[0].n if self._told else self._taken + 1
        start = max(0, after + 1 - first)
        items = [*islice(self._told, start, start + limit)]
        return {"items": items, "next_after": items[-1].n if items else after, "lost": max(0, first - after - 1)}

    def wakes_at(self) -> float | None:
        return self._waiting[0][0] if self._waiting else None

    def clear(self) -> None:
        self._waiting.clear()

    def _note(self, event: Event) -> None:
        now = self.clock()
        self._taken += 1
        self._told.append(Taken(self._taken, event.chat, event.tried_at or now, now, event.body))
        while len(self._told) > self.most:
            self._told.popleft()

    def _put(self, due_at: float, event: Event) -> None:
        self._last += 1
        heapq.heappush(self._waiting, (due_at, self._last, event))
        while len(self._waiting) > self.most:
            heapq.heappop(self._waiting)
            self.dropped += 1
        self.changed()
