"""The log of deliveries in MongoDB: one row per webhook and event, with its attempts; what is due is sent from here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError

from libs.common.errors import Reject
from libs.common.mongo import DUPLICATE_KEY, Database, Document, answering

CHUNK = 1_000  # rows of one insert: well below its deadline
KEPT_ATTEMPTS = 20  # the newest
COUNTED = 10_000  # rows of the backlog


class Deliveries:
    """Every method raises `Unavailable`. A row is pending as long as it has `due_at`; `version` tells who was first."""

    def __init__(self, database: Database) -> None:
        self._rows = database["webhook_deliveries"]
        self._messages = database["messages"]

    async def add(self, rows: Sequence[Document]) -> None:
        """What stands stays as it is: the same event may be told again."""
        for start in range(0, len(rows), CHUNK):
            try:
                with answering():
                    await self._rows.insert_many(rows[start : start + CHUNK], ordered=False)
            except BulkWriteError as error:
                if any(e["code"] != DUPLICATE_KEY for e in error.details["writeErrors"]):
                    raise Reject("refused_by_store") from error

    async def find(self, webhook_id: str, delivery: str) -> Document | None:
        with answering():
            return await self._rows.find_one({"_id": delivery, "webhook_id": webhook_id})

    async def pending(self, webhook_id: str, limit: int) -> list[Document]:
        """Those that are due first, whether their time has come or not."""
        query = {"webhook_id": webhook_id, "due_at": {"$exists": True}}
        with answering():
            return await self._rows.find(query).sort([("due_at", 1), ("at", 1)]).limit(limit).hint("due").to_list()

    async def record(self, row: Document, attempt: Document, status: str, due_at: datetime | None) -> None:
        """The attempt in any case; what follows from it unless somebody has decided otherwise meanwhile."""
        push = {"$push": {"attempts": {"$each": [attempt], "$slice": -KEPT_ATTEMPTS}}, "$inc": {"attempt_count": 1}}
        following: Document = {"$set": {"status": status, "tries": row["tries"] + 1}}
        if due_at is None:
            following["$unset"] = {"due_at": 1}
        else:
            following["$set"]["due_at"] = due_at
        ours = {"_id": row["_id"], "version": row["version"]}
        with answering():
            changed = await self._rows.update_one(
                ours, {**push, **following, "$inc": {"attempt_count": 1, "version": 1}}
            )
            if not changed.matched_count:
                await self._rows.update_one({"_id": row["_id"]}, push)

    async def again(self, webhook_id: str, deliveries: Sequence[str], at: datetime) -> int:
        """Due now, with all attempts before them. How many there were."""
        updates = [
            UpdateOne(
                {"_id": delivery, "webhook_id": webhook_id},
                {"$set": {"status": "pending", "due_at": at, "tries": 0}, "$inc": {"version": 1}},
            )
            for delivery in deliveries
        ]
        if not updates:
            return 0
        with answering():
            return (await self._rows.bulk_write(updates, ordered=False)).matched_count

    async def skip(self, webhook_id: str) -> int:
        """Nothing waits any more; the rows stay, and may be sent again. How many there were."""
        waiting = {"webhook_id": webhook_id, "due_at": {"$exists": True}}
        change = {"$set": {"status": "skipped"}, "$unset": {"due_at": 1}, "$inc": {"version": 1}}
        with answering():
            return (await self._rows.update_many(waiting, change, hint="due")).modified_count

    async def page(self, webhook_id: str, limit: int, before: tuple[datetime, str] | None) -> list[Document]:
        """Newest events first; `before` is the last one of the page before."""
        query: Document = {"webhook_id": webhook_id}
        if before is not None:
            at, delivery = before
            query["$or"] = [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": delivery}}]
            query["at"] = {"$lte": at}
        with answering():
            return await self._rows.find(query).sort([("at", -1), ("_id", -1)]).limit(limit).hint("log").to_list()

    async def between(
        self, webhook_id: str, since: datetime, until: datetime, after: Sequence[Any] | None, limit: int
    ) -> list[Document]:
        """(id, time, type) of events from `since` to before `until`, oldest first, behind `after`: (time, id)."""
        query: Document = {"webhook_id": webhook_id, "at": {"$gte": since, "$lt": until}}
        if after is not None:
            at, delivery = after
            query["at"]["$gte"] = at
            query["$or"] = [{"at": {"$gt": at}}, {"at": at, "_id": {"$gt": delivery}}]
        with answering():
            found = self._rows.find(query, {"at": 1, "type": 1}).sort([("at", 1), ("_id", 1)])
            return await found.limit(limit).hint("log").to_list()

    async def backlog(self) -> int:
        """Rows that wait, up to `COUNTED`."""
        with answering():
            query = {"due_at": {"$exists": True}}
            return await self._rows.count_documents(query, limit=COUNTED, hint="due")

    async def messages(self, message_ids: Sequence[str]) -> dict[str, Document]:
        with answering():
            return {d["_id"]: d async for d in self._messages.find({"_id": {"$in": [*message_ids]}})}

    async def messages_at(self, places: Sequence[tuple[str, int, int]]) -> dict[tuple[str, int], Document]:
        """(conversation, first number, last number) of each → (conversation, number) → message."""
        branches = [
            {"conversation_id": c, "sequence_number": {"$gte": first, "$lte": last}} for c, first, last in places
        ]
        fields = {"conversation_id": 1, "sequence_number": 1, "from": 1, "to": 1, "channels": 1}
        with answering():
            found = self._messages.find({"$or": branches}, fields)
            return {(d["conversation_id"], d["sequence_number"]): d async for d in found}


class Endpoints:
    """How each endpoint does: one document while it fails or asks for a pause. Every method raises `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self._endpoints = database["webhook_endpoints"]

    async def find(self, webhook_id: str) -> Mapping[str, Any]:
        """`failing_since`, `paused_until`: both may be missing."""
        with answering():
            return await self._endpoints.find_one({"_id": webhook_id}) or {}

    async def find_each(self, webhook_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        with answering():
            return {d["_id"]: d async for d in self._endpoints.find({"_id": {"$in": [*webhook_ids]}})}

    async def failed(self, webhook_id: str, at: datetime, paused_until: datetime | None) -> datetime:
        """Since when it fails."""
        change: Document = {"$min": {"failing_since": at}}
        if paused_until is not None:
            change["$max"] = {"paused_until": paused_until}
        with answering():
            changed = await self._endpoints.find_one_and_update(
                {"_id": webhook_id}, change, upsert=True, return_document=ReturnDocument.AFTER
            )
        since: datetime = changed["failing_since"] if changed else at
        return since

    async def is_well(self, webhook_id: str) -> None:
        with answering():
            await self._endpoints.delete_one({"_id": webhook_id})
