"""What an address has to wait for: a file that is fetched, a message that is not stored yet. In lanes, beside Kafka."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from prometheus_client import Counter

from connectors.sdk import Arrived, Attachment, Edited, Unsent
from libs.common.bus import Record, Rejected
from libs.common.clock import now, rfc3339
from libs.common.errors import Retry
from libs.common.kafka import Producer, letter_of
from libs.common.mongo import Document
from libs.common.scheduler import Scheduler
from services.router.handlers.changing import GONE, Changing, End
from services.router.handlers.taking import Message, Taking
from services.router.handlers.updates import Connectors, read_updates, theirs
from services.router.inbound import Told, lane_of
from services.router.retrying import pause_s

if TYPE_CHECKING:
    from services.router.waiting import Waiting, Waits

STORED_WITHIN_S = 30.0  # by then the router has stored what it published, or never will
TRIES = 3  # at least, of what fails for no known reason
SLICE = 20  # updates of one lane, before another has its turn

POSTPONED = Counter("parley_inbound_postponed", "Updates that left Kafka to wait.", ["channel", "account"])
TRIED = Counter("parley_inbound_tries", "Tries of updates that wait.", ["end"])

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Postponed:
    """Safe to run twice, as what it does is. `lanes`: of those addresses in which something waits."""

    taking: Taking
    changing: Changing
    connectors: Connectors
    waiting: "Waiting"
    lanes: Scheduler
    producer: Producer

    async def in_use(self, lanes: Collection[str]) -> set[str]:
        """Of these those in which something may wait: what comes from there has to wait behind it."""
        return await self.waiting.in_use(lanes) if lanes else set()

    async def postpone(self, told: Sequence[tuple[Record, Told]]) -> None:
        """The updates first, then their lanes: whoever ends a lane looks once more."""
        if not told:
            return
        await self.waiting.keep({r.source: (lane_of(t.event), r) for r, t in told}.values())
        for _, t in told:
            POSTPONED.labels(t.event.channel, t.event.account).inc()
        for lane in {lane_of(t.event) for _, t in told}:
            await self.lanes.schedule(lane, now())

    async def apply(self, record: Record, told: Told) -> End:
        """An edit that comes before its message is kept for it: that is done, too.

        It is kept before its message is looked for once more, and who takes a message notes it before they look for
        edits: so one of them meets the other.
        """
        end = await self.changing.apply(told)
        if isinstance(told.what, Unsent):
            await self.waiting.forget_early(self._own_id(told, told.what))
        if end != "early" or not isinstance(told.what, Edited):
            return end
        own_id = self._own_id(told, told.what)
        if not await self.changing.arrivals.taken_back([own_id]):
            await self.waiting.keep_early(own_id, lane_of(told.event), record, told.at)
            end = await self.changing.apply(told)
        return "done" if end == "early" else end

    async def meet(self, arrived: Sequence[Message]) -> None:
        """Edits that came before these messages wait until they are stored."""
        early = await self.waiting.early([self._own_id(m.told, m.what) for m in arrived])
        found, _ = read_updates(self.connectors, early)
        await self.postpone(found)

    def _own_id(self, told: Told, what: Arrived | Edited | Unsent) -> str:
        return self.changing.ids.of(told.event.channel, told.event.account, what.external_id)

    async def run_lane(self, lane: Document) -> datetime | None:
        """In order, until one has to wait on; safe to run after a crash."""
        for _ in range(SLICE):
            found = await self.waiting.first(lane["_id"])
            if found is None:
                return None
            after_s = await self._try(lane["_id"], found)
            if after_s is not None:
                return now() + timedelta(seconds=after_s)
            await self.waiting.remove(found.key)
        return now()

    async def _try(self, lane: str, found: "Waits") -> float | None:
        """None: it has come to its end; else when to try again."""
        try:
            rejected = await self._settle(found)
        except Retry as reason:
            TRIED.labels("waits").inc()
            log.warning("%s waits since %.1f s: %s", lane, found.waited_s, reason)
            return pause_s(found.tries, reason.after_s)
        except Exception:
            TRIED.labels("failed").inc()
            log.exception("what waits in %s cannot be handled", lane)
            if found.tries < TRIES:
                return pause_s(found.tries)
            rejected = [Rejected(found.record, "handler_failed")]
        await self.producer.publish_all([letter_of(r, rfc3339(now()).encode()) for r in rejected])
        TRIED.labels("rejected" if rejected else "done").inc()
        return None

    async def _settle(self, found: "Waits") -> list[Rejected]:
        told, rejected = read_updates(self.connectors, [found.record])
        for record, t in told:
            if reason := await self._handle(record, t, found.waited_s):
                rejected.append(theirs(record, reason))
        return rejected

    async def _handle(self, record: Record, told: Told, waited_s: float) -> str | None:
        """Why it can never be done, or None. Raises `Retry`."""
        what = told.what
        if isinstance(what, Arrived):
            message = Message(record, told, what)
            content = what.content
            if isinstance(content, Attachment):
                homeless = await self.taking.take_file(message, content, waited_s)
            else:
                homeless = await self.taking.take([message])
            await self.meet([message])
            return "no_inbox" if homeless else None
        end = await self.apply(record, told)
        if end == "file" and isinstance(what, Edited):
            end = await self._bring(told, what, waited_s)
        elif end == "file" and isinstance(what, Unsent):
            end = await self._erase(told, what)
        if end != "unstored":
            return None
        if waited_s > STORED_WITHIN_S:
            return "message_not_stored"
        raise Retry("a message that changes is not stored yet", after_s=0.0)

    async def _erase(self, told: Told, what: Unsent) -> End:
        """The file first: as long as the message names it, it is known that it has to go."""
        await self.taking.attaching.keeper.forget(self._own_id(told, what))
        return await self.changing.apply(told, GONE)

    async def _bring(self, told: Told, what: Edited, waited_s: float) -> End:
        """An edit that brings another file: each of them has one of its own."""
        place = await self.changing.place(told, what)
        if place is None or not isinstance(what.content, Attachment):
            return "done"
        key = self.changing.ids.of(told.event.channel, told.event.account, f"{what.external_id}#{what.provider_id}")
        file = await self.taking.attaching.attach(told, what.content, key, place, waited_s)
        return await self.changing.apply(told, file)
