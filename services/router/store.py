"""The router's part of MongoDB: messages with their numbers, deliveries, the log of receipts and its summary."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from libs.common.clock import rfc3339
from libs.common.errors import Reject
from libs.common.marks import Marks, Member
from libs.common.mongo import DUPLICATE_KEY, Database, Document, answering
from libs.common.receipts import watermark_id
from services.router.domain import Advance, Known, Raced

CHUNK = 1_000  # documents of one insert: well below its deadline


class Store:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def known(self, message_ids: Sequence[str]) -> dict[str, Known]:
        fields = {"_id": 1, "sequence_number": 1, "fingerprint": 1, "source": 1, "channels": 1}
        with answering():
            found = self.database["messages"].find({"_id": {"$in": message_ids}}, fields)
            return {
                d["_id"]: Known(d["sequence_number"], d["fingerprint"], d["source"], d["channels"]) async for d in found
            }

    async def last_numbers(self, conversation_ids: Iterable[str]) -> dict[str, int]:
        """The last number of each conversation, 0 where it has no message."""
        numbers = dict.fromkeys(conversation_ids, 0)
        pipeline: list[Document] = [
            {"$match": {"conversation_id": {"$in": list(numbers)}}},
            {"$sort": {"conversation_id": -1, "sequence_number": -1}},  # the index backwards: one key each is read
            {"$group": {"_id": "$conversation_id", "last": {"$first": "$sequence_number"}}},
        ]
        with answering():
            async for row in await self.database["messages"].aggregate(pipeline):
                numbers[row["_id"]] = row["last"]
        return numbers

    async def insert_messages(self, documents: Sequence[Document]) -> None:
        """In order: what stands after a failure is a prefix. Raises `Raced`, `Unavailable`, or `Reject`."""
        await self._insert("messages", documents, ordered=True)

    async def insert_receipts(self, advances: Sequence[Advance]) -> None:
        """Raises `Raced`, `Unavailable`, or `Reject`."""
        await self._insert("receipts", [_receipt(a) for a in advances], ordered=False)

    async def _insert(self, collection: str, documents: Sequence[Document], ordered: bool) -> None:
        try:
            with answering():
                await self.database[collection].insert_many(documents, ordered=ordered)
        except BulkWriteError as error:
            errors: list[dict[str, Any]] = error.details["writeErrors"]
            if all(e["code"] == DUPLICATE_KEY for e in errors):
                raise Raced from error
            raise Reject("refused_by_store") from error

    async def opening(self, message_ids: Sequence[str]) -> list[Document]:
        """Those of them whose deliveries are not all known to stand."""
        with answering():
            return await self.database["messages"].find({"_id": {"$in": message_ids}, "opening": True}).to_list()

    async def opening_until(self, message_ids: Sequence[str]) -> list[Document]:
        """The same, each behind those of its conversation with lower numbers, which somebody has left over."""
        asked = await self.opening(message_ids)
        highest: dict[str, int] = {}
        for m in asked:
            highest[m["conversation_id"]] = max(m["sequence_number"], highest.get(m["conversation_id"], 0))
        query: Document = {"opening": True, "conversation_id": {"$in": list(highest)}}
        with answering():
            every = await self.database["messages"].find(query).hint("opening").to_list() if asked else []
        known = {m["_id"] for m in asked}
        left = [m for m in every if m["_id"] not in known and m["sequence_number"] < highest[m["conversation_id"]]]
        return sorted(left + asked, key=lambda m: (m["stored_at"], m["sequence_number"]))

    async def left_opening(self, before: datetime, limit: int, *, only_resolved: bool) -> list[str]:
        """The oldest of all messages whose deliveries nobody has finished opening."""
        query: Document = {"opening": True, "stored_at": {"$lt": before}}
        if only_resolved:
            query["targets"] = {"$exists": True}
        with answering():
            found = self.database["messages"].find(query, {"_id": 1}).sort("stored_at", 1).limit(limit)
            return [d["_id"] async for d in found]

    async def resolve(self, message_id: str, routing: Document) -> None:
        """Unless it is resolved: the first to say so decides."""
        unresolved = {"_id": message_id, "targets": {"$exists": False}}
        with answering():
            await self.database["messages"].update_one(unresolved, {"$set": routing})

    async def routed(self, message_id: str) -> Document | None:
        """One with a route."""
        with answering():
            return await self.database["messages"].find_one({"_id": message_id, "route": {"$exists": True}})

    async def begin_step(self, message_id: str, step: int, recipients: Iterable[str], at: datetime) -> None:
        """The first to say when it began decides."""
        updates = [
            UpdateOne(
                {"_id": message_id, "begun": {"$not": {"$elemMatch": {"recipient": who, "step": step}}}},
                {"$push": {"begun": {"recipient": who, "step": step, "at": at}}},
            )
            for who in recipients
        ]
        with answering():
            await self.database["messages"].bulk_write(updates, ordered=False)

    async def insert_deliveries(self, documents: Sequence[Document]) -> None:
        """What stands stays as it is."""
        for start in range(0, len(documents), CHUNK):
            with suppress(Raced):
                await self._insert("deliveries", documents[start : start + CHUNK], ordered=False)

    async def opened(self, message_ids: Sequence[str]) -> None:
        with answering():
            await self.database["messages"].update_many({"_id": {"$in": message_ids}}, {"$unset": {"opening": 1}})

    async def receipts_of(self, sources: Sequence[str]) -> list[Advance]:
        """The log's entries that these records made, if any."""
        if not sources:
            return []
        with answering():
            return [_advance(d) async for d in self.database["receipts"].find({"_id": {"$in": sources}})]

    async def write_watermarks(self, marks: Iterable[tuple[Member, Marks]]) -> None:
        """Only ever upward, so that it may be written again."""
        updates = [
            UpdateOne({"_id": watermark_id(member)}, {"$max": {"delivered": m.delivered, "read": m.read}}, upsert=True)
            for member, m in marks
        ]
        if updates:
            with answering():
                await self.database["watermarks"].bulk_write(updates, ordered=False)


def _receipt(a: Advance) -> Document:
    conversation_id, username = a.member
    return {
        "_id": a.source,
        "conversation_id": conversation_id,
        "username": username,
        "status": a.status,
        "from_number": a.from_number,
        "to_number": a.to_number,
        "at": datetime.fromisoformat(a.at),
    }


def _advance(d: Document) -> Advance:
    member = (d["conversation_id"], d["username"])
    return Advance(member, d["status"], d["from_number"], d["to_number"], rfc3339(d["at"]), d["_id"])
