"""How an account of a platform has fared lately, as one router saw it, and as all of them together did; pure."""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from libs.common.clock import rfc3339
from libs.common.events import DeliveryError

SLOT_S = 10
WINDOW_S = 300
"""How far back outcomes are counted."""
MOST_ERRORS = 20
MOST_WAITS = 20
SHOWN_OF_ADDRESS = 4
MAX_DETAIL = 200


class LastError(msgspec.Struct, frozen=True, order=True):
    """Of an attempt: a failure or a refusal. Of the address only the end is shown."""

    at: str
    code: str
    detail: str
    address: str


class AskedWait(msgspec.Struct, frozen=True, order=True):
    """The platform asked for patience, for this address, until then."""

    until: str
    address: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What one router says of one account. `tried_again_at`: while its breaker is open."""

    channel: str
    account: str
    breaker: str
    tried_again_at: str | None
    lanes: int
    waiting: int
    in_flight: int
    outcomes: dict[str, int]
    waits: list[AskedWait]
    errors: list[LastError]


class Backlog(msgspec.Struct, frozen=True):
    """Updates that have left Kafka to wait (at most 10,000 are counted), and for how long the oldest has waited."""

    updates: int = 0
    oldest_s: float = 0.0


@dataclass
class Tally:
    """What is remembered of an account, in bounds; `parked` lanes of it are at work."""

    in_flight: int = 0
    parked: int = 0
    _slots: deque[tuple[int, Counter[str]]] = field(default_factory=deque)
    _errors: deque[LastError] = field(default_factory=lambda: deque(maxlen=MOST_ERRORS))
    _waits: dict[str, datetime] = field(default_factory=dict)

    def note(self, at: datetime, outcome: str, address: str, error: DeliveryError | None, wait_s: float = 0.0) -> None:
        """`wait_s` is what the platform asked for."""
        slot = int(at.timestamp()) // SLOT_S
        if not self._slots or self._slots[-1][0] != slot:
            self._slots.append((slot, Counter()))
            self._forget(at)
        self._slots[-1][1][outcome] += 1
        if error is not None:
            self._errors.append(LastError(rfc3339(at), error.code, error.detail[:MAX_DETAIL], shortened(address)))
        if wait_s:
            self._waits.pop(address, None)
            self._waits[address] = at + timedelta(seconds=wait_s)
            if len(self._waits) > MOST_WAITS:
                del self._waits[next(iter(self._waits))]

    def outcomes(self, at: datetime) -> dict[str, int]:
        self._forget(at)
        return dict(sum((counts for _, counts in self._slots), Counter[str]()))

    def errors(self) -> list[LastError]:
        return list(self._errors)

    def waits(self, at: datetime) -> list[AskedWait]:
        self._waits = {address: until for address, until in self._waits.items() if until > at}
        return [AskedWait(rfc3339(until), shortened(address)) for address, until in self._waits.items()]

    def _forget(self, at: datetime) -> None:
        oldest = (int(at.timestamp()) - WINDOW_S) // SLOT_S
        while self._slots and self._slots[0][0] < oldest:
            self._slots.popleft()


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """Of attempts. `error_rate`: the share of those that failed or were refused, null where there were none."""

    window_s: int
    sent: int
    failed: int
    refused: int
    asked_to_wait: int
    error_rate: float | None


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """All routers as one: of breakers the worst counts."""

    routers: int
    breaker: str | None
    tried_again_at: str | None
    lanes: int
    waiting: int
    in_flight: int
    outcomes: Outcomes
    waits: list[AskedWait]
    errors: list[LastError]


Item = TypeVar("Item", AskedWait, LastError)
WORST = ("open", "half_open", "closed")


def together(standings: Sequence[Standing]) -> Together:
    """Of one account, as each router says it. Newest errors first, and of waits the longest."""
    breakers = {s.breaker for s in standings}
    counts = sum((Counter(s.outcomes) for s in standings), Counter[str]())
    return Together(
        routers=len(standings),
        breaker=next((state for state in WORST if state in breakers), None),
        tried_again_at=min((s.tried_again_at for s in standings if s.tried_again_at), default=None),
        lanes=sum(s.lanes for s in standings),
        waiting=sum(s.waiting for s in standings),
        in_flight=sum(s.in_flight for s in standings),
        outcomes=_outcomes(counts),
        waits=_first(MOST_WAITS, (w for s in standings for w in s.waits)),
        errors=_first(MOST_ERRORS, (e for s in standings for e in s.errors)),
    )


def _first(most: int, items: Iterable[Item]) -> list[Item]:
    return sorted(items, reverse=True)[:most]


def _outcomes(counts: Counter[str]) -> Outcomes:
    sent, bad = counts["sent"], counts["failed"] + counts["refusal"]
    return Outcomes(
        window_s=WINDOW_S,
        sent=sent,
        failed=counts["failed"],
        refused=counts["refusal"],
        asked_to_wait=counts["asked"],
        error_rate=round(bad / (sent + bad), 3) if sent + bad else None,
    )


def shortened(address: str) -> str:
    """Enough to tell people apart, and not to write to them."""
    return f"…{address[-SHOWN_OF_ADDRESS:]}" if len(address) > SHOWN_OF_ADDRESS else "…"
