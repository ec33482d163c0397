"""What there is to tell: facts of the bus become one event per message, recipient, channel and status."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.capabilities import INTERNAL
from libs.common.events import ALL_CHANNELS, FileEvent, StatusEvent
from libs.common.route import NOT_NEEDED
from services.webhooks.outgoing.domain.webhooks import FILE_COMPLETED, OF_STATUS, RECEIVED, SENT

SPAN = 500
"""Messages of one range that are looked up together."""
TOGETHER = 1_000
"""Messages of all ranges that are looked up together."""
HIGHEST = 2**63 - 1  # that MongoDB holds

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """`key` is the same whenever it is told again; `owner` is whose event it is."""

    key: str
    kind: str
    owner: str
    at: datetime
    data: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of what a fact says of a range of numbers."""

    fact: StatusEvent
    first: int
    last: int


def is_stored(fact: StatusEvent) -> bool:
    """It says that a message was stored."""
    return fact.message_id is not None and fact.recipient is None


def is_range(fact: StatusEvent) -> bool:
    """It says that a member's watermark moved."""
    return fact.username is not None


def is_possible(fact: StatusEvent) -> bool:
    """Whether what says something of a range says it of numbers that messages can have."""
    return not is_range(fact) or (fact.from_number >= 1 and fact.to_number <= HIGHEST)


def is_long(fact: StatusEvent) -> bool:
    """About so many messages that it is worth asking whether they are there."""
    return is_range(fact) and fact.to_number - fact.from_number >= TOGETHER


def of_stored(fact: StatusEvent, message: Document) -> Iterator[Occurrence]:
    at = datetime.fromisoformat(fact.at)
    for recipient in message["to"]:
        if is_internal(message):
            yield _status(SENT, "SENT", message, recipient, INTERNAL, at)
        if ":" not in recipient:  # a contact is nobody here
            data = _about(message) | {"status": "SENT", "recipient": recipient}
            yield Occurrence(f"{message['_id']}/received/{recipient}", RECEIVED, recipient, at, data)


def of_delivery(fact: StatusEvent) -> Iterator[Occurrence]:
    """Of an external channel; that it waits is no event, nor that a step of a route was not needed any more."""
    if fact.status not in OF_STATUS or fact.recipient is None or fact.channel is None or fact.sender is None:
        return
    if fact.error is not None and fact.error.code == NOT_NEEDED.code:
        return
    message = {
        "_id": fact.message_id,
        "conversation_id": fact.conversation_id,
        "sequence_number": fact.from_number,
        "from": fact.sender,
    }
    at = datetime.fromisoformat(fact.at)
    error = {"error": {"code": fact.error.code, "detail": fact.error.detail}} if fact.error else {}
    yield _status(OF_STATUS[fact.status], fact.status, message, fact.recipient, fact.channel, at, **error)


def of_span(span: Span, messages: Mapping[tuple[str, int], Document]) -> Iterator[Occurrence]:
    """Only messages that address the member count as theirs."""
    fact, at = span.fact, datetime.fromisoformat(span.fact.at)
    if fact.username is None:
        return
    for number in range(span.first, span.last + 1):
        message = messages.get((fact.conversation_id, number))
        if message is not None and fact.username in message["to"] and is_internal(message):
            yield _status(OF_STATUS[fact.status], fact.status, message, fact.username, INTERNAL, at)


def of_file(event: FileEvent) -> Iterator[Occurrence]:
    if event.status != "completed":
        return
    fields = ("file_id", "owner", "status", "filename", "size", "content_type", "sha256", "conversation_id")
    data = {name: value for name in fields if (value := getattr(event, name)) is not None}
    key, at = f"{event.file_id}/completed", datetime.fromisoformat(event.at)
    yield Occurrence(key, FILE_COMPLETED, event.owner, at, data)


def spans_of(facts: Iterable[StatusEvent]) -> list[list[Span]]:
    """All ranges in pieces, in order, put together so that none of the lists is about more than `TOGETHER`."""
    lists: list[list[Span]] = []
    size = TOGETHER
    for span in (piece for fact in facts for piece in _pieces(fact)):
        length = span.last - span.first + 1
        if size + length > TOGETHER:
            lists.append([])
            size = 0
        lists[-1].append(span)
        size += length
    return lists


def is_internal(message: Document) -> bool:
    return bool({INTERNAL, ALL_CHANNELS} & {*message["channels"]})


def _pieces(fact: StatusEvent) -> Iterator[Span]:
    for first in range(fact.from_number, fact.to_number + 1, SPAN):
        yield Span(fact, first, min(first + SPAN - 1, fact.to_number))


def _status(
    kind: str, status: str, message: Document, recipient: str, channel: str, at: datetime, **more: Any
) -> Occurrence:
    data = _about(message) | {"status": status, "recipient": recipient, "channel": channel, **more}
    return Occurrence(f"{message['_id']}/{recipient}/{channel}/{status}", kind, message["from"], at, data)


def _about(message: Document) -> dict[str, Any]:
    return {
        "message_id": message["_id"],
        "conversation_id": message["conversation_id"],
        "sequence_number": message["sequence_number"],
        "from": message["from"],
    }
