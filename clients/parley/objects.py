"""What the HTTP calls answer, as values; unknown fields of newer servers are passed over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import uuid_utils
from msgspec import Struct

from clients.parley.errors import Problem


class Profile(Struct, frozen=True):
    """A user as others see them."""

    username: str
    display_name: str | None = None
    created_at: datetime | None = None


class ChannelMapping(Struct, frozen=True):
    """Where one reaches the user outside: an address on a channel."""

    channel: str
    address: str
    created_at: datetime | None = None


class Me(Profile, frozen=True):
    """One's own account, as nobody else sees it."""

    channels: tuple[ChannelMapping, ...] = ()
    roles: tuple[str, ...] = ()


class Presence(Struct, frozen=True):
    """`status` is online or offline; `last_seen` is None where it is not known."""

    username: str
    status: str
    last_seen: datetime | None = None


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
    last_message: Message | None = None


class Page(Struct, frozen=True):
    """Conversations, newest activity first; `next_cursor` is None on the last page."""

    items: tuple[Conversation, ...]
    next_cursor: str | None = None


class History(Struct, frozen=True):
    """Messages in ascending order; poll with `since=next_since`."""

    items: tuple[Message, ...]
    next_since: int


class Past(Struct, frozen=True):
    """Messages in descending order; go on with `before=next_before`, until no items come."""

    items: tuple[Message, ...]
    next_before: int | None = None


class Acceptance(Struct, frozen=True):
    """The 202: the message is durable, though not yet stored under a number."""

    message_id: str
    conversation_id: str
    status: str
    accepted_at: datetime


class BatchItem(Struct, frozen=True):
    """What became of one message of a batch: accepted, or the `problem` why not.

    One with a problem of status 429 or 503 may be sent again under the same id."""

    message_id: str | None = None
    status: str | None = None
    problem: Problem | None = None


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


class Draft(Struct, frozen=True, kw_only=True):
    """A message to be sent with others; its id is made with it, so that sending it twice stores it once."""

    conversation_id: str
    text: str | None = None
    payload: dict[str, Any] | None = None
    message_id: str = msgspec.field(default_factory=lambda: str(uuid_utils.uuid7()))
    to: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None
    reply_to: str | None = None
    metadata: dict[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in ("to", "channels", "reply_to", "metadata")}
        return message_body(self.conversation_id, self.text, self.payload, self.message_id, fields)


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
