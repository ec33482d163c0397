"""What the router decides about a batch: what is new, what it has seen, which number comes next, who has read what."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from libs.common.bus import Rejected
from libs.common.events import MessageEvent, ReceiptEvent, ReceiptStatus
from libs.common.incoming import Incoming
from libs.common.marks import Marks, Member

M = TypeVar("M", MessageEvent, ReceiptEvent)
"""Those that are of a conversation."""


class Raced(Exception):
    """Another writer stored some of this first: nothing is known until it is read again."""


@dataclass(frozen=True, slots=True)
class Known:
    """What tells a stored message from another with the same id."""

    sequence_number: int
    fingerprint: str
    source: str
    channels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Numbered:
    """`routing` is what the stored document says of its channels, where they are not as they were asked for."""

    incoming: Incoming[MessageEvent]
    sequence_number: int
    routing: Mapping[str, Any] = field(default_factory=dict)

    @property
    def channels(self) -> Sequence[str]:
        channels: Sequence[str] = self.routing.get("channels", self.incoming.event.channels)
        return channels


@dataclass(slots=True)
class Sorted:
    """A batch of messages: `fresh` are to be stored, `again` were stored by a run that may have died right after."""

    fresh: list[Incoming[MessageEvent]] = field(default_factory=list)
    again: list[Numbered] = field(default_factory=list)
    conflicts: list[Incoming[MessageEvent]] = field(default_factory=list)


def of_members(
    incoming: Iterable[Incoming[M]], members: Mapping[str, Sequence[str]], author: Callable[[M], str]
) -> tuple[list[Incoming[M]], list[Rejected]]:
    """Acceptance has checked membership; this keeps out what came past it."""
    ours, rejected = [], []
    for one in incoming:
        of_conversation = members.get(one.event.conversation_id)
        if of_conversation is None:
            rejected.append(Rejected(one.record, "unknown_conversation"))
        elif author(one.event) not in of_conversation:
            rejected.append(Rejected(one.record, "not_a_member"))
        else:
            ours.append(one)
    return ours, rejected


def sort_out(batch: Iterable[Incoming[MessageEvent]], known: Mapping[str, Known]) -> Sorted:
    """The same id and content at the same place is a redelivery, elsewhere a client's retry, which is dropped."""
    result = Sorted()
    seen = dict(known)
    for one in batch:
        event, source = one.event, one.record.source
        stored = seen.get(event.message_id)
        if stored is None:
            result.fresh.append(one)
            seen[event.message_id] = Known(0, event.fingerprint, "")
        elif stored.fingerprint != event.fingerprint:
            result.conflicts.append(one)
        elif stored.source == source:
            result.again.append(Numbered(one, stored.sequence_number, {"channels": stored.channels}))
    return result


def give_numbers(fresh: Iterable[Incoming[MessageEvent]], last: Mapping[str, int]) -> list[Numbered]:
    """1 … n in each conversation, in the order given; `last` holds the last number of each."""
    numbers = dict(last)
    numbered = []
    for one in fresh:
        conversation_id = one.event.conversation_id
        numbers[conversation_id] = number = numbers.get(conversation_id, 0) + 1
        numbered.append(Numbered(one, number))
    return numbered


@dataclass(frozen=True, slots=True)
class Advance:
    """A member's watermark moves; `source` is the record that said so. One entry of the log of receipts."""

    member: Member
    status: ReceiptStatus
    from_number: int
    to_number: int
    at: str
    source: str


def advance(
    batch: Iterable[Incoming[ReceiptEvent]], marks: Mapping[Member, Marks], last: Mapping[str, int]
) -> tuple[list[Advance], list[str]]:
    """One advance per member and status, clamped to the last number; and the sources that moved nothing."""
    start = dict(marks)
    moved: dict[tuple[Member, ReceiptStatus], Advance] = {}
    idle = []
    for one in batch:
        event = one.event
        member = (event.conversation_id, event.username)
        number = min(event.sequence_number, last.get(event.conversation_id, 0))
        before = mark_of(start[member], event.status)
        so_far = moved.get((member, event.status))
        if number <= before:
            idle.append(one.record.source)
        elif so_far is None or number > so_far.to_number:
            moved[member, event.status] = Advance(member, event.status, before + 1, number, event.at, one.record.source)
    return list(moved.values()), idle


def mark_of(marks: Marks, status: ReceiptStatus) -> int:
    return marks.delivered if status == "DELIVERED" else marks.read
