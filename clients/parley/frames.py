"""What the chat socket says, as values; kinds and fields of newer servers are passed over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from clients.parley.errors import Problem
from clients.parley.objects import Message, text_in


class Ready(Struct, frozen=True, kw_only=True, tag_field="type", tag="ready"):
    """Always first. `recovered`: None without resume, False when history must fill what pending does not."""

    connection_id: str
    username: str
    epoch: str | None = None
    offset: int | None = None
    recovered: bool | None = None


class Arrived(Message, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """A message for this user; `offset` is None for one that waited while the user was away."""

    offset: int | None = None

    @classmethod
    def of(cls, message: Message) -> "Arrived":
        """The same message from the history."""
        return cls(**msgspec.structs.asdict(message))


class CaughtUp(Struct, frozen=True, tag_field="type", tag="caught_up"):
    """Everything that waited has been sent; (epoch, offset) is where a later connection may resume."""

    epoch: str
    offset: int


class Receipt(Struct, frozen=True, kw_only=True, tag_field="type", tag="receipt"):
    """`username` has (DELIVERED) or has read (READ) everything up to `sequence_number`."""

    conversation_id: str
    username: str
    status: str
    sequence_number: int
    at: datetime
    offset: int | None = None


class DeliveryChanged(Struct, frozen=True, kw_only=True, tag_field="type", tag="status"):
    """A delivery on an external channel changed; only the sender is told."""

    message_id: str
    conversation_id: str
    sequence_number: int
    recipient: str
    channel: str
    status: str
    message_status: str
    at: datetime
    error: Any = None
    offset: int | None = None


class Edited(Struct, frozen=True, kw_only=True, tag_field="type", tag="edited"):
    """Its sender changed a message: it says this now."""

    message_id: str
    conversation_id: str
    sequence_number: int
    payload: dict[str, Any]
    edited_at: datetime
    offset: int | None = None

    @property
    def text(self) -> str:
        return text_in(self.payload)


class Unsent(Struct, frozen=True, kw_only=True, tag_field="type", tag="unsent"):
    """Its sender took a message back: show its content no more."""

    message_id: str
    conversation_id: str
    sequence_number: int
    unsent_at: datetime
    offset: int | None = None


class Reacted(Struct, frozen=True, kw_only=True, tag_field="type", tag="reacted"):
    """All reactions of `username` to the message from now on; none takes them away."""

    message_id: str
    conversation_id: str
    sequence_number: int
    username: str
    reactions: tuple[str, ...]
    at: datetime
    offset: int | None = None


class Pressed(Struct, frozen=True, kw_only=True, tag_field="type", tag="pressed"):
    """`username` pressed a button of the message; `data` is what its sender gave it."""

    message_id: str
    conversation_id: str
    sequence_number: int
    username: str
    data: str
    at: datetime
    offset: int | None = None


class Accepted(Struct, frozen=True, tag_field="type", tag="accepted"):
    """The message sent under `ref` is durable."""

    ref: str
    message_id: str


class Rejected(Struct, frozen=True, tag_field="type", tag="rejected"):
    """The message sent under `ref` was refused, and why."""

    ref: str
    problem: Problem


class Typing(Struct, frozen=True, tag_field="type", tag="typing"):
    """Show it for 5 s."""

    conversation_id: str
    username: str


class PresenceChanged(Struct, frozen=True, tag_field="type", tag="presence"):
    """`status` is online or offline."""

    username: str
    status: str
    last_seen: datetime | None = None


class Pong(Struct, frozen=True, tag_field="type", tag="pong"):
    """The answer to a ping."""


class ErrorReported(Struct, frozen=True, tag_field="type", tag="error"):
    """Something that this user sent could not be done."""

    problem: Problem


Event: TypeAlias = (
    Ready
    | Arrived
    | CaughtUp
    | Receipt
    | DeliveryChanged
    | Edited
    | Unsent
    | Reacted
    | Pressed
    | Accepted
    | Rejected
    | Typing
    | PresenceChanged
    | Pong
    | ErrorReported
)

_KNOWN: Mapping[str, type[Event]] = {
    "ready": Ready,
    "message": Arrived,
    "caught_up": CaughtUp,
    "receipt": Receipt,
    "status": DeliveryChanged,
    "edited": Edited,
    "unsent": Unsent,
    "reacted": Reacted,
    "pressed": Pressed,
    "accepted": Accepted,
    "rejected": Rejected,
    "typing": Typing,
    "presence": PresenceChanged,
    "pong": Pong,
    "error": ErrorReported,
}


class _Kind(Struct):
    type: str


_events: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_kinds = msgspec.json.Decoder(_Kind)


def decode_frame(frame: bytes | str) -> Event | None:
    """One frame of the server; None for a kind that this client does not know yet.

    Raises `msgspec.DecodeError` (which `ValidationError` is one of) for what is no frame at all."""
    try:
        return _events.decode(frame)
    except msgspec.ValidationError:
        if _kinds.decode(frame).type in _KNOWN:
            raise
        return None
