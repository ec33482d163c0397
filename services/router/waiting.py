"""Updates that wait outside of Kafka, so that they hold back no offset: each behind those of its address.

Edits that came before their message wait for that alone.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from pymongo import ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from libs.common.bus import Record
from libs.common.clock import now
from libs.common.mongo import DUPLICATE_KEY, Database, Document, answering
from services.router.standing import Backlog

LANES = "inbound_lanes"
"""The scheduler's: a document for each lane in which something waits."""
MOST_COUNTED = 10_000


class Waits(NamedTuple):
    """`waited_s`: since it was tried first; `tries` counts this one."""

    key: str
    record: Record
    tries: int
    waited_s: float


class Waiting:
    """Every method raises `Unavailable` when MongoDB does not answer."""

    def __init__(self, database: Database) -> None:
        self._updates = database["inbound_waiting"]
        self._lanes = database[LANES]
        self._early = database["early_edits"]

    async def in_use(self, lanes: Collection[str]) -> set[str]:
        """Of these those in which something may wait."""
        with answering():
            return {d["_id"] async for d in self._lanes.find({"_id": {"$in": [*lanes]}}, {"_id": 1})}

    async def keep(self, waiting: Iterable[tuple[str, Record]]) -> None:
        """Lane and record of each; one that is there keeps its place."""
        documents = [_document(lane, record) for lane, record in waiting]
        try:
            with answering():
                await self._updates.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            if any(e["code"] != DUPLICATE_KEY for e in error.details["writeErrors"]):
                raise

    async def backlog(self, channel: str, account: str) -> Backlog:
        """Of one account."""
        theirs = {"channel": channel, "account": account}
        with answering():
            oldest = await self._updates.find_one(theirs, {"kept_at": 1}, sort=[("kept_at", 1)])
            if oldest is None:
                return Backlog()
            count = await self._updates.count_documents(theirs, limit=MOST_COUNTED)
        return Backlog(count, (now() - oldest["kept_at"]).total_seconds())

    async def first(self, lane: str) -> Waits | None:
        """What is next there; that it is tried is noted."""
        at = now()
        noted = [
            {"$set": {"tries": {"$add": ["$tries", 1]}, "tried_first_at": {"$ifNull": ["$tried_first_at", at]}}},
        ]
        with answering():
            found = await self._updates.find_one_and_update(
                {"lane": lane}, noted, sort=[("place", 1)], return_document=ReturnDocument.AFTER
            )
        if found is None:
            return None
        return Waits(found["_id"], _record(found), found["tries"], (at - found["tried_first_at"]).total_seconds())

    async def remove(self, key: str) -> None:
        with answering():
            await self._updates.delete_one({"_id": key})

    async def keep_early(self, message_id: str, lane: str, record: Record, at: datetime) -> None:
        """The newest edit of a message that has not come so far; it is forgotten after a week."""
        kept = {**_document(lane, record), "at": at, "kept_at": now()}
        kept.pop("_id")
        try:
            with answering():
                await self._early.update_one(
                    {"_id": message_id, "at": {"$not": {"$gt": at}}}, {"$set": kept}, upsert=True
                )
        except DuplicateKeyError:  # it is of a newer one
            return

    async def early(self, message_ids: Collection[str]) -> list[Record]:
        """What was kept of these messages."""
        if not message_ids:
            return []
        with answering():
            return [_record(d) async for d in self._early.find({"_id": {"$in": [*message_ids]}})]

    async def forget_early(self, message_id: str) -> None:
        with answering():
            await self._early.delete_one({"_id": message_id})


def _document(lane: str, record: Record) -> Document:
    channel, account, _ = lane.split("/", 2)
    return {
        "_id": f"{record.topic}/{record.partition}/{record.offset}",
        "lane": lane,
        "channel": channel,
        "account": account,
        "kept_at": now(),
        "topic": record.topic,
        "partition": record.partition,
        "place": record.offset,
        "key": record.key,
        "value": record.value,
        "headers": dict(record.headers),
        "tries": 0,
    }


def _record(found: Document) -> Record:
    return Record(found["topic"], found["partition"], found["place"], found["key"], found["value"], found["headers"])
