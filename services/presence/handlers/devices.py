"""A connected device: how it is reached, and what it has."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import Counter

from libs.common.clock import new_id
from services.presence.domain.progress import Feed, Progress

HEALED = Counter("parley_feeds_healed", "Times a device had to catch up, by cause.", ["cause"])


class Unproven(Exception):
    """The device was told that everything since its offset follows, and that can no longer be kept."""


class TooMany(Exception):
    """The user has as many devices on this node as one may have."""


DROPPED = Counter("parley_hints_dropped", "Hints that were not published, by cause.", ["cause"])


class Outlet(Protocol):
    """The way to a device. `send` closes it when the device reads too slowly."""

    def send(self, frame: bytes) -> None: ...

    def hint(self, frame: bytes) -> None:
        """The same for what may get lost: it is dropped while the device reads slowly."""
        ...

    async def drained(self) -> None:
        """Returns when the device has read enough to be sent more."""
        ...


class Channels(Protocol):
    """Where new entries of feeds are announced."""

    async def subscribe(self, channel: str) -> None:
        """Returns when from now on nothing is missed."""
        ...

    def unsubscribe(self, channel: str) -> None: ...


@dataclass(eq=False, slots=True)
class Device:
    username: str
    outlet: Outlet
    connection_id: str = field(default_factory=new_id)
    progress: Progress = field(default_factory=Progress)
    epoch: str = ""
    announced: int = 0
    is_filled: bool = False
    is_live: bool = False
    is_recovering: bool = False  # told `recovered`, and not yet sent all of it
    owes_caught_up: bool = True
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)

    def start_over(self, feed: Feed) -> None:
        """Another feed: what the last one would have brought has to come from MongoDB."""
        self.epoch = feed.epoch
        self.progress.offset = feed.last
        self.announced = 0
        self.is_filled = False
        self.owes_caught_up = True

    def fall_behind(self, offset: int, cause: str) -> None:
        HEALED.labels(cause).inc()
        self.is_live = False
        self.announced = max(self.announced, offset)
        self.wake.set()
