"""What clients saw, as they saw it: every send and its answers, every connection and its frames, every status asked.

Times are nanoseconds of one monotonic clock; 0 means never. Messages, conversations and users go by their index.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Way = Literal["http", "batch", "socket"]
Leaving = Literal["open", "cut", "left", "closed"]
RANKS = {"ACCEPTED": 0, "SENT": 1, "FAILED": 2, "DELIVERED": 3, "READ": 4}
FINAL = ("FAILED", "DELIVERED", "READ")
NO_OFFSET = -1
SECOND = 1_000_000_000


@dataclass(slots=True)
class Sent:
    """One message as its sender knows it; `arrived` is when the first device had it.

    `order` names the requests whose messages keep the order in which they were written: one batch, one socket. It is
    only promised where the first attempt was accepted."""

    conversation: int
    sender: int
    way: Way
    order: int
    sent: int
    accepted: int = 0
    arrived: int = 0
    attempts: int = 1
    refused: int = 0


class Push(NamedTuple):
    """A `message` frame; `offset` is `NO_OFFSET` for null, `message` -1 for one that nobody here sent."""

    conversation: int
    number: int
    message: int
    offset: int
    at: int


class Told(NamedTuple):
    """A `receipt` frame."""

    conversation: int
    user: int
    rank: int
    number: int
    at: int


class Claim(NamedTuple):
    """A device said that it has (has read) everything up to a number."""

    user: int
    conversation: int
    rank: int
    number: int
    at: int


class Looked(NamedTuple):
    """A status that was asked for: between `began` and `ended` it was this."""

    message: int
    rank: int
    began: int
    ended: int


class Page(NamedTuple):
    """History that a device read after it was told `recovered: false`: everything above `since`."""

    conversation: int
    since: int
    numbers: tuple[int, ...]


class Rows:
    """Many small tuples of integers, eight bytes a number."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._numbers = array("q")

    def add(self, *row: int) -> None:
        self._numbers.extend(row)

    def __len__(self) -> int:
        return len(self._numbers) // self._width

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        numbers, width = self._numbers, self._width
        return (tuple(numbers[at : at + width]) for at in range(0, len(numbers), width))


@dataclass(slots=True)
class Connection:
    """One socket of a device, from the first byte to the last.

    `resumed` is the connection whose progress it brought, if any; `recovered` is what it was told."""

    user: int
    device: int
    opened: int
    resumed: "Connection | None" = None
    recovered: bool | None = None
    after: str = ""
    ready: int = 0
    caught_up: int = 0
    ended: int = 0
    code: int = 0
    leaving: Leaving = "open"
    pushes: Rows = field(default_factory=lambda: Rows(len(Push._fields)))
    receipts: Rows = field(default_factory=lambda: Rows(len(Told._fields)))
    pages: list[Page] = field(default_factory=list)


@dataclass(slots=True)
class Fault:
    """What was done to the platform, from the first harm until a message came through at normal speed again."""

    name: str
    began: int
    undone: int = 0
    normal: int = 0


@dataclass(slots=True)
class History:
    """Everything of one run."""

    run: int
    users: list[str] = field(default_factory=list)
    conversations: list[str] = field(default_factory=list)
    members: list[tuple[int, ...]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    looks: list[Looked] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    broker_away: list[tuple[int, int]] = field(default_factory=list)
    redis_lost: list[int] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)

    def message_id(self, index: int) -> str:
        """A UUID that says which run and which message it is."""
        return f"{self.run:08x}-0000-4000-8000-{index:012x}"

    def index_of(self, message_id: str) -> int:
        """-1 for a message of somebody else."""
        index = int(message_id[-12:], 16) if message_id.startswith(f"{self.run:08x}-0000-4000-8000-") else -1
        return index if index < len(self.sent) else -1

    def text(self, index: int) -> str:
        """Every message says something else."""
        return f"message {index} of {self.run:08x}"
