"""What is changed on a stored message by those who got or wrote it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from libs.common.mongo import Database, Document, answering

MOST_PRESSED = 50  # the newest ones stay
SHOWN = {"conversation_id": 1, "sequence_number": 1}


class Changes:
    """Every one may be made twice: the same again leaves the same. Raises `Unavailable`.

    Each answers with the message's conversation and number, or None: it is not stored, or knows something newer.
    """

    def __init__(self, database: Database) -> None:
        self._messages = database["messages"]

    async def stored(self, message_id: str) -> Document | None:
        """What it says now; None where it is not stored."""
        with answering():
            found = await self._messages.find_one({"_id": message_id}, {"payload": 1})
        return found["payload"] if found else None

    async def edit(self, message_id: str, payload: Document, at: datetime) -> Document | None:
        """What was taken back stays so."""
        newest = {"_id": message_id, "edited_at": {"$not": {"$gt": at}}, "unsent_at": {"$exists": False}}
        return await self._change(newest, {"$set": {"payload": payload, "edited_at": at}})

    async def unsend(self, message_id: str, payload: Document, at: datetime) -> Document | None:
        """Its content goes for good; `payload` stands in its place."""
        change = {"$set": {"payload": payload}, "$min": {"unsent_at": at}, "$unset": {"edited_at": 1}}
        return await self._change({"_id": message_id}, change)

    async def react(self, message_id: str, username: str, reactions: Sequence[str]) -> Document | None:
        """These instead of those that this one has; none takes them away."""
        added = [{"username": username, "reactions": [*reactions]}] if reactions else []
        kept = {"$ne": ["$$this.username", {"$literal": username}]}
        return await self._change({"_id": message_id}, _replaced("reactions", kept, added))

    async def press(self, message_id: str, username: str, data: str, at: datetime) -> Document | None:
        added = {"username": username, "data": data, "at": at}
        kept = {"$ne": ["$$this", {"$literal": added}]}
        return await self._change({"_id": message_id}, _replaced("pressed", kept, [added], MOST_PRESSED))

    async def _change(self, query: Document, change: Any) -> Document | None:
        with answering():
            return await self._messages.find_one_and_update(query, change, SHOWN, return_document=ReturnDocument.AFTER)


def _replaced(field: str, kept: Document, added: Sequence[Document], most: int = 1000) -> list[Document]:
    """In one step, so that no other writer comes between reading and writing."""
    rest = {"$filter": {"input": {"$ifNull": [f"${field}", []]}, "cond": kept}}
    return [{"$set": {field: {"$slice": [{"$concatArrays": [rest, {"$literal": [*added]}]}, -most]}}}]
