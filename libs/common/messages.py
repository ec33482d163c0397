"""A stored message: its document in MongoDB, and what every answer and frame shows of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from libs.common.clock import rfc3339
from libs.common.events import MessageEvent, MessageStatus, Payload, Step
from libs.common.mongo import Document
from libs.common.shapes import Number, Time, Uuid


class Reactions(msgspec.Struct, frozen=True):
    """All of one member."""

    username: str
    reactions: list[str]


class Press(msgspec.Struct, frozen=True):
    """A button of the message; `data` is what its sender gave it."""

    username: str
    data: str
    at: Time


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The contract's `message`; `metadata` is the client's own JSON, untouched.

    What came from a platform has `metadata.inbound`: `channel`, `account`, `external_id`, `sender`, and
    `shortened_from`, the characters of its text there, only where those were more than fit and the rest is missing.

    Only where there are any: `route`, `reactions`, `pressed` (the newest 50), `edited_at`, `unsent_at`. The payload is
    what it says now; of what was taken back the content is gone.
    """

    message_id: Uuid
    conversation_id: Uuid
    sequence_number: Number
    sender: str = msgspec.field(name="from")
    to: Sequence[str]
    channels: Sequence[str]
    route: list[Step] | msgspec.UnsetType = msgspec.UNSET
    payload: Payload
    reply_to: Uuid | None
    metadata: msgspec.Raw | None
    status: MessageStatus
    created_at: Time
    edited_at: Time | msgspec.UnsetType = msgspec.UNSET
    unsent_at: Time | msgspec.UnsetType = msgspec.UNSET
    reactions: list[Reactions] | msgspec.UnsetType = msgspec.UNSET
    pressed: list[Press] | msgspec.UnsetType = msgspec.UNSET


_encode = msgspec.json.Encoder().encode


def recipients(event: MessageEvent, members: Sequence[str]) -> list[str]:
    """Whom a message addresses: those it names, else every other member."""
    return event.to if event.to is not None else [m for m in members if m != event.sender]


def to_document(
    event: MessageEvent, sequence_number: int, members: Sequence[str], stored_at: datetime, source: str
) -> Document:
    """`source` is where the event stands in Kafka (`Record.source`): it tells a redelivery from a client's retry."""
    return {
        "_id": event.message_id,
        "conversation_id": event.conversation_id,
        "sequence_number": sequence_number,
        "from": event.sender,
        "to": recipients(event, members),
        "channels": event.channels,
        **({"route": msgspec.to_builtins(event.route)} if event.route else {}),
        "payload": msgspec.to_builtins(event.payload),
        "reply_to": event.reply_to,
        "metadata": event.metadata,
        "fingerprint": event.fingerprint,
        "created_at": datetime.fromisoformat(event.accepted_at),
        "stored_at": stored_at,
        "source": source,
    }


def from_document(document: Document, status: MessageStatus) -> Message:
    metadata = document["metadata"]
    return Message(
        message_id=document["_id"],
        conversation_id=document["conversation_id"],
        sequence_number=document["sequence_number"],
        sender=document["from"],
        to=document["to"],
        channels=document["channels"],
        payload=msgspec.convert(document["payload"], Payload),
        reply_to=document["reply_to"],
        metadata=None if metadata is None else msgspec.Raw(metadata.encode()),
        status=status,
        created_at=rfc3339(document["created_at"]),
        **_changes(document),
    )


def _changes(document: Document) -> dict[str, Any]:
    """Of most messages nothing is changed, and they have no route."""
    changes: dict[str, Any] = {f: rfc3339(document[f]) for f in ("edited_at", "unsent_at") if f in document}
    if "route" in document:
        changes["route"] = msgspec.convert(document["route"], list[Step])
    if reactions := document.get("reactions"):
        changes["reactions"] = [Reactions(**r) for r in reactions]
    if pressed := document.get("pressed"):
        changes["pressed"] = [Press(p["username"], p["data"], rfc3339(p["at"])) for p in pressed]
    return changes


def from_event(
    event: MessageEvent, sequence_number: int, members: Sequence[str], channels: Sequence[str] | None = None
) -> Message:
    """As it is at the moment of its storage; `channels` where they are resolved to others than were asked for."""
    return Message(
        message_id=event.message_id,
        conversation_id=event.conversation_id,
        sequence_number=sequence_number,
        sender=event.sender,
        to=recipients(event, members),
        channels=event.channels if channels is None else channels,
        route=event.route or msgspec.UNSET,
        payload=event.payload,
        reply_to=event.reply_to,
        metadata=None if event.metadata is None else msgspec.Raw(event.metadata.encode()),
        status="SENT",
        created_at=event.accepted_at,
    )


def encode(message: Message) -> bytes:
    return _encode(message)
