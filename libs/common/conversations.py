"""The `conversations` collection, shared by its two writers: frontend their identity, router their activity.

What comes from a platform and belongs nowhere begins one, too: the one insertion that is the router's.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from libs.common.clock import new_id, now
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


async def open_private(database: Database, creator: str, other: str) -> str:
    """The conversation of these two: the one that stands, or a new one. Raises `Unavailable`."""
    members, at = sorted((creator, other)), now()
    document = {
        "_id": new_id(),
        "type": "private",
        "title": None,
        "members": members,
        "pair": " ".join(members),
        "created_by": creator,
        "created_at": at,
        "last_activity": at,
        "last_sequence": 0,
    }
    with answering():
        try:
            await database["conversations"].insert_one(document)
        except DuplicateKeyError:
            standing = await database["conversations"].find_one({"pair": document["pair"]}, {"_id": 1})
            if standing is None:
                raise
            document = standing
    return str(document["_id"])
