"""The events that contexts tell each other: one typed schema each, JSON on the wire, CloudEvents in the headers."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from libs.common.shapes import shown

MESSAGE_EVENTS = "message.events"
RECEIPT_EVENTS = "receipt.events"
STATUS_EVENTS = "status.events"
PRESENCE_EVENTS = "presence.events"
DLQ_SUFFIX = ".dlq"
STORING = "router-messages"
"""The group that stores what `message.events` brings."""

ALL_CHANNELS = "all"
MAX_TEXT = 4096
MAX_PLACE = 256  # the name of one

PARTITIONS = 12
DAY_MS = 24 * 3600 * 1000
RETENTION_MS = {
    MESSAGE_EVENTS: 14 * DAY_MS,
    RECEIPT_EVENTS: 14 * DAY_MS,
    STATUS_EVENTS: 7 * DAY_MS,
    PRESENCE_EVENTS: DAY_MS,
}
DLQ_RETENTION_MS = -1
DLQ_MAX_BYTES = 2 * 1024 * 1024  # a dead letter is longer than its record, which may be as long as a broker takes

ReceiptStatus = Literal["DELIVERED", "READ"]
MessageStatus = Literal["SENT", "DELIVERED", "READ", "FAILED"]
DeliveryStatus = Literal["QUEUED", "SENT", "FAILED", "DELIVERED", "READ"]


class Text(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    text: Annotated[str, shown(minLength=1, maxLength=MAX_TEXT)]


class Location(msgspec.Struct, frozen=True, tag_field="type", tag="location", omit_defaults=True):
    latitude: Annotated[float, shown(minimum=-90, maximum=90)]
    longitude: Annotated[float, shown(minimum=-180, maximum=180)]
    name: Annotated[str, shown(minLength=1, maxLength=MAX_PLACE)] | None = None


Payload = Text | Location


class MessageEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message was accepted. Key: conversation_id.

    `to` is None for every other member; `channels` is what was asked, so it may hold "all"; `metadata` is JSON text;
    `fingerprint` covers everything that the client said, so that the same id with other content is recognised;
    `accepted_at` is RFC 3339.
    """

    version: int = 1
    message_id: str
    conversation_id: str
    sender: str = msgspec.field(name="from")
    to: list[str] | None = None
    channels: list[str]
    payload: Payload
    reply_to: str | None = None
    metadata: str | None = None
    fingerprint: str
    accepted_at: str


class ReceiptEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A member's device has (has read) all up to a number. Key: conversation_id. In any order, repeated at will."""

    version: int = 1
    conversation_id: str
    username: str
    status: ReceiptStatus
    sequence_number: int
    at: str


class DeliveryError(msgspec.Struct, frozen=True):
    """Why a delivery failed: `code` is stable, `detail` is for people."""

    code: str
    detail: str


class StatusEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact, told after it is stored. Key: conversation_id.

    With `message_id` alone: it was stored as `to_number` (SENT). With `recipient` and `channel` too: that delivery
    of it changed. With `username`: that member's watermark moved; the messages `from_number`…`to_number` are new under
    it. Facts may repeat after a crash; consumers take them twice without harm.
    """

    version: int = 1
    conversation_id: str
    status: DeliveryStatus
    from_number: int
    to_number: int
    at: str
    message_id: str | None = None
    sender: str | None = msgspec.field(name="from", default=None)
    username: str | None = None
    recipient: str | None = None
    channel: str | None = None
    error: DeliveryError | None = None


class PresenceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody came online or went offline. Key: username.

    Of a user's events the one with the latest `at` holds: nodes publish for themselves, so an older one may come later,
    an event may repeat, and one may be missing where a node died that moment. `last_seen` is the last sign of life.
    """

    version: int = 1
    username: str
    status: Literal["online", "offline"]
    at: str
    last_seen: str | None


Event = MessageEvent | ReceiptEvent | StatusEvent | PresenceEvent
E = TypeVar("E", MessageEvent, ReceiptEvent, StatusEvent, PresenceEvent)

TYPES: dict[type[Event], bytes] = {
    MessageEvent: b"parley.message.accepted.v1",
    ReceiptEvent: b"parley.receipt.reported.v1",
    StatusEvent: b"parley.status.changed.v1",
    PresenceEvent: b"parley.presence.changed.v1",
}
TOPICS: dict[str, type[Event]] = {
    MESSAGE_EVENTS: MessageEvent,
    RECEIPT_EVENTS: ReceiptEvent,
    STATUS_EVENTS: StatusEvent,
    PRESENCE_EVENTS: PresenceEvent,
}
_encode = msgspec.json.Encoder().encode
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in TYPES}


def encode(event: Event) -> bytes:
    return _encode(event)


def decode(kind: type[E], value: bytes) -> E:
    """Raises `msgspec.DecodeError` (of which `ValidationError` is one) for anything else."""
    event: E = _decoders[kind].decode(value)
    return event


def cloud_headers(event: Event, event_id: str, source: str, at: str, trace: str) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0, Kafka binding, binary mode, and the W3C trace context."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", TYPES[type(event)]),
        ("ce_time", at.encode()),
        ("content-type", b"application/json"),
        ("traceparent", trace.encode()),
    ]
