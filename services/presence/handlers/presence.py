"""Keeps who is connected here online, and takes offline whose time is over.

A user is promised to be here until a deadline, which each heartbeat moves. Who leaves keeps a few seconds: coming back
at once is no change. When a node dies its promises run out; when Redis loses them, heartbeats make them anew.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING

from libs.common.errors import Unavailable
from services.presence.domain.presence import Changes

if TYPE_CHECKING:
    from services.presence.store.presences import Presences

HEARTBEATS = 3  # of one promise: two may fail
LEAVING_S = 3.0
STOPPING_S = 20.0  # until the clients of a node that restarts are back: 2,000 log in again within 10 s, after jitter
SWEEP_S = 1.0
RETRY_S = 1.0
BATCH = 200

log = logging.getLogger(__name__)


class Presenter:
    """One node's. `on_changes` hears who came online here, and whom this node took offline.

    `leaving_s` is how long one who leaves may take to come back without a change.
    """

    def __init__(self, store: "Presences", on_changes: Callable[[Changes], None], life_s: float) -> None:
        self._store = store
        self._on_changes = on_changes
        self._life_s = life_s
        self._here: Counter[str] = Counter()
        self._untold: dict[str, None] = {}
        self._changed = asyncio.Event()
        self.leaving_s = LEAVING_S

    @contextmanager
    def connected(self, username: str) -> Iterator[None]:
        """Around the life of one device; never waits."""
        self._here[username] += 1
        self._tell_soon([username])
        try:
            yield
        finally:
            self._here[username] -= 1
            if self._here[username] <= 0:
                del self._here[username]
                self._tell_soon([username])

    def _tell_soon(self, usernames: Iterable[str]) -> None:
        self._untold.update(dict.fromkeys(usernames))
        self._changed.set()

    async def run(self, sweep_every_s: float = SWEEP_S) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._renew())
            tasks.create_task(self._tell())
            tasks.create_task(self._sweep(sweep_every_s))

    async def stop(self) -> None:
        """After `run`: the node is gone. Whoever does not come back elsewhere is offline soon."""
        self._tell_soon(self._here)
        self._here.clear()
        with suppress(Unavailable):
            await self._tell_all()

    async def _renew(self) -> None:
        """The heartbeat: everybody is told again, which restores what Redis has lost as well."""
        while True:
            await asyncio.sleep(self._life_s / HEARTBEATS)
            self._tell_soon(self._here)

    async def _tell(self) -> None:
        """One writer, so that of a user's comings and goings the last one stands."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._tell_all()
            except Unavailable as error:
                log.warning("who is online is told later: %s", error)
                await asyncio.sleep(RETRY_S)
                self._changed.set()

    async def _tell_all(self) -> None:
        while names := list(islice(self._untold, BATCH)):
            for name in names:
                del self._untold[name]
            try:
                await self._tell_of(names)
            except BaseException:
                self._tell_soon(names)
                raise

    async def _tell_of(self, names: Sequence[str]) -> None:
        here = [name for name in names if name in self._here]
        gone = [name for name in names if name not in self._here]
        if here:
            self._on_changes(await self._store.promise(here, self._life_s))
        if gone:
            await self._store.release(gone, self.leaving_s)

    async def _sweep(self, every_s: float) -> None:
        """Takes offline whose last promise has run out, whatever node made it.

        Where Redis was away, all promises may have: first each node gets the time to renew its own.
        """
        sweeps_from = 0.0
        while True:
            try:
                if time.monotonic() < sweeps_from:
                    await self._store.check()
                else:
                    await self._sweep_all()
            except Unavailable as error:
                log.warning("nobody goes offline now: %s", error)
                sweeps_from = time.monotonic() + self._life_s / HEARTBEATS
            await asyncio.sleep(every_s)

    async def _sweep_all(self) -> None:
        while (gone := await self._store.sweep()).people:
            self._on_changes(gone)
