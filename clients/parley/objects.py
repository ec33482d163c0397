"""What answers and frames look like, as values; unknown fields and unknown frames of newer servers are passed over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
import uuid_utils
from msgspec import Struct

from clients.parley.errors import Problem


class Profile(Struct, frozen=True):
    """A user as others see them."""

    username: str
    display_name: str | None = None
    created_at: datetime | None = None


class Tokens(Struct, frozen=True):
    """A session; `expires_in` and `refresh_expires_in` are seconds from now."""

    access_token: str
    expires_in: int
    refresh_token: str | None = None
    refresh_expires_in: int | None = None


class Message(Struct, frozen=True, kw_only=True):
    """One message; `from` of the contract is `sender` here, `sequence_number` counts from 1 in its conversation."""

    message_id: str
    conversation_id: str
    sequence_number: int
    sender: str = msgspec.field(name="from")
    to: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    payload: dict[str, Any]
    reply_to: str | None = None
    metadata: dict[str, Any] | None = None
    status: str | None = None
    created_at: datetime

    @property
    def text(self) -> str:
        """The text of a text message, the caption of a file, "" for anything else."""
        return str(self.payload.get("text") or self.payload.get("caption") or "")


class Conversation(Struct, frozen=True, kw_only=True):
    """A conversation as its caller sees it; `unread_count` is at most 999."""

    conversation_id: str
    type: str
    title: str | None = None
    members: tuple[str, ...]
    created_by: str
    created_at: datetime
    last_sequence: int = 0
    unread_count: int = 0
    last_message: dict[str, Any] | None = None


class Page(Struct, frozen=True):
    """Conversations, newest activity first; `next_cursor` is None on the last page."""

    items: tuple[Conversation, ...]
    next_cursor: str | None = None


class History(Struct, frozen=True):
    """Messages in ascending order; poll with `since=next_since`."""

    items: tuple[Message, ...]
    next_since: int


class Acceptance(Struct, frozen=True):
    """The 202: the message is durable, though not yet stored under a number."""

    message_id: str
    conversation_id: str
    status: str
    accepted_at: datetime


class StatusChange(Struct, frozen=True):
    """One step of a message; `recipient` and `channel` where the step is one recipient's."""

    status: str
    at: datetime
    recipient: str | None = None
    channel: str | None = None


class Delivery(Struct, frozen=True, kw_only=True):
    """One recipient on one channel; `status_ceiling` is the highest status that the channel can report."""

    recipient: str
    channel: str
    status: str
    status_ceiling: str | None = None
    attempts: int | None = None
    updated_at: datetime | None = None
    error: Any = None


class MessageStatus(Struct, frozen=True):
    """Where a message is, and every step that brought it there."""

    message_id: str
    conversation_id: str
    sequence_number: int
    status: str
    status_history: tuple[StatusChange, ...]
    deliveries: tuple[Delivery, ...] = ()


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


def message_body(
    conversation_id: str,
    text: str | None,
    payload: Mapping[str, Any] | None,
    message_id: str | None,
    fields: Mapping[str, Any],
) -> dict[str, Any]:
    """The body of a message as HTTP and socket take it, with an id of its own where none is given."""
    if (text is None) == (payload is None):
        raise ValueError("a message has either a text or a payload")
    return {
        "message_id": message_id or str(uuid_utils.uuid7()),
        "conversation_id": conversation_id,
        "payload": payload if payload is not None else {"type": "text", "text": text},
        **{name: value for name, value in fields.items() if value is not None},
    }
