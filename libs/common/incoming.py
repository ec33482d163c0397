"""How every consumer reads its records: as events of the one version that we know, each with where it stood."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic

import msgspec

from libs.common.bus import Record, Rejected
from libs.common.events import E, decode


@dataclass(frozen=True, slots=True)
class Incoming(Generic[E]):
    record: Record
    event: E


def read(kind: type[E], batch: Iterable[Record]) -> tuple[list[Incoming[E]], list[Rejected]]:
    """Events of the version that we know; the rest is rejected one by one."""
    events, rejected = [], []
    for record in batch:
        try:
            event = decode(kind, record.value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            rejected.append(Rejected(record, "malformed"))
            continue
        if event.version != 1:
            rejected.append(Rejected(record, "unsupported_version"))
        else:
            events.append(Incoming(record, event))
    return events, rejected
