"""What handlers see of the bus, whatever carries it: records in, events out, and how a failing batch is taken apart."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from libs.common.errors import Reject, Retry, Unavailable

log = logging.getLogger(__name__)

Publish = Callable[[str, str, bytes, Sequence[tuple[str, bytes]]], Awaitable[None]]
"""(topic, key, value, headers): returns when it is durable; raises `Unavailable`."""


class Outgoing(NamedTuple):
    topic: str
    key: str
    value: bytes
    headers: Sequence[tuple[str, bytes]]


PublishEach = Callable[[Sequence[Outgoing]], Awaitable[Sequence[Unavailable | None]]]
"""Many at once, in the order given: for each None where it is durable, else why nothing is promised."""


class Publisher(Protocol):
    """Both ways, for who needs both."""

    async def publish(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None: ...

    async def publish_each(self, records: Sequence[Outgoing]) -> Sequence[Unavailable | None]: ...


class Progress(Protocol):
    """How far those have got who handle what is published. Both raise `Unavailable`."""

    async def ends(self) -> Mapping[int, int]: ...

    async def has_passed(self, ends: Mapping[int, int]) -> bool: ...


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it came; `headers` are decoded by nobody but who needs them."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Mapping[str, bytes] = field(default_factory=dict)
    timestamp_ms: int = 0

    @property
    def source(self) -> str:
        """Where it stands, unique for ever: `<topic>/<partition>/<offset>`; a replayed record says where it stood."""
        origin = self.headers.get("dlq_origin")
        return origin.decode("utf-8", "replace") if origin else f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Rejected:
    """`is_clients_doing`: anybody can bring it about, as often as they like, so it says nothing about us."""

    record: Record
    reason: str
    is_clients_doing: bool = False


class Handler(Protocol):
    """A worker's use of a topic. Each call may see records that it has seen before."""

    async def handle(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        """Returns when every effect is durable, with the records that can never be done.

        Raises `Retry` to get the same batch again later; anything else makes the batch be halved.
        """
        ...

    async def checkpoint(self) -> None:
        """Makes durable what `handle` only holds together; the offsets are committed after it."""
        ...

    def forget(self) -> None:
        """Drops what is remembered of the stored state: other owners may have gone on from here.

        What waits for the checkpoint stays: it is true, and writing it late or twice does no harm.
        """
        ...


async def settle(handler: Handler, batch: Sequence[Record], attempts: int = 3) -> list[Rejected]:
    """Handles a batch; what fails is halved until the record that fails *alone* is found, tried and rejected.

    Order holds: halves go one after the other, and a record is only rejected where it stands. `Retry` passes through.
    """
    for attempt in range(attempts if len(batch) == 1 else 1):
        try:
            return list(await handler.handle(batch))
        except Retry:
            raise
        except Reject as refusal:
            handler.forget()
            if len(batch) == 1:
                return [Rejected(batch[0], refusal.reason)]
        except Exception:
            handler.forget()
            log.exception("a batch of %d failed (attempt %d)", len(batch), attempt + 1)
    if len(batch) == 1:
        return [Rejected(batch[0], "handler_failed")]
    middle = len(batch) // 2
    first = await settle(handler, batch[:middle], attempts)
    return first + await settle(handler, batch[middle:], attempts)
