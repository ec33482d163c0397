"""The events that contexts tell each other: one typed schema each, JSON on the wire, CloudEvents in the headers."""

from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec

from connectors.capabilities import CHANNELS, INTERNAL, StatusCeiling
from libs.common.shapes import Uuid, shown

MESSAGE_EVENTS = "message.events"
RECEIPT_EVENTS = "receipt.events"
STATUS_EVENTS = "status.events"
PRESENCE_EVENTS = "presence.events"
FILE_EVENTS = "file.events"
INBOUND_EVENTS = "inbound.events"
NOTICE_EVENTS = "notice.events"
INBOUND_QUARANTINE = "inbound.quarantine"
DLQ_SUFFIX = ".dlq"
STORING = "router-messages"
"""The group that stores what `message.events` brings."""

ALL_CHANNELS = "all"
MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_PLACE = 256  # the name of one
MAX_STEPS = 5  # of a route
MAX_AFTER_S = 24 * 3600

PARTITIONS = 12
DAY_MS = 24 * 3600 * 1000
RETENTION_MS = {
    MESSAGE_EVENTS: 14 * DAY_MS,
    RECEIPT_EVENTS: 14 * DAY_MS,
    STATUS_EVENTS: 7 * DAY_MS,
    PRESENCE_EVENTS: DAY_MS,
    FILE_EVENTS: 7 * DAY_MS,
    INBOUND_EVENTS: 14 * DAY_MS,
    NOTICE_EVENTS: DAY_MS,
}
WITH_DEAD_LETTERS = (MESSAGE_EVENTS, RECEIPT_EVENTS, STATUS_EVENTS, FILE_EVENTS, INBOUND_EVENTS, NOTICE_EVENTS)
"""The topics that consumers of ours read: who reads another one gives it a DLQ here."""
DLQ_RETENTION_MS = -1
DLQ_MAX_BYTES = 2 * 1024 * 1024  # a dead letter is longer than its record, which may be as long as a broker takes

ReceiptStatus = Literal["DELIVERED", "READ"]
MessageStatus = Literal["SENT", "DELIVERED", "READ", "FAILED"]
DeliveryStatus = Literal["QUEUED", "SENT", "FAILED", "DELIVERED", "READ"]
FinalFileStatus = Literal["completed", "failed", "quarantined"]


class Text(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    text: Annotated[str, shown(minLength=1, maxLength=MAX_TEXT)]


class Location(msgspec.Struct, frozen=True, tag_field="type", tag="location", omit_defaults=True):
    latitude: Annotated[float, shown(minimum=-90, maximum=90)]
    longitude: Annotated[float, shown(minimum=-180, maximum=180)]
    name: Annotated[str, shown(minLength=1, maxLength=MAX_PLACE)] | None = None


class AttachedFile(msgspec.Struct, frozen=True):
    """What is shown of a file beside its id: as it was when it was sent, also where it is gone since."""

    filename: str
    size: Annotated[int, shown("In bytes.", minimum=1)]
    content_type: Annotated[str, shown("As its uploader declared it.", examples=["image/png"])]
    sha256: Annotated[str, shown("Of the stored bytes.", pattern="^[0-9a-f]{64}$")]


class SentFile(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="file", omit_defaults=True):
    file_id: Uuid
    caption: Annotated[str, shown(minLength=1, maxLength=MAX_CAPTION)] | None = None
    file: AttachedFile


Payload = Text | SentFile | Location


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step of a route: the next is tried where its channel has not reached `until` within `after_s`, or has failed.

    The last one needs neither; where it has an `until`, reaching that stops what the earlier ones have not sent yet.
    """

    channel: Annotated[str, shown(enum=[INTERNAL, *CHANNELS])]
    until: Annotated[str, shown(enum=list(get_args(StatusCeiling)))] | None = None
    after_s: Annotated[int, shown("Seconds.", minimum=1, maximum=MAX_AFTER_S)] | None = None


class MessageEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message was accepted. Key: conversation_id.

    `to` is None for every other member; `channels` is what was asked, so it may hold "all", or those of the `route`, in
    its order, where there is one; `metadata` is JSON text; `fingerprint` covers everything that the client said, so
    that the same id with other content is recognised;
    `accepted_at` is RFC 3339.
    """

    version: int = 1
    message_id: str
    conversation_id: str
    sender: str = msgspec.field(name="from")
    to: list[str] | None = None
    channels: list[str]
    route: list[Step] | None = None
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


class FileError(msgspec.Struct, frozen=True):
    """Why a file failed or is kept away: `code` is stable, `detail` is for people."""

    code: str
    detail: str


class FileEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file has come to its end: usable, or never to be. Key: file_id.

    Told after it is stored, and told again after a crash with the same id. `sha256` (lower hex) and `detected_type` are
    computed from the stored bytes and are missing where these were never read whole; `at` is when it came to its end.
    """

    version: int = 1
    file_id: str
    owner: str
    status: FinalFileStatus
    filename: str
    size: int
    content_type: str
    detected_type: str | None = None
    sha256: str | None = None
    conversation_id: str | None = None
    error: FileError | None = None
    at: str


class DeliveryRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A delivery is to be sent to a platform. Key: address. One topic for each account, `channel.<name>.<account>`.

    It may repeat: what counts is the delivery's document, and one that is no longer QUEUED is not sent.
    """

    version: int = 1
    delivery_id: str
    message_id: str
    conversation_id: str
    sequence_number: int
    sender: str = msgspec.field(name="from")
    recipient: str
    channel: str
    account: str
    address: str
    payload: Payload
    reply_to: str | None = None


class InboundEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A platform told something, and proved that it is the platform. Key: channel/account/address.

    `body` is the update as it came. `provider_id` tells a repetition; `address` is empty where the update could not be
    read so far, and then the id is made of its bytes. `at` is when it came.
    """

    version: int = 1
    channel: str
    account: str
    address: str
    provider_id: str
    body: bytes
    at: str


class NoticeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is to be told something at an address, beside all conversations. Key: channel/address.

    It is not sent after `expires_at`. It may repeat; by its id it is sent once.
    """

    version: int = 1
    notice_id: str
    channel: str
    address: str
    text: str
    expires_at: str


Event = (
    MessageEvent | ReceiptEvent | StatusEvent | PresenceEvent | FileEvent | DeliveryRequest | InboundEvent | NoticeEvent
)
E = TypeVar(
    "E",
    MessageEvent,
    ReceiptEvent,
    StatusEvent,
    PresenceEvent,
    FileEvent,
    DeliveryRequest,
    InboundEvent,
    NoticeEvent,
)

TYPES: dict[type[Event], bytes] = {
    MessageEvent: b"parley.message.accepted.v1",
    ReceiptEvent: b"parley.receipt.reported.v1",
    StatusEvent: b"parley.status.changed.v1",
    PresenceEvent: b"parley.presence.changed.v1",
    FileEvent: b"parley.file.changed.v1",
    DeliveryRequest: b"parley.delivery.requested.v1",
    InboundEvent: b"parley.inbound.received.v1",
    NoticeEvent: b"parley.notice.requested.v1",
}
TOPICS: dict[str, type[Event]] = {
    MESSAGE_EVENTS: MessageEvent,
    RECEIPT_EVENTS: ReceiptEvent,
    STATUS_EVENTS: StatusEvent,
    PRESENCE_EVENTS: PresenceEvent,
    FILE_EVENTS: FileEvent,
    INBOUND_EVENTS: InboundEvent,
    NOTICE_EVENTS: NoticeEvent,
}
CHANNEL_EVENTS = "channel"
CHANNEL_RETENTION_MS = 14 * DAY_MS


def dead_letters_of(topic: str) -> str:
    """Where records of a topic stand that can never be handled."""
    return INBOUND_QUARANTINE if topic == INBOUND_EVENTS else topic + DLQ_SUFFIX


def origin_of(topic: str) -> str:
    """The topic whose records stand in this one when they can never be handled."""
    return INBOUND_EVENTS if topic == INBOUND_QUARANTINE else topic.removesuffix(DLQ_SUFFIX)


def is_of_dead_letters(topic: str) -> bool:
    return topic == INBOUND_QUARANTINE or topic.endswith(DLQ_SUFFIX)


def channel_topic(channel: str, account: str) -> str:
    return f"{CHANNEL_EVENTS}.{channel}.{account}"


_encode = msgspec.json.Encoder().encode
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in TYPES}


def encode(event: Event) -> bytes:
    return _encode(event)


def decode(kind: type[E], value: bytes) -> E:
    """Raises `msgspec.DecodeError` (of which `ValidationError` is one) for anything else."""
    event: E = _decoded(_decoders[kind], value)
    return event


def _decoded(decoder: msgspec.json.Decoder[Any], value: bytes) -> Any:
    try:
        return decoder.decode(value)
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deep") from None


def decode_any(topic: str, value: bytes) -> Event:
    """The event of this topic. Raises `LookupError` for a topic that has none, and like `decode`."""
    kind = DeliveryRequest if topic.startswith(f"{CHANNEL_EVENTS}.") else TOPICS[topic]
    event: Event = _decoded(_decoders[kind], value)
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
