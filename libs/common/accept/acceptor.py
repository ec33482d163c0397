"""Acceptance: who may send or report, and when it counts as accepted."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from libs.common import tracing
from libs.common.accept.body import MAX_INT64, Body, FileReference, parse_uuid
from libs.common.accept.compose import Composer
from libs.common.accept.draft import Accepted, Addressed, address, draft, to_event
from libs.common.accept.recent import RecentIds
from libs.common.bus import Outgoing, Publish
from libs.common.clock import now, rfc3339
from libs.common.conversations import Members
from libs.common.errors import Problem, Retry, Unavailable, invalid, not_found
from libs.common.events import (
    MESSAGE_EVENTS,
    RECEIPT_EVENTS,
    MessageEvent,
    ReceiptEvent,
    ReceiptStatus,
    cloud_headers,
    encode,
)
from libs.common.files import Files
from libs.common.telemetry import traceparent

MAX_IN_FLIGHT = 10_000  # of one process, about 10 MB of events; above it 503 is kinder than a queue

log = logging.getLogger(__name__)


class Acceptor:
    """Turns what clients say into events that Kafka has acknowledged. `source` names the process in CloudEvents."""

    def __init__(self, members: Members, files: Files, publish: Publish, source: str) -> None:
        self._members = members
        self._publish = publish
        self._source = source
        self._in_flight = 0
        self.recent = RecentIds()
        self.composer = Composer(files, self.recent)

    async def accept_message(self, sender: str, body: Body) -> Accepted:
        """Returns when the message is durable. Raises `Problem`, or `Unavailable`, which promises nothing."""
        return await self.publish_message(await self.prepare(sender, body))

    async def prepare(self, sender: str, body: Body) -> MessageEvent | Accepted:
        """All that is to be waited for before Kafka: what is published in the order of it stands in that order.

        `Accepted` where the message was accepted before. Raises as `accept_message` does.
        """
        said = draft(sender, body)
        members = self._members.known(said.conversation_id) or await self._members.of(said.conversation_id)
        message = address(said, members)
        self.recent.check(said.message_id, message.fingerprint)
        at = rfc3339(now())
        if isinstance(said.payload, FileReference):
            return await self._with_file(message, at)
        return to_event(message, said.payload, at)

    async def publish_message(self, prepared: MessageEvent | Accepted) -> Accepted:
        if isinstance(prepared, Accepted):
            return prepared
        event = prepared
        with self.room(), tracing.sending(MESSAGE_EVENTS, event.conversation_id, event.message_id):
            await self._publish(*self.message_record(event))
        self.recent.remember(event.message_id, event.fingerprint, event.sender)
        log.debug("accepted", extra={"message_id": event.message_id})
        return Accepted(event.message_id, event.conversation_id, event.accepted_at)

    async def _with_file(self, message: Addressed, at: str) -> MessageEvent | Accepted:
        (composed,) = await self.composer.compose([message], at)
        if isinstance(composed, Problem | Retry):
            raise composed
        return composed

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
