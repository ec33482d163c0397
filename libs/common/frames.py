"""The frames that the chat socket sends.

Frames of a feed are kept as bodies: `libs.common.feed.render` puts their type and their offset before them.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from libs.common.events import DeliveryError, DeliveryStatus, MessageStatus, Payload, ReceiptStatus
from libs.common.messages import Message
from libs.common.shapes import Number, Time, Uuid, shown

Problem = Annotated[dict[str, Any], shown(**{"$ref": "#/components/schemas/ProblemDocument"})]
Offset = Annotated[int, shown("How far this device has its user's feed; a later `resume` may bring it.", minimum=0)]
Epoch = Annotated[str, shown("Of the feed: offsets count within it.")]


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Always the first frame.

    `recovered` is null without `resume`; true: everything since the offset follows; false: nothing can be proven,
    pending messages follow and history has the rest.
    """

    connection_id: Uuid
    username: str
    epoch: Epoch
    offset: Offset
    recovered: bool | None


class CaughtUp(msgspec.Struct, frozen=True, tag="caught_up"):
    """All pending or recovered frames are sent: from here on a device may resume. Again whenever the epoch changes."""

    epoch: Epoch
    offset: Offset


class Accepted(msgspec.Struct, frozen=True, tag="accepted"):
    """The message of this `ref` is durable."""

    ref: str | None
    message_id: Uuid


class Rejected(msgspec.Struct, frozen=True, tag="rejected"):
    """The message of this `ref` is not accepted; with the same `message_id` it may be sent again."""

    ref: str | int | float | bool | None
    problem: Problem


class Error(msgspec.Struct, frozen=True, tag="error"):
    """A frame could not be taken; the connection lives on."""

    problem: Problem


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    """Answers `ping`."""


class TypingHint(msgspec.Struct, frozen=True, tag="typing"):
    """A hint: to be shown for 5 seconds. It may get lost."""

    conversation_id: Uuid
    username: str


class PresenceHint(msgspec.Struct, frozen=True, tag="presence"):
    """A hint: somebody with whom one shares a conversation came or went. It may get lost."""

    username: str
    status: Literal["online", "offline"]
    last_seen: Time | None


class Receipt(msgspec.Struct, frozen=True):
    """That member has (has read) everything up to the number. To all members' devices, their own others included."""

    conversation_id: Uuid
    username: str
    status: ReceiptStatus
    sequence_number: Number
    at: Time


class Status(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A delivery on an external channel changed; to the sender."""

    message_id: Uuid
    conversation_id: Uuid
    sequence_number: Number
    recipient: str
    channel: str
    status: DeliveryStatus
    message_status: MessageStatus
    at: Time
    error: DeliveryError | None = None


class Edited(msgspec.Struct, frozen=True):
    """Its sender changed a message: it says this now. To all members, as the next three."""

    message_id: Uuid
    conversation_id: Uuid
    sequence_number: Number
    payload: Payload
    edited_at: Time


class Unsent(msgspec.Struct, frozen=True):
    """Its sender took a message back: its content is gone, and is to be shown no more."""

    message_id: Uuid
    conversation_id: Uuid
    sequence_number: Number
    unsent_at: Time


class Reacted(msgspec.Struct, frozen=True):
    """All reactions of this member to the message from now on: none takes them away."""

    message_id: Uuid
    conversation_id: Uuid
    sequence_number: Number
    username: str
    reactions: Sequence[str]
    at: Time


class Pressed(msgspec.Struct, frozen=True):
    """A member pressed a button of the message; `data` is what its sender gave it."""

    message_id: Uuid
    conversation_id: Uuid
    sequence_number: Number
    username: str
    data: str
    at: Time


class Conflict(msgspec.Struct, frozen=True):
    """An accepted message was not stored: its id had been used for another. To the sender."""

    problem: Problem
    message_id: Uuid


Direct = Ready | CaughtUp | Accepted | Rejected | Error | Pong | TypingHint | PresenceHint
OF_FEED: dict[str, type[msgspec.Struct]] = {
    "message": Message,
    "receipt": Receipt,
    "status": Status,
    "error": Conflict,
    "edited": Edited,
    "unsent": Unsent,
    "reacted": Reacted,
    "pressed": Pressed,
}
"""The kinds of feed entries (`libs.common.feed.pack`), and what is in them."""

encode = msgspec.json.Encoder().encode
