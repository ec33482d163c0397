"""Acceptance: who may send or report, and when it counts as accepted."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from libs.common import tracing
from libs.common.accept.body import MAX_INT64, Body, parse_uuid
from libs.common.accept.draft import draft, to_event
from libs.common.accept.recent import RecentIds
from libs.common.bus import Outgoing, Publish
from libs.common.clock import now, rfc3339
from libs.common.conversations import Members
from libs.common.errors import Unavailable, invalid, not_found
from libs.common.events import (
    MESSAGE_EVENTS,
    RECEIPT_EVENTS,
    MessageEvent,
    ReceiptEvent,
    ReceiptStatus,
    cloud_headers,
    encode,
)
from libs.common.telemetry import traceparent

MAX_IN_FLIGHT = 10_000  # of one process, about 10 MB of events; above it 503 is kinder than a queue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Accepted:
    message_id: str
    conversation_id: str
    accepted_at: str


class Acceptor:
    """Turns what clients say into events that Kafka has acknowledged. `source` names the process in CloudEvents."""

    def __init__(self, members: Members, publish: Publish, source: str) -> None:
        self._members = members
        self._publish = publish
        self._source = source
        self._in_flight = 0
        self.recent = RecentIds()

    async def accept_message(self, sender: str, body: Body) -> Accepted:
        """Returns when the message is durable. Raises `Problem`, or `Unavailable`, which promises nothing."""
        said = draft(sender, body)
        members = self._members.known(said.conversation_id) or await self._members.of(said.conversation_id)
        event = to_event(said, members, rfc3339(now()))
        self.recent.check(event.message_id, event.fingerprint)
        with self.room(), tracing.sending(MESSAGE_EVENTS, event.conversation_id, event.message_id):
            await self._publish(*self.message_record(event))
        self.recent.remember(event.message_id, event.fingerprint, sender)
        log.debug("accepted", extra={"message_id": event.message_id})
        return Accepted(event.message_id, event.conversation_id, event.accepted_at)

    def accepted_recently(self, sender: str, message_id: str) -> bool:
        """True where this process answered 202 for it in the last minutes: if it is not stored, it is on its way."""
        return self.recent.has(message_id, sender)

    async def accept_receipt(self, username: str, conversation_id: str, status: ReceiptStatus, number: int) -> None:
        """Returns when the receipt is durable; numbers beyond the last are clamped where it is stored."""
        conversation_id = parse_uuid(conversation_id, "/conversation_id")
        if not 1 <= number <= MAX_INT64:
            raise invalid("/sequence_number", "must be a positive integer of at most 64 bit")
        await self.membership(username, conversation_id)
        at = rfc3339(now())
        event = ReceiptEvent(
            conversation_id=conversation_id, username=username, status=status, sequence_number=number, at=at
        )
        event_id = f"{conversation_id}/{username}/{status}/{number}"
        with self.room(), tracing.sending(RECEIPT_EVENTS, conversation_id):
            headers = cloud_headers(event, event_id, self._source, at, traceparent.get())
            await self._publish(RECEIPT_EVENTS, conversation_id, encode(event), headers)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("reported", extra=msgspec.structs.asdict(event))

    async def membership(self, username: str, conversation_id: str) -> tuple[str, ...]:
        """The members of a conversation of this user's. Raises `Problem` 404."""
        members = self._members.known(conversation_id) or await self._members.of(conversation_id)
        if username not in members:
            raise not_found("conversation")
        return members

    def message_record(self, event: MessageEvent) -> Outgoing:
        headers = cloud_headers(event, event.message_id, self._source, event.accepted_at, traceparent.get())
        return Outgoing(MESSAGE_EVENTS, event.conversation_id, encode(event), headers)

    @contextmanager
    def room(self, wanted: int = 1) -> Iterator[None]:
        """What is published inside counts as in flight. Raises `Unavailable` where too much is already."""
        if self._in_flight + wanted > MAX_IN_FLIGHT:
            raise Unavailable("Kafka", f"{self._in_flight} messages are waiting for it")
        self._in_flight += wanted
        try:
            yield
        finally:
            self._in_flight -= wanted
