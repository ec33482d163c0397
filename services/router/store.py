"""The router's part of MongoDB: messages with their numbers, the log of receipts and its summary."""

from collections.abc import Iterable, Sequence
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


class Store:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def known(self, message_ids: Sequence[str]) -> dict[str, Known]:
        fields = {"sequence_number": 1, "fingerprint": 1, "source": 1}
        with answering():
            found = self.database["messages"].find({"_id": {"$in": message_ids}}, fields)
            return {d["_id"]: Known(d["sequence_number"], d["fingerprint"], d["source"]) async for d in found}

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
