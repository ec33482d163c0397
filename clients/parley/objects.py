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
    """Where one reaches the user outside: an address on a channel.

    `verified`: a code that was sent there has proven it. Messages go there where it is `in_use`."""

    channel: str
    address: str
    created_at: datetime | None = None
    verified: bool = False
    in_use: bool = True


class Limit(Struct, frozen=True):
    """Of a text: `max` in characters (code points), or in bytes of UTF-8."""

    max: int
    counted_in: str = "characters"


class Channel(Struct, frozen=True, kw_only=True):
    """What a channel can do. `status_ceiling` is the highest status that it reports; what is None it has not.

    `first_contact`: whether one may write first, `free`, `template` or `never`; the rest is as the API shows it."""

    channel: str
    title: str
    configured: bool
    status_ceiling: str
    reports: tuple[str, ...] = ()
    text: Limit
    caption: Limit | None = None
    first_contact: str
    address: dict[str, Any] = {}
    files: dict[str, Any] = {}
    location: dict[str, Any] = {}
    typing: dict[str, Any] = {}
    edit: dict[str, Any] = {}
    unsend: dict[str, Any] = {}
    reactions: dict[str, Any] = {}
    buttons: dict[str, Any] = {}
    rows: dict[str, Any] | None = None
    window: dict[str, Any] | None = None
    throttles: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


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


class SentFile(Struct, frozen=True, kw_only=True):
    """The file of a message, as it was when it was sent; `sha256` is of its bytes."""

    file_id: str
    filename: str
    size: int
    content_type: str
    sha256: str
    caption: str | None = None


class Reactions(Struct, frozen=True):
    """All of one member to one message."""

    username: str
    reactions: tuple[str, ...]


class Press(Struct, frozen=True):
    """A button of a message that a member pressed; `data` is what its sender gave it."""

    username: str
    data: str
    at: datetime


class Step(Struct, frozen=True, omit_defaults=True):
    """A channel of a route; the next is tried where it has not reached `until` within `after_s` seconds, or failed."""

    channel: str
    until: str | None = None
    after_s: int | None = None


class Message(Struct, frozen=True, kw_only=True):
    """One message; `from` of the contract is `sender` here, `sequence_number` counts from 1 in its conversation.

    The payload is what it says now, also where it was edited; of one that was taken back (`unsent_at`) it is gone."""

    message_id: str
    conversation_id: str
    sequence_number: int
    sender: str = msgspec.field(name="from")
    to: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    route: tuple[Step, ...] = ()
    payload: dict[str, Any]
    reply_to: str | None = None
    metadata: dict[str, Any] | None = None
    status: str | None = None
    created_at: datetime
    edited_at: datetime | None = None
    unsent_at: datetime | None = None
    reactions: tuple[Reactions, ...] = ()
    pressed: tuple[Press, ...] = ()

    @property
    def text(self) -> str:
        """The text of a text message, the caption of a file, "" for anything else."""
        return text_in(self.payload)

    @property
    def file(self) -> SentFile | None:
        """The file of a file message, None for anything else."""
        if self.payload.get("type") != "file":
            return None
        about = {"file_id": self.payload.get("file_id"), "caption": self.payload.get("caption")}
        return msgspec.convert(about | self.payload.get("file", {}), SentFile)


def text_in(payload: Mapping[str, Any]) -> str:
    return str(payload.get("text") or payload.get("caption") or "")


class Window(Struct, frozen=True):
    """Whether a recipient may be written to on a channel that closes some time after their last message.

    `people_until`: a message goes until then all the same, as people answer there; None where that makes no difference.
    """

    recipient: str
    channel: str
    open: bool
    expires_at: datetime | None = None
    people_until: datetime | None = None


class Conversation(Struct, frozen=True, kw_only=True):
    """A conversation as its caller sees it; `unread_count` is at most 999.

    `windows` come where it is asked for alone, None where they are not known.
    """

    conversation_id: str
    type: str
    title: str | None = None
    members: tuple[str, ...]
    created_by: str
    created_at: datetime
    last_sequence: int = 0
    unread_count: int = 0
    last_message: Message | None = None
    windows: tuple[Window, ...] | None = None


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
    """One recipient on one channel; `status_ceiling` is the highest status that the channel can report.

    `adapted` says what was changed so that it fits; `uncertain`: the platform may show the message twice.
    """

    recipient: str
    channel: str
    status: str
    status_ceiling: str | None = None
    attempts: int | None = None
    updated_at: datetime | None = None
    error: Any = None
    external_ids: tuple[str, ...] = ()
    adapted: tuple[str, ...] = ()
    uncertain: bool = False


class RoutePlace(Struct, frozen=True):
    """How far a route has come for one recipient: `state` is waiting, reached or last, `step` counts from 0.

    `due_at` is when the next step is begun, None where nothing waits for that.
    """

    recipient: str
    state: str
    step: int
    channel: str
    due_at: datetime | None = None


class Route(Struct, frozen=True):
    """Steps that are not begun have no delivery yet."""

    steps: tuple[Step, ...]
    recipients: tuple[RoutePlace, ...]


class MessageStatus(Struct, frozen=True):
    """Where a message is, and every step that brought it there."""

    message_id: str
    conversation_id: str
    sequence_number: int
    status: str
    status_history: tuple[StatusChange, ...]
    deliveries: tuple[Delivery, ...] = ()
    route: Route | None = None


class PlannedDelivery(Struct, frozen=True, kw_only=True):
    """One recipient on one channel, as it would be: `verdict` is goes, waits or fails; `reasons` say why.

    `after_s`: when its step of a route would be begun, None without a route.
    """

    recipient: str
    channel: str
    verdict: str
    reasons: tuple[dict[str, str], ...] = ()
    account: str | None = None
    pieces: int = 1
    adapted: tuple[str, ...] = ()
    status_ceiling: str | None = None
    step: int | None = None
    after_s: int | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """Where a message would go; nothing of it is stored or sent."""

    conversation_id: str
    to: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    route: tuple[Step, ...] = ()
    deliveries: tuple[PlannedDelivery, ...] = ()


class Draft(Struct, frozen=True, kw_only=True):
    """A message to be sent with others; its id is made with it, so that sending it twice stores it once."""

    conversation_id: str
    text: str | None = None
    payload: dict[str, Any] | None = None
    message_id: str = msgspec.field(default_factory=lambda: str(uuid_utils.uuid7()))
    to: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None
    route: tuple[Step, ...] | None = None
    reply_to: str | None = None
    metadata: dict[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in ("to", "channels", "route", "reply_to", "metadata")}
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
