"""What a letter of a DLQ is: where it stands, what it is about, and the record that it was."""

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from libs.common.bus import Outgoing, Record
from libs.common.events import INBOUND_EVENTS, Event, InboundEvent, decode_any, origin_of

Kept = Mapping[str, Any]
"""A letter's document."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DEEPEST = 100
"""What is nested deeper is shown as text: whoever writes or reads it as JSON may not come so far down."""
LETTER_ID = re.compile(r"([A-Za-z0-9._-]{1,249}):([0-9]{1,9}):([0-9]{1,18})", re.ASCII)
ABOUT = ("delivery_id", "message_id", "conversation_id", "file_id", "recipient", "channel", "account", "address")


class Place(NamedTuple):
    """Where a letter stands in Kafka; its id is made of that."""

    topic: str
    partition: int
    offset: int

    @property
    def letter_id(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


def place_of(letter_id: str) -> Place | None:
    """None for what is no letter's id."""
    found = LETTER_ID.fullmatch(letter_id)
    return Place(found[1], int(found[2]), int(found[3])) if found else None


def kept(record: Record) -> dict[str, Any]:
    """The document of a letter. Its headers may come from anywhere: whatever they hold, it is kept."""
    attempts = _word(record, "dlq_attempts", 9)
    return {
        "_id": Place(record.topic, record.partition, record.offset).letter_id,
        "topic": record.topic,
        "at": EPOCH + timedelta(milliseconds=record.timestamp_ms),
        "state": "open",
        "reason": _word(record, "dlq_reason", 200) or "unknown",
        "attempts": int(attempts) if attempts.isdecimal() else 0,
        "origin": _word(record, "dlq_origin", 300),
        "first_at": _word(record, "dlq_first_at", 40),
        "last_at": _word(record, "dlq_last_at", 40),
        "key": (record.key or b"").decode("utf-8", "replace"),
        "value": record.value,
        "headers": [[name, value or b""] for name, value in record.headers.items()],
        "about": _about(event_of(record.topic, record.value)),
    }


def event_of(topic: str, value: bytes) -> Event | None:
    """What the letters of this topic were meant to be; None where this one is no such event."""
    try:
        return decode_any(origin_of(topic), value)
    except (LookupError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _word(record: Record, header: str, longest: int) -> str:
    return (record.headers.get(header) or b"").decode("utf-8", "replace")[:longest]


def _about(event: Event | None) -> dict[str, str]:
    said = {name: getattr(event, name, None) for name in ABOUT}
    return {name: value for name, value in said.items() if value}


def again(letter: Kept, key: str, value: bytes) -> Outgoing:
    """The record for its own topic; `dlq_origin` says to whoever reads it that it is a replay."""
    headers = dict(letter["headers"])
    headers.setdefault("dlq_origin", (letter["origin"] or letter["_id"].replace(":", "/")).encode())
    return Outgoing(origin_of(letter["topic"]), key, value, list(headers.items()))


class Body(NamedTuple):
    """What a person reads and may edit: JSON, or else text; of an update of a platform that alone, unwrapped.

    What is nested too deep is no JSON here.

    `text` says the same as `json`, indented, with each number as it was written.
    """

    json: Any
    text: str | None
    base64: str
    is_update: bool


def body_of(letter: Kept) -> Body:
    value: bytes = letter["value"]
    event = event_of(letter["topic"], value) if origin_of(letter["topic"]) == INBOUND_EVENTS else None
    is_update = isinstance(event, InboundEvent)
    inner = event.body if isinstance(event, InboundEvent) else value
    parsed: Any
    text: str | None
    try:
        parsed, text = msgspec.json.decode(inner), msgspec.json.format(inner, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        parsed, text = None, _text(inner)
    if is_deep(parsed):
        parsed, text = None, _text(inner)
    return Body(parsed, text, base64.b64encode(value).decode(), is_update)


def is_deep(value: Any) -> bool:
    """Whether it is nested deeper than `DEEPEST`."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in _inside(each)]
    return any(isinstance(each, dict | list) for each in level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
