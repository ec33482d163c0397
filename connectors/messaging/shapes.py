"""What we read of one event of a webhook, ignoring the rest.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
"""

from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

Milliseconds = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
"""Since 1970, until the year 9999."""


class Entry(Struct, frozen=True):
    """`messaging` is missing where it tells of posts, comments or another app's conversations."""

    id: str
    messaging: list[Raw] = []


class Somebody(Struct, frozen=True):
    id: Annotated[str, Meta(pattern=r"^[0-9]{1,32}$")]


class Payload(Struct, frozen=True):
    """`coordinates` are those of a place."""

    url: str = ""
    title: str = ""
    coordinates: "Coordinates | None" = None


class Coordinates(Struct, frozen=True):
    lat: float
    long: float


class Attachment(Struct, frozen=True):
    type: str
    payload: Payload | None = None


class Named(Struct, frozen=True):
    """A message that another thing names; a reply to a story names none."""

    mid: str = ""


class QuickReply(Struct, frozen=True):
    payload: str


class Message(Struct, frozen=True):
    mid: Annotated[str, Meta(min_length=1)]
    text: str = ""
    attachments: list[Attachment] = []
    quick_reply: QuickReply | None = None
    reply_to: Named | None = None
    is_echo: bool = False
    is_deleted: bool = False
    is_unsupported: bool = False


class Postback(Struct, frozen=True):
    payload: str = ""
    title: str = ""
    mid: str = ""


class Delivery(Struct, frozen=True):
    watermark: Milliseconds
    mids: list[str] = []


class Read(Struct, frozen=True):
    """Messenger tells a time, Instagram a message."""

    watermark: Milliseconds | None = None
    mid: str = ""


class Reaction(Struct, frozen=True):
    mid: Annotated[str, Meta(min_length=1)]
    action: str
    emoji: str = ""
    reaction: str = ""


class Edit(Struct, frozen=True):
    mid: Annotated[str, Meta(min_length=1)]
    text: str
    num_edit: int | str = 0


class Event(Struct, frozen=True):
    """Of the fields below `timestamp` one is there; none where it is of another kind."""

    sender: Somebody
    recipient: Somebody
    timestamp: Milliseconds | None = None
    message: Message | None = None
    postback: Postback | None = None
    delivery: Delivery | None = None
    read: Read | None = None
    messaging_seen: Read | None = None
    reaction: Reaction | None = None
    message_edit: Edit | None = None


class Ends(Struct, frozen=True):
    """Who and whom: the least that must be known of an event to keep it in order."""

    sender: Somebody
    recipient: Somebody


class Answer(Struct, frozen=True):
    message_id: str
    recipient_id: str = ""


class Uploaded(Struct, frozen=True):
    attachment_id: str


class Me(Struct, frozen=True):
    id: str
    name: str = ""


class Success(Struct, frozen=True):
    success: Any = True
