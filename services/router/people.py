"""Contacts in MongoDB: the people on platforms, by the identities that verified updates have shown."""

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from libs.common.errors import Retry
from libs.common.identities import PLATFORM, Contact, Merged, Met, People, kind_of, name_of
from libs.common.mongo import Database, Document, answering
from libs.common.people import contact_of, read_people

RACES = 5
MAX_NAME = 256

log = logging.getLogger(__name__)


class Everybody:
    """Each change is one update of one document and may be made again. Every method raises `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._people = database["people"]
        self._conversations = database["conversations"]

    async def among(self, names: Collection[str]) -> People:
        return await read_people(self._database, names)

    async def meet(self, met: Iterable[Met]) -> None:
        """What these show of themselves is known when this returns. Mostly it was, and one look-up is all."""
        latest = {one.names[0]: one for one in sorted(met, key=lambda one: one.at)}
        people = await self.among({name for one in latest.values() for name in one.names})
        for one in latest.values():
            for _ in range(RACES):
                if not (changes := _changes(one, people)):
                    break
                for query, change in changes:
                    await self._change(query, change)
                people = await self.among(one.names)
            else:
                raise Retry(f"{one.names[0]} changes all the time")

    async def note_moved(self, channel: str, address: str, to: str, at: datetime) -> None:
        """Whoever had `address` has `to` from now on: so their platform says."""
        people = await self.among([name_of(channel, address), name_of(channel, to)])
        known = people.get(people.owner(name_of(channel, address)))
        await self.meet([Met(channel, to, (address,), known.display_name if known else "", at)])

    async def merge(self, other: str, merged: Merged) -> bool:
        """False, and nothing changed, where `other` is not there or is merged already."""
        mark = {"into": merged.into, "by": merged.by, "at": merged.at}
        with answering():
            query = {"_id": other, "merged": {"$exists": False}}
            return (await self._people.update_one(query, {"$set": {"merged": mark}})).modified_count == 1

    async def unmerge(self, other: str) -> bool:
        """False, and nothing changed, where no operator has merged it."""
        query = {"_id": other, "merged.by": {"$exists": True, "$ne": PLATFORM}}
        with answering():
            return (await self._people.update_one(query, {"$unset": {"merged": 1}})).modified_count == 1

    async def page(self, channel: str | None, limit: int, after: str | None) -> list[Contact]:
        """By name."""
        query = {"$gt": after or "", **({"$gte": f"{channel}:", "$lt": f"{channel};"} if channel else {})}
        with answering():
            return [contact_of(d) async for d in self._people.find({"_id": query}).sort("_id", 1).limit(limit)]

    async def conversations(self, names: Collection[str], limit: int) -> list[Document]:
        """Those of which one of these is a member, the latest first."""
        found = self._conversations.find({"members": {"$in": sorted(names)}}, {"members": 1, "type": 1, "title": 1})
        with answering():
            return await found.sort([("last_activity", -1), ("_id", -1)]).limit(limit).to_list()

    async def _change(self, query: Document, change: Document) -> None:
        """One that comes too late changes nothing: who looks again sees why."""
        with answering():
            try:
                await self._people.update_one(query, change, upsert="$setOnInsert" in change)
            except DuplicateKeyError:
                return


def _changes(met: Met, people: People) -> list[tuple[Document, Document]]:
    """What is to be written: (query, update) of one document each; nothing where all of it is known."""
    owners = {name: contact for name in met.names if (contact := people.get(people.owner(name)))}
    fresh = [_identity(met, name) for name in met.names if name not in owners]
    if not owners:
        shown = {"current": met.value, "display_name": met.display_name[:MAX_NAME]}
        return [({"_id": met.names[0]}, {"$setOnInsert": {"identities": fresh, "since": met.at, **shown}})]
    own = owners.get(met.names[0]) or next(iter(owners.values()))
    changes: list[tuple[Document, Document]] = []
    if fresh:
        absent = {"$nin": [identity["name"] for identity in fresh]}  # the index keeps nothing out of one document
        changes.append(({"_id": own.name, "identities.name": absent}, {"$push": {"identities": {"$each": fresh}}}))
    shown = {"current": met.value, "display_name": met.display_name[:MAX_NAME]}
    if (own.current, own.display_name) != (shown["current"], shown["display_name"]):
        changes.append(({"_id": own.name}, {"$set": shown}))
    return [*changes, *_marks(list(owners.values()), people, met.at)]


def _marks(owners: Sequence[Contact], people: People, at: datetime) -> list[tuple[Document, Document]]:
    """The platform says that these are one account: the later is merged into the earlier, where that can be."""
    first = min(owners, key=lambda contact: (contact.since, contact.name))
    marks = []
    for other in owners:
        if people.root(other.name) == people.root(first.name):
            continue
        one, into = (other, first) if other.merged is None else (first, other)
        if one.merged is not None:
            log.warning("%s and %s are one account, but operators say that they are two people", one.name, into.name)
            continue
        mark = {"into": into.name, "by": PLATFORM, "at": at}
        marks.append(({"_id": one.name, "merged": {"$exists": False}}, {"$set": {"merged": mark}}))
    return marks


def _identity(met: Met, name: str) -> Document:
    value = name.partition(":")[2]
    return {"name": name, "kind": kind_of(met.channel, value), "value": value, "since": met.at}
