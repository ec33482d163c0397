"""What a conversation must be, where a page of a list goes on, and what the receipts of a message amount to."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from libs.common.clock import rfc3339
from libs.common.errors import invalid
from libs.common.events import ReceiptStatus

MAX_TITLE = 128
MAX_MEMBERS = 256
UNREAD_WINDOW = 10_000  # messages, about 12 ms to pass over
USERNAME = re.compile(r"[a-z][a-z0-9._-]{2,63}")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Status = Literal["ACCEPTED", "SENT", "DELIVERED", "READ"]


class ConversationRequest(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    members: list[str]
    title: str | None = None


def choose_members(caller: str, asked: ConversationRequest) -> list[str]:
    """Everybody in it, sorted, each once, the caller too. Raises `Problem` 422."""
    members = sorted({caller, *asked.members})
    match asked.type:
        case "private" if len(members) != 2:
            raise invalid("/members", "must name exactly one member other than yourself")
        case "group" if not 2 <= len(members) <= MAX_MEMBERS:
            raise invalid("/members", f"must name 1 to {MAX_MEMBERS - 1} members other than yourself")
        case "private" | "group":
            return members
    raise invalid("/type", "must be private or group")


def check_title(title: str | None) -> None:
    if title is not None and (not 1 <= len(title) <= MAX_TITLE or "\0" in title):
        raise invalid("/title", f"must be 1 to {MAX_TITLE} characters long, without NUL")


def pair_key(members: Sequence[str]) -> str:
    """The same for the same two people, whoever asks: they have one private conversation."""
    return " ".join(sorted(members))


def count_from(read_mark: int, last_number: int) -> int:
    """Above which number unread messages are counted: the read mark, but of a long history only its newest part.

    The caller's own messages are passed over one by one, so that without a bound a busy sender who never reads would
    pay for all that they ever wrote.
    """
    return max(read_mark, last_number - UNREAD_WINDOW)


class Position(NamedTuple):
    """A place in a list ordered by activity: after this conversation, as it stood then."""

    last_activity: datetime
    conversation_id: str


def to_cursor(position: Position) -> str:
    milliseconds = (position.last_activity - _EPOCH) // timedelta(milliseconds=1)
    return base64.urlsafe_b64encode(f"{milliseconds} {position.conversation_id}".encode()).rstrip(b"=").decode()


def from_cursor(cursor: str) -> Position:
    """Raises `Problem` 422 for what `to_cursor` never made."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        milliseconds, conversation_id = text.split(" ")
        return Position(_EPOCH + timedelta(milliseconds=int(milliseconds)), conversation_id)
    except (ValueError, OverflowError) as error:
        raise invalid("/query/cursor", "must be a next_cursor as it was given") from error


@dataclass(frozen=True, slots=True)
class StoredMessage:
    message_id: str
    conversation_id: str
    sequence_number: int
    to: Sequence[str]
    created_at: datetime
    stored_at: datetime

    @property
    def sent_at(self) -> datetime:
        """Clocks of several machines never let a message be stored before it was accepted."""
        return max(self.created_at, self.stored_at)


class HistoryEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """With a recipient: that delivery's step; without: the message's own."""

    status: Status
    at: str
    recipient: str | None = None
    channel: str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """Internal deliveries are attempted once: by storing the message where the recipient's devices find it."""

    recipient: str
    channel: str = "internal"
    status: Status
    status_ceiling: Status = "READ"
    attempts: int = 1
    updated_at: str


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    message_id: str
    conversation_id: str
    sequence_number: int
    status: Status
    status_history: list[HistoryEntry]
    deliveries: list[Delivery]


ReceiptTimes = Mapping[tuple[str, ReceiptStatus], datetime]
"""(recipient, status) → when; missing where it has not come."""


class _Steps(NamedTuple):
    """What one recipient has reached, and when; in the order of the statuses and of time."""

    recipient: str
    reached: list[tuple[Status, datetime]]


def report_status(message: StoredMessage, times: ReceiptTimes) -> StatusReport:
    """The whole status of a message of internal deliveries, derived from its recipients' receipts."""
    steps = [_steps_of(recipient, message, times) for recipient in message.to]
    own = list(_message_steps(steps))
    return StatusReport(
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        sequence_number=message.sequence_number,
        status=own[-1][0] if own else "SENT",
        status_history=_history(message, steps, own),
        deliveries=[
            Delivery(recipient=recipient, status=reached[-1][0], updated_at=rfc3339(reached[-1][1]))
            for recipient, reached in steps
        ],
    )


def _steps_of(recipient: str, message: StoredMessage, times: ReceiptTimes) -> _Steps:
    """Reading implies having; and nothing is had before it is sent, whatever the clocks of several machines say."""
    read = times.get((recipient, "READ"))
    delivered = min((at for at in (times.get((recipient, "DELIVERED")), read) if at), default=None)
    reached: list[tuple[Status, datetime]] = [("SENT", message.sent_at)]
    if delivered:
        reached.append(("DELIVERED", max(delivered, message.sent_at)))
    if read:
        reached.append(("READ", max(read, message.sent_at)))
    return _Steps(recipient, reached)


def _message_steps(steps: Sequence[_Steps]) -> Iterator[tuple[Status, datetime]]:
    """The message has reached what each recipient has, at the time of the last of them."""
    statuses: tuple[Status, ...] = ("DELIVERED", "READ")
    for status in statuses:
        times = [dict(reached).get(status) for _, reached in steps]
        reached_at = [at for at in times if at is not None]
        if reached_at and len(reached_at) == len(steps):
            yield status, max(reached_at)


def _history(
    message: StoredMessage, steps: Sequence[_Steps], own: Sequence[tuple[Status, datetime]]
) -> list[HistoryEntry]:
    """In the order of time. With one recipient their steps *are* the message's, and are not said twice."""
    entries: list[tuple[datetime, Status, str | None]] = [
        (at, status, recipient) for recipient, reached in steps for status, at in reached[1:]
    ]
    if len(steps) > 1:
        entries += [(at, status, None) for status, at in own]
    order: tuple[Status, ...] = ("ACCEPTED", "SENT", "DELIVERED", "READ")
    entries.sort(key=lambda e: (e[0], order.index(e[1]), e[2] is None))
    return [
        HistoryEntry("ACCEPTED", rfc3339(message.created_at)),
        HistoryEntry("SENT", rfc3339(message.sent_at)),
        *(HistoryEntry(s, rfc3339(at), who, "internal" if who else None) for at, s, who in entries),
    ]
