"""Work that is due at a time: documents with `due_at`, each done by whoever claims it first, under a lease.

A claim moves `due_at` to the end of its lease. So one index finds what is due and what somebody left undone.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NoReturn

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from libs.common.clock import new_id, now
from libs.common.errors import Unavailable
from libs.common.leases import LeaseLostError, while_held
from libs.common.mongo import Database, Document, answering

POLL_S = 5.0  # for what other processes have scheduled
PATIENCE_S = 0.5
LEASE = timedelta(seconds=30)

log = logging.getLogger(__name__)

Work = Callable[[Document], Coroutine[Any, Any, datetime | None]]
"""Returns when there is more to do, None for never. May be run again after a crash."""


class Scheduler:
    """Over one collection; what stands there beside `due_at`, `lease` and `version` is its user's.

    `clock` tells the time, aware UTC.
    """

    def __init__(
        self,
        database: Database,
        collection: str,
        lease: timedelta = LEASE,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._due = database[collection]
        self._lease = lease
        self._clock = clock
        self._soon = asyncio.Event()

    async def schedule(self, key: str, due_at: datetime, fields: Mapping[str, Any] | None = None) -> None:
        """Unless it is scheduled: then its time stays, and whoever is at it looks once more before it ends."""
        first = {"due_at": due_at, **(fields or {})}
        with answering():
            await self._due.update_one({"_id": key}, {"$inc": {"version": 1}, "$setOnInsert": first}, upsert=True)
        self._soon.set()

    async def hasten(self, key: str) -> None:
        """Due at once, whether it is scheduled or not; whoever is at it loses it to whoever begins anew."""
        with answering():
            await self._due.update_one(
                {"_id": key}, {"$inc": {"version": 1}, "$set": {"due_at": self._clock()}}, upsert=True
            )
        self._soon.set()

    async def begin(self, key: str, due_at: datetime, fields: Mapping[str, Any]) -> bool:
        """False, and nothing changed, where it is scheduled already."""
        try:
            with answering():
                await self._due.insert_one({"_id": key, "version": 1, "due_at": due_at, **fields})
        except DuplicateKeyError:
            return False
        self._soon.set()
        return True

    async def hurry(self, keys: Iterable[str], due_at: datetime) -> None:
        """Many at once, each due then at the latest; whoever is at one looks once more before it waits."""
        earlier = {"$cond": [{"$gt": ["$lease", None]}, "$due_at", {"$min": ["$due_at", due_at]}]}
        version = {"$add": [{"$ifNull": ["$version", 0]}, 1]}
        change = [{"$set": {"version": version, "hurried": version, "due_at": earlier}}]
        updates = [UpdateOne({"_id": key}, change, upsert=True) for key in keys]
        if updates:
            with answering():
                await self._due.bulk_write(updates, ordered=False)
            self._soon.set()

    async def claim(self) -> Document | None:
        """What has been due for the longest time, for this caller alone until its lease ends."""
        at = self._clock()
        mine = {"$set": {"due_at": at + self._lease, "lease": new_id()}}
        with answering():
            return await self._due.find_one_and_update(
                {"due_at": {"$lte": at}}, mine, sort=[("due_at", 1)], return_document=ReturnDocument.AFTER
            )

    async def extend(self, claimed: Document) -> bool:
        """False: the lease ended, somebody else may be at it."""
        with answering():
            extended = await self._due.update_one(_held(claimed), {"$set": {"due_at": self._clock() + self._lease}})
        return extended.matched_count == 1

    async def settle(self, claimed: Document, due_at: datetime | None) -> None:
        """Due again then, None removes it; due at once where it was hurried (for None: scheduled) meanwhile."""
        as_claimed = {"hurried": claimed.get("hurried")} if due_at else {"version": claimed["version"]}
        unchanged = {**_held(claimed), **as_claimed}
        with answering():
            if due_at is None:
                settled = (await self._due.delete_one(unchanged)).deleted_count
            else:
                settled = (await self._due.update_one(unchanged, _due(due_at))).matched_count
            if not settled:
                await self._due.update_one(_held(claimed), _due(self._clock()))
        if due_at is not None or not settled:
            self._soon.set()

    async def run(self, work: Work, at_once: int) -> NoReturn:
        """Does what is due, so many at a time; what fails is done again when its lease ends."""
        room = asyncio.Semaphore(at_once)
        async with asyncio.TaskGroup() as tasks:
            while True:
                await room.acquire()
                claimed = await self._next()
                tasks.create_task(self._do(work, claimed)).add_done_callback(lambda _: room.release())

    async def _next(self) -> Document:
        while True:
            try:
                if claimed := await self.claim():
                    return claimed
                await self._idle()
            except Unavailable as reason:
                log.warning("what is due waits: %s", reason)
                await asyncio.sleep(PATIENCE_S)

    async def _do(self, work: Work, claimed: Document) -> None:
        """While the lease is held, and not a moment longer: who cannot extend it does not know whose it is."""
        try:
            due_at = await while_held(work(claimed), lambda: self.extend(claimed), self._lease.total_seconds())
            await self.settle(claimed, due_at)
        except LeaseLostError:
            log.warning("%s is another's by now", claimed["_id"])
        except Unavailable as reason:
            log.warning("%s is done again: %s", claimed["_id"], reason)
        except Exception:
            log.exception("what was due failed: %s", claimed["_id"])

    async def _idle(self) -> None:
        """Until the next is due, as far as anybody knows now."""
        self._soon.clear()
        with answering():
            following = await self._due.find_one({}, {"due_at": 1}, sort=[("due_at", 1)])
        wait_s = (following["due_at"] - self._clock()).total_seconds() if following else POLL_S
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(wait_s, 0.01), POLL_S)):
                await self._soon.wait()


def _held(claimed: Document) -> Document:
    return {"_id": claimed["_id"], "lease": claimed["lease"]}


def _due(at: datetime) -> Document:
    return {"$set": {"due_at": at}, "$unset": {"lease": 1}}
