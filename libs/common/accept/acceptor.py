"""Acceptance: who may send or report, and when it counts as accepted."""

import hashlib
import logging
from dataclasses import dataclass

import msgspec

from libs.common import tracing
from libs.common.accept.body import (
    MAX_INT64,
    Body,
    parse_metadata,
    parse_payload,
    parse_uuid,
    resolve_channels,
    resolve_recipients,
)
from libs.common.accept.recent import RecentIds
from libs.common.bus import Publish
from libs.common.clock import new_id, now, rfc3339
from libs.common.conversations import Members
from libs.common.errors import Problem, Unavailable, invalid, not_found
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
_canonical = msgspec.json.Encoder().encode


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
        self._recent = RecentIds()
        self._in_flight = 0

    async def accept_message(self, sender: str, body: Body) -> Accepted:
        """Returns when the message is durable. Raises `Problem`, or `Unavailable`, which promises nothing."""
        event = await self._check(sender, body)
        self._recent.check(event.message_id, event.fingerprint)
        await self._send(MESSAGE_EVENTS, event, event.message_id, event.accepted_at)
        self._recent.remember(event.message_id, event.fingerprint, sender)
        log.debug("accepted", extra={"message_id": event.message_id})
        return Accepted(event.message_id, event.conversation_id, event.accepted_at)

    def accepted_recently(self, sender: str, message_id: str) -> bool:
        """True where this process answered 202 for it in the last minutes: if it is not stored, it is on its way."""
        return self._recent.has(message_id, sender)

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
        await self._send(RECEIPT_EVENTS, event, f"{conversation_id}/{username}/{status}/{number}", at)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("reported", extra=msgspec.structs.asdict(event))

    async def membership(self, username: str, conversation_id: str) -> tuple[str, ...]:
        """The members of a conversation of this user's. Raises `Problem` 404."""
        members = self._members.known(conversation_id) or await self._members.of(conversation_id)
        if username not in members:
            raise not_found("conversation")
        return members

    async def _check(self, sender: str, body: Body) -> MessageEvent:
        if body.sender is not None and body.sender != sender:
            raise Problem(403, "from_mismatch", "`from` is the token's subject and cannot be another.")
        conversation_id = parse_uuid(body.conversation_id, "/conversation_id")
        message_id = parse_uuid(body.message_id, "/message_id") if body.message_id is not None else new_id()
        reply_to = parse_uuid(body.reply_to, "/reply_to") if body.reply_to is not None else None
        payload = parse_payload(body.payload)
        metadata = parse_metadata(body.metadata)
        channels = resolve_channels(body.channels)
        members = await self.membership(sender, conversation_id)
        to = resolve_recipients(body.to, sender, members)
        content = (sender, conversation_id, to, channels, payload, reply_to, metadata)
        return MessageEvent(
            message_id=message_id,
            conversation_id=conversation_id,
            sender=sender,
            to=to,
            channels=channels,
            payload=payload,
            reply_to=reply_to,
            metadata=metadata,
            fingerprint=hashlib.blake2b(_canonical(content), digest_size=16).hexdigest(),
            accepted_at=rfc3339(now()),
        )

    async def _send(self, topic: str, event: MessageEvent | ReceiptEvent, event_id: str, at: str) -> None:
        if self._in_flight >= MAX_IN_FLIGHT:
            raise Unavailable("Kafka", f"{MAX_IN_FLIGHT} messages are waiting for it")
        self._in_flight += 1
        try:
            with tracing.sending(topic, event.conversation_id, event_id if topic == MESSAGE_EVENTS else ""):
                headers = cloud_headers(event, event_id, self._source, at, traceparent.get())
                await self._publish(topic, event.conversation_id, encode(event), headers)
        finally:
            self._in_flight -= 1
