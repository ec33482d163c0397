"""One simulated platform once it is wired, whichever it is: the parts that it brings, and how it begins anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from fastapi import APIRouter

from connectors.simulator.memory import Memory
from connectors.simulator.phones.phone import Phones


class World(Protocol):
    """Its `memory` is told whenever an account, a webhook or a person is another."""

    memory: Memory

    def clear(self, keep_accounts: bool = False) -> None:
        """Forgets everything; with `keep_accounts` everything but accounts and their webhooks."""


class Sender(Protocol):
    async def run(self) -> None:
        """Tells webhooks what waits, for ever."""


Routes = Callable[[Callable[[float], None]], Sequence[APIRouter]]


@dataclass(frozen=True)
class Keeping:
    """What of a platform outlives its process: how it is told, in which form (a type of msgspec's), and how
    the platform goes on with it.
    """

    tell: Callable[[], msgspec.Struct]
    form: Any
    go_on: Callable[[Any], None]


@dataclass(frozen=True)
class Platform:
    """`routers` are its public interface and ours for tests; they are given what closes the door of all platforms for
    so many seconds. `add_given` adds the accounts that are there from the start.
    """

    world: World
    routers: Routes
    phones: Phones
    sender: Sender
    add_given: Callable[[], None]
    keeping: Keeping

    def __post_init__(self) -> None:
        self.add_given()

    def remember(self, memory: Memory) -> None:
        """Goes on with what was known at the end, and keeps from now on what there is to know."""
        if known := memory.recall(self.phones.channel, self.keeping.form):
            self.keeping.go_on(known)
        memory.keep(self.phones.channel, self.keeping.tell)
        self.world.memory = memory

    def reset(self, keep_accounts: bool) -> None:
        self.world.clear(keep_accounts)
        if not keep_accounts:
            self.add_given()

    async def run(self) -> None:
        await self.sender.run()
