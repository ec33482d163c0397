"""What happens to an accepted message: stored once, numbered, fed to its members, told as a fact; a batch at a time."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import Counter

from libs.common import frames, messages, tracing
from libs.common.bus import Record, Rejected
from libs.common.clock import now
from libs.common.conversations import Members
from libs.common.deliveries import is_external
from libs.common.errors import Problem, Retry
from libs.common.events import MESSAGE_EVENTS, MessageEvent, StatusEvent
from libs.common.feed import Entry, FeedWriter, pack
from libs.common.incoming import Incoming, read
from libs.common.kafka import Outgoing, Producer
from libs.common.problems import problem_document
from libs.common.telemetry import continue_trace
from libs.common.tracing import Followed
from services.router.domain import Numbered, Raced, Sorted, give_numbers, of_members, sort_out
from services.router.handlers.activity import Activity
from services.router.handlers.deliveries import Deliveries
from services.router.handlers.facts import feeding, outgoing, telling
from services.router.handlers.memory import Heights, Memory

if TYPE_CHECKING:
    from services.router.store import Store

RACES = 20  # two writers of one partition make progress in each round; more than this is a fault

STORED = Counter("parley_messages_stored", "Messages stored.")
REPEATED = Counter("parley_messages_repeated", "Redeliveries and retries that stored nothing.")

log = logging.getLogger(__name__)
Members_ = Mapping[str, Sequence[str]]


class Messages:
    """`message.events` → stored once, numbered 1 … n, in every member's feed, told as facts. Safe to run twice:

    `message_id` is the document's id, the unique index on (conversation, number) keeps a second writer out, readers of
    feeds drop what they have, and facts may repeat.
    """

    def __init__(
        self,
        store: "Store",
        members: Members,
        feed: FeedWriter,
        producer: Producer,
        heights: Heights,
        deliveries: Deliveries,
    ) -> None:
        self._store = store
        self._members = members
        self._feed = feed
        self._producer = producer
        self._heights = heights
        self._deliveries = deliveries
        self._last: Memory[str, int] = Memory()
        self._expects_known = True
        self._activity = Activity(store.database)

    async def handle(self, batch: Sequence[Record]) -> list[Rejected]:
        incoming, rejected = read(MessageEvent, batch)
        members = await self._members.of_all(i.event.conversation_id for i in incoming)
        incoming, strangers = of_members(incoming, members, lambda event: event.sender)
        with tracing.follow(batch).step("store", "consumer", tracing.about_topic(MESSAGE_EVENTS, "process")) as traces:
            stored, conflicts = await self._store_all(incoming, members)
        stored_traces = traces.only(s.incoming.record.source for s in stored)
        told = self._tell(stored, conflicts, members, stored_traces)
        for failure in await asyncio.gather(told, self._activity.note(stored), return_exceptions=True):
            if failure:
                raise failure
        refused = [Rejected(c.record, "message_id_conflict", is_clients_doing=True) for c in conflicts]
        return rejected + strangers + refused

    async def _tell(
        self,
        stored: Sequence[Numbered],
        conflicts: Iterable[Incoming[MessageEvent]],
        members: Members_,
        traces: Followed,
    ) -> None:
        with feeding(traces) as fed:
            await self._feed.append(_message_entries(stored, members, fed) + [_conflict_entry(c) for c in conflicts])
        with telling(traces) as told:
            await self._producer.publish_all([_stored_fact(s, told) for s in stored])
        self._deliveries.open_soon([e.message_id for s in stored if is_external((e := s.incoming.event).channels)])

    async def checkpoint(self) -> None:
        await self._activity.checkpoint()

    def forget(self) -> None:
        self._last.clear()
        self._expects_known = True

    async def _store_all(
        self, incoming: Sequence[Incoming[MessageEvent]], members: Members_
    ) -> tuple[list[Numbered], list[Incoming[MessageEvent]]]:
        """All of the batch that stands in MongoDB now, in order; and what must never stand there.

        Once what was redelivered is behind, a batch is taken for new until its insert says otherwise.
        """
        for _ in range(RACES):
            known = await self._store.known([i.event.message_id for i in incoming]) if self._expects_known else {}
            parts = sort_out(incoming, known)
            try:
                fresh = await self._store_fresh(parts.fresh, members)
            except Raced:
                self.forget()
                log.info("part of this batch is stored already: reading what is")
                continue
            except BaseException:
                self.forget()
                raise
            self._expects_known = bool(known)
            self._count(incoming, fresh)
            return _in_order(parts, fresh), parts.conflicts
        raise Retry("another router writes the same partitions")

    async def _store_fresh(self, fresh: Sequence[Incoming[MessageEvent]], members: Members_) -> list[Numbered]:
        if not fresh:
            return []
        conversations = {i.event.conversation_id for i in fresh}
        last = {c: self._last[c] for c in conversations if c in self._last}
        last |= await self._store.last_numbers(conversations - last.keys()) if len(last) < len(conversations) else {}
        numbered = await self._routed(give_numbers(fresh, last), members)
        at = now()
        await self._store.insert_messages([_document(n, members, at) for n in numbered])
        given = {n.incoming.event.conversation_id: n.sequence_number for n in numbered}
        self._last.learn(given)
        self._heights.learn(given)
        return numbered

    async def _routed(self, numbered: Sequence[Numbered], members: Members_) -> list[Numbered]:
        """Only what goes to other channels is asked about, all of it at once."""
        recipients = {
            one.incoming.event.message_id: messages.recipients(event, members[event.conversation_id])
            for one in numbered
            if is_external((event := one.incoming.event).channels)
        }
        if not recipients:
            return list(numbered)
        addresses = await self._deliveries.addresses(name for to in recipients.values() for name in to)
        routed = []
        for one in numbered:
            event = one.incoming.event
            if (to := recipients.get(event.message_id)) is not None:
                first = event.route[0].channel if event.route else None
                one = replace(one, routing=self._deliveries.route(event.channels, to, addresses, first))
            routed.append(one)
        return routed

    def _count(self, incoming: Sequence[object], fresh: Sequence[Numbered]) -> None:
        STORED.inc(len(fresh))
        REPEATED.inc(len(incoming) - len(fresh))
        if log.isEnabledFor(logging.DEBUG):
            for one in fresh:
                log.debug("stored", extra=_log_fields(one))


def _in_order(parts: Sorted, fresh: Sequence[Numbered]) -> list[Numbered]:
    """Redeliveries were stored before anything that is fresh in their conversation."""
    return parts.again + list(fresh)


def _document(one: Numbered, members: Members_, at: datetime) -> dict[str, object]:
    event = one.incoming.event
    of_conversation = members[event.conversation_id]
    document = messages.to_document(event, one.sequence_number, of_conversation, at, one.incoming.record.source)
    return {**document, **one.routing} if one.routing else document


def _message_entries(stored: Iterable[Numbered], members: Members_, fed: Followed) -> list[Entry]:
    entries = []
    for one in stored:
        event = one.incoming.event
        of_conversation = members[event.conversation_id]
        body = messages.encode(messages.from_event(event, one.sequence_number, of_conversation, one.channels))
        frame = pack("message", body, event.conversation_id, one.sequence_number, fed.of(one.incoming.record))
        entries += [Entry(member, frame) for member in of_conversation]
    return entries


def _conflict_entry(conflict: Incoming[MessageEvent]) -> Entry:
    words = "This message_id was used for another message; this one is not stored."
    message_id = conflict.event.message_id
    problem = problem_document(Problem(409, "message_id_conflict", words), f"/v1/messages/{message_id}")
    return Entry(conflict.event.sender, pack("error", frames.encode(frames.Conflict(problem, message_id))))


def _log_fields(one: Numbered) -> dict[str, object]:
    return {
        "message_id": one.incoming.event.message_id,
        "sequence_number": one.sequence_number,
        "trace_id": tracing.trace_of(one.incoming.record)[3:35],
    }


def _stored_fact(one: Numbered, told: Followed) -> Outgoing:
    event, record = one.incoming.event, one.incoming.record
    fact = StatusEvent(
        conversation_id=event.conversation_id,
        status="SENT",
        from_number=one.sequence_number,
        to_number=one.sequence_number,
        at=event.accepted_at,
        message_id=event.message_id,
        sender=event.sender,
    )
    trace = told.of(record) or continue_trace(tracing.trace_of(record))
    return outgoing(fact, f"{event.message_id}/SENT", trace)
