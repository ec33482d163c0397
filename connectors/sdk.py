"""The contract of a channel: what it must do, the values that go in and out, and its words for failure.

It holds no policy: connectors never retry, sleep or log. Whoever calls them decides what a failure means.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct


class Text(Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class Place(Struct, frozen=True, tag_field="type", tag="location", omit_defaults=True):
    latitude: float
    longitude: float
    name: str | None = None


class Attachment(Struct, frozen=True, tag_field="type", tag="file", omit_defaults=True):
    """A file on the platform; `ref` is what `Connector.open_file` takes. Sizes are bytes."""

    ref: str
    filename: str
    content_type: str
    size: int | None = None
    caption: str | None = None


class Unsupported(Struct, frozen=True, tag_field="type", tag="unsupported"):
    """Something that people can send and we cannot show; `what` is the platform's word for it, such as "poll"."""

    what: str


Content = Text | Place | Attachment | Unsupported


class Account(Struct, frozen=True):
    """Whom the credentials belong to, as the platform names them."""

    id: str
    title: str


class Outbound(Struct, frozen=True, omit_defaults=True):
    """One message that fits the channel's limits; `reply_to` is an external id."""

    message_id: str
    address: str
    content: Text | Place
    reply_to: str | None = None


class OutboundFile(Struct, frozen=True, omit_defaults=True):
    """A file of `size` bytes; the bytes come beside it."""

    message_id: str
    address: str
    filename: str
    content_type: str
    size: int
    caption: str | None = None
    reply_to: str | None = None


class Sent(Struct, frozen=True, omit_defaults=True):
    """The platform took it. External ids are unique within the account.

    `address`: the person or group has moved there, write to it from now on.
    """

    external_ids: tuple[str, ...]
    address: str | None = None


RefusalCode = Literal[
    "blocked",  # they want no messages from us
    "gone",  # their account exists no more
    "not_found",  # nobody has this address
    "removed",  # we were put out of the chat, or it was deleted
    "forbidden",  # we may not write there
    "no_first_contact",  # they have to write first
    "window_closed",  # their last message is too long ago
    "too_large",
    "bad_request",
    "unauthorized",  # our own credentials are no longer valid
]


class Unreachable(Exception):
    """The platform did not answer, or not with sense. Trying again may help.

    `uncertain`: it may have done what was asked all the same. `taken`: it, or something before it, took the request;
    False where there was nobody to take it, which is no fault of the message.
    """

    def __init__(self, detail: str, *, uncertain: bool = True, taken: bool = True) -> None:
        super().__init__(detail)
        self.detail = detail
        self.uncertain = uncertain
        self.taken = taken


class Throttled(Exception):
    """Nothing was done; the platform asks to wait so long, which beats every schedule of our own."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"asked to wait {after_s:g} s")
        self.after_s = after_s


class Refused(Exception):
    """Nothing was done, and the same again would not be either. `code` is stable, `detail` the platform's words."""

    def __init__(self, code: RefusalCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class WebhookRequest(Struct, frozen=True):
    """A request of the platform as it came; names of headers are in lower case."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


class Update(Struct, frozen=True):
    """One thing that happened. What has the same `address` stays in order; `provider_id` tells a repetition."""

    address: str
    provider_id: str
    body: bytes


class Forged(Exception):
    """A request that does not prove that it is the platform's. It leaves nothing behind."""


class Unreadable(Exception):
    """It is the platform's, and not of a form that we know."""


class Sender(Struct, frozen=True, omit_defaults=True):
    """Who did it: an address of this channel, and the name that they show.

    `also`: other addresses of the same account, as this update of the platform says.
    """

    value: str
    name: str
    also: tuple[str, ...] = ()


class Happened(Struct, frozen=True, tag_field="kind", tag=str.lower, kw_only=True, omit_defaults=True):
    """`at` is the platform's clock, None where it tells no time."""

    provider_id: str
    address: str
    at: datetime | None = None


class Arrived(Happened, frozen=True, kw_only=True, omit_defaults=True):
    """A message; `reply_to` is the external id of the one that it answers."""

    external_id: str
    sender: Sender
    content: Content
    reply_to: str | None = None


class Edited(Happened, frozen=True, kw_only=True, omit_defaults=True):
    """The message says this now."""

    external_id: str
    sender: Sender
    content: Content


class Reacted(Happened, frozen=True, kw_only=True, omit_defaults=True):
    """All reactions of this sender to the message from now on: none takes them away."""

    external_id: str
    sender: Sender
    reactions: tuple[str, ...]


class Pressed(Happened, frozen=True, kw_only=True, omit_defaults=True):
    """A button of a message of ours; `data` is what we gave it.

    `answer`: where the platform waits to hear that it was noticed, what `AnswersPresses.answer_press` takes.
    """

    external_id: str | None = None
    sender: Sender
    data: str
    answer: str | None = None


class Unsent(Happened, frozen=True, kw_only=True, omit_defaults=True):
    """Its sender took the message back: its content must go."""

    external_id: str


class Reported(Happened, frozen=True, kw_only=True, omit_defaults=True):
    """What became of messages of ours: those of `external_ids`, or all to the address sent until `up_to`."""

    status: Literal["SENT", "DELIVERED", "READ", "FAILED"]
    external_ids: tuple[str, ...] = ()
    up_to: datetime | None = None
    code: RefusalCode | None = None
    detail: str | None = None


class Reach(Happened, frozen=True, kw_only=True, omit_defaults=True):
    """Whether we can write to the address from now on; where not, `code` is how a call would be refused."""

    can_be_reached: bool
    code: RefusalCode = "blocked"


Inbound = Arrived | Edited | Reacted | Pressed | Unsent | Reported | Reach


class Connector(Protocol):
    """One account on one platform. Every call has a deadline and may be made by many tasks at once.

    What calls the platform raises `Unreachable`, `Throttled` or `Refused`, and nothing else of its own.
    """

    @property
    def name(self) -> str:
        """The channel's, as in the registry of capabilities."""

    async def connect(self, webhook_url: str) -> Account:
        """Validates the credentials and has updates sent there. Safe to repeat."""

    async def send_message(self, message: Outbound) -> Sent: ...

    async def send_file(self, file: OutboundFile, content: AsyncIterator[bytes]) -> Sent:
        """Passes the bytes on as they come and never holds the file; what `content` raises ends it."""

    def receive(self, request: WebhookRequest) -> list[Update]:
        """Verifies, in constant time and failing closed, and splits. Raises `Forged`, `Unreadable`."""

    def handle_webhook(self, body: bytes) -> list[Inbound]:
        """What the body of an update says; nothing where it is of no concern. Pure. Raises `Unreadable`."""

    async def open_file(self, ref: str) -> tuple[Attachment, AsyncIterator[bytes]]:
        """A file that arrived. Reading raises the same failures as a call."""

    async def disconnect(self) -> None:
        """Has no more updates sent: for an account that is given up, not for a process that ends."""


@runtime_checkable
class WithHandshake(Protocol):
    """A connector whose platform asks by GET, before it sends updates, whether the webhook is ours."""

    def handshake(self, request: WebhookRequest) -> str:
        """What it has to hear. Verifies, in constant time and failing closed. Raises `Forged`."""


@runtime_checkable
class AnswersPresses(Protocol):
    """A connector whose platform shows a pressed button as waiting until it is answered; others leave it out."""

    async def answer_press(self, answer: str) -> None:
        """Raises as every call does; `Refused` also where it is too late, or was answered already."""
