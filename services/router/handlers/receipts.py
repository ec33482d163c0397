"""What happens to a receipt: logged where it moves a watermark, fed to the members, told as a fact; in batches."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from prometheus_client import Counter

from libs.common import frames, tracing
from libs.common.bus import Record, Rejected
from libs.common.conversations import Members
from libs.common.errors import Retry
from libs.common.events import RECEIPT_EVENTS, ReceiptEvent, StatusEvent
from libs.common.feed import Entry, FeedWriter, pack
from libs.common.incoming import Incoming, read
from libs.common.kafka import Outgoing, Producer
from libs.common.marks import Marks, Member
from libs.common.receipts import read_marks
from libs.common.telemetry import continue_trace
from libs.common.tracing import Followed
from services.router.domain import Advance, Raced, advance, of_members
from services.router.handlers.facts import feeding, outgoing, telling
from services.router.handlers.memory import Heights, Memory

if TYPE_CHECKING:
    from services.router.store import Store

RACES = 20  # two writers of one partition make progress in each round; more than this is a fault

ADVANCED = Counter("parley_watermarks_advanced", "Receipts that moved a watermark.", ["status"])

log = logging.getLogger(__name__)


class Receipts:
    """`receipt.events` → the log, every member's feed, facts. Safe to run twice: an entry's id is its record."""

    def __init__(
        self, store: "Store", members: Members, feed: FeedWriter, producer: Producer, heights: Heights
    ) -> None:
        self._store = store
        self._members = members
        self._feed = feed
        self._producer = producer
        self._marks: Memory[Member, Marks] = Memory()
        self._heights = heights
        self._moved: dict[Member, Marks] = {}

    async def handle(self, batch: Sequence[Record]) -> list[Rejected]:
        incoming, rejected = read(ReceiptEvent, batch)
        members = await self._members.of_all(i.event.conversation_id for i in incoming)
        incoming, strangers = of_members(incoming, members, lambda event: event.username)
        if incoming:
            with tracing.follow(batch).step(
                "store", "consumer", tracing.about_topic(RECEIPT_EVENTS, "process")
            ) as traces:
                advances = await self._log(incoming)
            traces = traces.only(a.source for a in advances)
            with feeding(traces) as fed:
                await self._feed.append(_receipt_entries(advances, members, fed))
            with telling(traces) as told:
                await self._producer.publish_all([_receipt_fact(a, told) for a in advances])
            if log.isEnabledFor(logging.DEBUG):
                _tell_log(advances, batch)
        return rejected + strangers

    async def checkpoint(self) -> None:
        moved, self._moved = self._moved, {}
        try:
            await self._store.write_watermarks(moved.items())
        except BaseException:
            self._moved = moved | self._moved
            raise

    def forget(self) -> None:
        self._marks.clear()

    async def _log(self, incoming: Sequence[Incoming[ReceiptEvent]]) -> list[Advance]:
        """What moved now, and what an earlier run had logged of these records."""
        logged: list[Advance] = []
        for _ in range(RACES):
            marks = await self._marks_of({(i.event.conversation_id, i.event.username) for i in incoming})
            advances, idle = advance(_without(logged, incoming), marks, await self._last_of(incoming))
            again = logged + await self._store.receipts_of(idle)
            try:
                if advances:
                    await self._store.insert_receipts(advances)
            except Raced:
                self.forget()
                logged = await self._store.receipts_of([i.record.source for i in incoming])
                continue
            except BaseException:
                self.forget()
                raise
            self._remember(advances, again)
            return again + advances
        raise Retry("another router writes the same partitions")

    def _remember(self, advances: Iterable[Advance], again: Iterable[Advance]) -> None:
        for a in advances:
            ADVANCED.labels(a.status).inc()
        for a in (*again, *advances):
            moved = self._marks.get(a.member, Marks()).advanced(a.status, a.to_number)
            self._marks.learn({a.member: moved})
            self._moved[a.member] = moved

    async def _marks_of(self, members: set[Member]) -> dict[Member, Marks]:
        known = {m: self._marks[m] for m in members if m in self._marks}
        if missing := members - known.keys():
            found = await read_marks(self._store.database, missing)
            self._marks.learn(found)
            known |= found
        return known

    async def _last_of(self, incoming: Iterable[Incoming[ReceiptEvent]]) -> dict[str, int]:
        """Enough of each conversation's numbers to clamp by: read only where somebody claims more than is known."""
        claimed: dict[str, int] = {}
        for i in incoming:
            c = i.event.conversation_id
            claimed[c] = max(claimed.get(c, 0), i.event.sequence_number)
        last = {c: self._heights.get(c, 0) for c in claimed}
        if behind := [c for c, number in claimed.items() if last[c] < number]:
            found = await self._store.last_numbers(behind)
            self._heights.learn(found)
            last |= found
        return last


def _without(logged: Iterable[Advance], incoming: Iterable[Incoming[ReceiptEvent]]) -> list[Incoming[ReceiptEvent]]:
    """Of what claims more than there was, the same record would move the watermark again when there is more."""
    sources = {a.source for a in logged}
    return [i for i in incoming if i.record.source not in sources]


def _tell_log(advances: Iterable[Advance], batch: Iterable[Record]) -> None:
    traces = {record.source: tracing.trace_of(record)[3:35] for record in batch}
    for a in advances:
        conversation_id, username = a.member
        log.debug(
            "receipt stored",
            extra={
                "conversation_id": conversation_id,
                "username": username,
                "status": a.status,
                "sequence_number": a.to_number,
                "trace_id": traces.get(a.source, ""),
            },
        )


def _receipt_entries(advances: Iterable[Advance], members: Mapping[str, Sequence[str]], fed: Followed) -> list[Entry]:
    entries = []
    for a in advances:
        conversation_id, username = a.member
        body = frames.Receipt(conversation_id, username, a.status, a.to_number, a.at)
        frame = pack("receipt", frames.encode(body), conversation_id, a.to_number, fed.of_source(a.source))
        entries += [Entry(member, frame) for member in members[conversation_id]]
    return entries


def _receipt_fact(a: Advance, told: Followed) -> Outgoing:
    conversation_id, username = a.member
    fact = StatusEvent(
        conversation_id=conversation_id,
        status=a.status,
        from_number=a.from_number,
        to_number=a.to_number,
        at=a.at,
        username=username,
    )
    return outgoing(fact, f"{a.source}/{a.status}", told.of_source(a.source) or continue_trace(None))
