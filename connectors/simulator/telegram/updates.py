"""A bot's updates until they are taken: in order within a chat, each chat for itself, dead after a day.

The schedule is that of Telegram's own server: after the first failure at once, then 2, 4, 8 s and so on up to one or
two minutes, or when `Retry-After` says, at most an hour.
"""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

DAY_S = 86_400
MOST_RETRY_AFTER_S = 3_600
LONGEST_DELAY_S = (60, 120)


@dataclass(slots=True)
class Pending:
    """`lane` is the chat; it waits until `not_before` at least; `copies` is how often it is to be sent."""

    update_id: int
    lane: int
    update: dict[str, Any]
    expires_at: float
    not_before: float
    copies: int = 1
    delay_s: float = 1.0
    failures: int = 0
    is_gone: bool = False
    wakeup_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.wakeup_at = self.not_before


@dataclass
class UpdateQueue:
    """Times are arguments. What does not fit into `most` drops the oldest, and is counted."""

    dice: random.Random
    most: int
    dropped: int = 0
    expired: int = 0
    _all: dict[int, Pending] = field(default_factory=dict)
    _lanes: dict[int, deque[Pending]] = field(default_factory=dict)
    _busy: set[int] = field(default_factory=set)
    _due: list[tuple[float, int, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, pending: Pending) -> None:
        if len(self._all) >= self.most:
            self.drop(next(iter(self._all.values())))
            self.dropped += 1
        self._all[pending.update_id] = pending
        lane = self._lanes.setdefault(pending.lane, deque())
        lane.append(pending)
        if len(lane) == 1:
            self._schedule(pending)

    def take(self, now: float) -> Pending | None:
        """The first update that is due; its lane waits until it is `done` or has `failed`."""
        while self._due and self._due[0][0] <= now:
            _, _, lane = heapq.heappop(self._due)
            pending = None if lane in self._busy else self._head(lane, now)
            if pending is not None and pending.wakeup_at <= now:
                self._busy.add(lane)
                return pending
            if pending is not None:
                self._schedule(pending)
        return None

    def wakes_at(self) -> float | None:
        return self._due[0][0] if self._due else None

    def done(self, pending: Pending, now: float) -> None:
        """A copy that is left goes next, before what came later in its chat."""
        pending.copies -= 1
        pending.wakeup_at = now
        if pending.copies <= 0:
            self.drop(pending)
        self._go_on(pending.lane, now)

    def failed(self, pending: Pending, now: float, retry_after_s: float = 0) -> None:
        wait = min(max(retry_after_s, 0), MOST_RETRY_AFTER_S)
        if not wait and pending.failures:
            pending.delay_s = min(self.dice.randint(*LONGEST_DELAY_S), pending.delay_s * 2)
            wait = pending.delay_s
        pending.failures += 1
        pending.wakeup_at = now + wait
        if pending.wakeup_at > pending.expires_at:
            self._expire(pending)
        self._go_on(pending.lane, now)

    def try_again(self) -> None:
        """Whoever did not take them is gone: all that failed is due, as if it had just come."""
        for pending in self._all.values():
            pending.failures, pending.delay_s, pending.wakeup_at = 0, 1.0, pending.not_before
        for lane, waiting in self._lanes.items():
            if lane not in self._busy:
                self._schedule(waiting[0])

    def drop(self, pending: Pending) -> None:
        """It stays at the head of its lane while it is being sent."""
        pending.is_gone = True
        self._all.pop(pending.update_id, None)
        lane = self._lanes.get(pending.lane)
        if lane and lane[0] is pending and pending.lane not in self._busy:
            self._go_on(pending.lane, pending.wakeup_at)

    def clear(self) -> None:
        for pending in list(self._all.values()):
            self.drop(pending)

    def waiting(self, now: float, limit: int) -> list[Pending]:
        """The oldest that may be seen by now, of each chat in order; for who asks instead of being told."""
        found: list[Pending] = []
        held: set[int] = set()
        for pending in list(self._all.values()):
            if now > pending.expires_at:
                self._expire(pending)
            elif pending.wakeup_at > now or pending.lane in held:
                held.add(pending.lane)
            elif len(found) < limit:
                found.append(pending)
        return found

    def confirm(self, before: int) -> None:
        for update_id in [i for i in self._all if i < before]:
            self.drop(self._all[update_id])

    def lanes(self) -> dict[int, int]:
        counts: dict[int, int] = {}
        for pending in self._all.values():
            counts[pending.lane] = counts.get(pending.lane, 0) + 1
        return counts

    def messages_in(self, lane: int) -> frozenset[int]:
        """The messages of this chat of which nobody has taken the update so far."""
        bodies = (pending.update.get("message", {}) for pending in self._lanes.get(lane, ()) if not pending.is_gone)
        return frozenset(body["message_id"] for body in bodies if "message_id" in body)

    def _head(self, lane: int, now: float) -> Pending | None:
        waiting = self._lanes.get(lane, deque())
        while waiting and (waiting[0].is_gone or now > waiting[0].expires_at):
            gone = waiting.popleft()
            if not gone.is_gone:
                self._expire(gone)
        if not waiting:
            self._lanes.pop(lane, None)
            return None
        return waiting[0]

    def _expire(self, pending: Pending) -> None:
        self.expired += 1
        self.drop(pending)

    def _go_on(self, lane: int, now: float) -> None:
        self._busy.discard(lane)
        if (head := self._head(lane, now)) is not None:
            self._schedule(head)

    def _schedule(self, pending: Pending) -> None:
        heapq.heappush(self._due, (pending.wakeup_at, pending.update_id, pending.lane))
        if len(self._due) > 2 * len(self._lanes) + 1_000:
            heads = [lane[0] for lane in self._lanes.values() if lane[0].lane not in self._busy]
            self._due = [(each.wakeup_at, each.update_id, each.lane) for each in heads]
            heapq.heapify(self._due)
