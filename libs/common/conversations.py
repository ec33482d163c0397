"""The `conversations` collection, shared by its two writers: frontend their identity, router their activity."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime

from pymongo import UpdateOne

from libs.common.mongo import Database, answering

CACHE_SIZE = 100_000


class Members:
    """Who belongs to a conversation. They never change: a positive answer is kept for ever, a negative one never."""

    def __init__(self, database: Database, size: int = CACHE_SIZE) -> None:
        self._conversations = database["conversations"]
        self._known: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._size = size

    def known(self, conversation_id: str) -> tuple[str, ...] | None:
        return self._known.get(conversation_id)

    async def of(self, conversation_id: str) -> tuple[str, ...]:
        """Sorted user names; empty where there is no such conversation. Raises `Unavailable`."""
        known = self._known.get(conversation_id)
        if known is None:
            known = (await self.of_all([conversation_id])).get(conversation_id, ())
        return known

    async def of_all(self, conversation_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The same for many with one query; what does not exist is missing from the answer."""
        wanted = set(conversation_ids)
        found = {c: self._known[c] for c in wanted if c in self._known}
        if missing := list(wanted - found.keys()):
            with answering():
                async for document in self._conversations.find({"_id": {"$in": missing}}, {"members": 1}):
                    found[document["_id"]] = self._remember(document["_id"], document["members"])
        return found

    def _remember(self, conversation_id: str, members: list[str]) -> tuple[str, ...]:
        self._known[conversation_id] = known = tuple(members)
        while len(self._known) > self._size:
            self._known.popitem(last=False)
        return known


async def record_activity(database: Database, latest: Mapping[str, tuple[int, datetime]]) -> None:
    """Conversation → (last number, its time). Only ever forward, so it may be written twice. Raises `Unavailable`."""
    updates = [
        UpdateOne(
            {"_id": conversation_id, "last_sequence": {"$lt": number}},
            {"$set": {"last_sequence": number}, "$max": {"last_activity": at}},
        )
        for conversation_id, (number, at) in latest.items()
    ]
    if updates:
        with answering():
            await database["conversations"].bulk_write(updates, ordered=False)
