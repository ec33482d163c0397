"""The operators' part of MongoDB: letters of the DLQs and what became of each, and the log of what operators did."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Literal

from pymongo.errors import DuplicateKeyError

from libs.common.clock import new_id, now
from libs.common.mongo import Database, Document, answering

State = Literal["open", "replaying", "replayed", "dropped"]
LEFT_AFTER = timedelta(seconds=30)
"""Publishing takes 5 s at most: whoever has been replaying for so long died."""
WITHOUT_RECORD = {"value": 0, "headers": 0, "replayed_value": 0}
MOST_COUNTED = 100_000


class Letters:
    """Every method raises `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self._letters = database["letters"]
        self._deliveries = database["deliveries"]

    async def keep(self, letter: Document) -> None:
        """Once: what stands stays, with what became of it."""
        with suppress(DuplicateKeyError), answering():
            await self._letters.insert_one(letter)

    async def find(self, letter_id: str) -> Document | None:
        with answering():
            return await self._letters.find_one({"_id": letter_id})

    async def page(
        self, states: Sequence[State], filters: Mapping[str, str], limit: int, before: tuple[datetime, str] | None
    ) -> list[Document]:
        """The newest first, without the records themselves. `filters` are `topic`, `reason` and `message_id`."""
        names = {"message_id": "about.message_id"}
        query: Document = {"state": {"$in": [*states]}, **{names.get(k, k): v for k, v in filters.items()}}
        if before is not None:
            at, letter_id = before
            query["$or"] = [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": letter_id}}]
        with answering():
            found = self._letters.find(query, WITHOUT_RECORD).sort([("at", -1), ("_id", -1)]).limit(limit)
            return await found.to_list()

    async def counts(self) -> list[Document]:
        """How many are open, of each topic and reason: `{topic, reason, count}`, the most first."""
        pipeline: list[Document] = [
            {"$match": {"state": {"$in": ["open", "replaying"]}}},
            {"$limit": MOST_COUNTED},
            {"$group": {"_id": {"topic": "$topic", "reason": "$reason"}, "count": {"$sum": 1}}},
            {"$sort": {"count": -1, "_id": 1}},
            {"$limit": 1000},
        ]
        with answering():
            return [{**d["_id"], "count": d["count"]} async for d in await self._letters.aggregate(pipeline)]

    async def begin_replay(self, letter_id: str, by: str, value: bytes | None) -> bool:
        """The intent; `value` is what is sent in its place. False: it was replayed, or somebody is at it."""
        fields = {"state": "replaying", "settled_by": by, "settled_at": now(), "replayed_value": value}
        return await self._change({"_id": letter_id, "$or": _free("open", "dropped")}, {"$set": fields})

    async def end_replay(self, letter_id: str, *, is_published: bool) -> None:
        """Not published: it is open again, and may have been published all the same."""
        state = "replayed" if is_published else "open"
        await self._change({"_id": letter_id, "state": "replaying"}, {"$set": {"state": state, "settled_at": now()}})

    async def drop(self, letter_id: str, by: str) -> bool:
        changes = {"$set": {"state": "dropped", "settled_by": by, "settled_at": now()}}
        return await self._change({"_id": letter_id, "$or": _free("open")}, changes)

    async def delivery(self, delivery_id: str) -> Document | None:
        with answering():
            return await self._deliveries.find_one({"_id": delivery_id})

    async def _change(self, query: Document, changes: Document) -> bool:
        with answering():
            return (await self._letters.update_one(query, changes)).matched_count == 1


def _free(*states: State) -> list[Document]:
    """Nobody is at it any more."""
    return [{"state": {"$in": [*states]}}, {"state": "replaying", "settled_at": {"$lt": now() - LEFT_AFTER}}]


class AuditLog:
    """What operators did, written before it is done. Every method raises `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self._audit = database["audit"]

    async def begin(self, who: str, action: str, on: str, details: Mapping[str, Any]) -> str:
        """Its id."""
        entry = {"_id": new_id(), "at": now(), "who": who, "action": action, "on": on, "outcome": "begun"}
        with answering():
            await self._audit.insert_one({**entry, "details": dict(details)})
        return entry["_id"]  # type: ignore[return-value]

    async def end(self, entry_id: str, outcome: str) -> None:
        with answering():
            await self._audit.update_one({"_id": entry_id}, {"$set": {"outcome": outcome, "ended_at": now()}})

    async def page(self, limit: int, before: str | None) -> list[Document]:
        """The newest first: their ids sort by time."""
        query = {"_id": {"$lt": before}} if before else {}
        with answering():
            return await self._audit.find(query).sort("_id", -1).limit(limit).to_list()
