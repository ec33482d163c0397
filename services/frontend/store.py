"""Where conversations, messages and users stand: MongoDB's and etcd's part of the frontend."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from libs.common import deliveries, receipts
from libs.common.events import ReceiptStatus
from libs.common.marks import Marks, Member
from libs.common.mongo import Database, Document, answering
from services.frontend.domain import USERNAME, Position

USERS_KNOWN = 50_000
MAX_UNREAD = 999


class ConversationStore:
    """Every method raises `Unavailable` when MongoDB does not answer."""

    def __init__(self, database: Database) -> None:
        self._conversations = database["conversations"]

    async def add(self, document: Document) -> tuple[Document, bool]:
        """(the conversation that stands, True where it is this one): a pair has one, whoever comes first."""
        with answering():
            try:
                await self._conversations.insert_one(document)
            except DuplicateKeyError:
                standing = await self._conversations.find_one({"pair": document["pair"]})
                if standing is None:
                    raise
                return standing, False
        return document, True

    async def find(self, conversation_id: str, member: str) -> Document | None:
        with answering():
            return await self._conversations.find_one({"_id": conversation_id, "members": member})

    async def page(self, member: str, limit: int, after: Position | None) -> list[Document]:
        """Newest activity first. What becomes active between two pages moves to the front, never onto a later page."""
        query: Document = {"members": member}
        if after:
            query["last_activity"] = {"$lte": after.last_activity}
            query["$or"] = [
                {"last_activity": {"$lt": after.last_activity}},
                {"_id": {"$lt": after.conversation_id}},
            ]
        order = [("last_activity", DESCENDING), ("_id", DESCENDING)]
        with answering():
            return await self._conversations.find(query).sort(order).limit(limit).to_list()


class MessageStore:
    """Every method raises `Unavailable` when MongoDB does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._messages = database["messages"]

    async def find(self, message_id: str) -> Document | None:
        with answering():
            return await self._messages.find_one({"_id": message_id})

    async def page(
        self, conversation_id: str, since: int, before: int | None, limit: int, *, newest_first: bool
    ) -> list[Document]:
        """Numbers between `since` and `before`, both exclusive."""
        numbers = {"$gt": since} if before is None else {"$gt": since, "$lt": before}
        order = [("sequence_number", DESCENDING if newest_first else 1)]
        with answering():
            query = {"conversation_id": conversation_id, "sequence_number": numbers}
            found = self._messages.find(query, deliveries.WITHOUT_TARGETS)
            return await found.sort(order).limit(limit).to_list()

    async def latest(self, conversation_ids: Sequence[str]) -> dict[str, Document]:
        """The last message of each; both keys descend, so that the index gives it without reading the others."""
        pipeline: list[Document] = [
            {"$match": {"conversation_id": {"$in": list(conversation_ids)}}},
            {"$sort": {"conversation_id": DESCENDING, "sequence_number": DESCENDING}},
            {"$group": {"_id": "$conversation_id", "last": {"$first": "$$ROOT"}}},
            {"$unset": [f"last.{field}" for field in deliveries.WITHOUT_TARGETS]},
        ]
        with answering():
            return {row["_id"]: row["last"] async for row in await self._messages.aggregate(pipeline)}

    async def count_unread(self, username: str, read_up_to: Mapping[str, int]) -> dict[str, int]:
        """Conversation → messages of others above the mark, at most 999; missing where there are none."""
        if not read_up_to:
            return {}
        is_unread = {
            "$expr": {"$and": [{"$eq": ["$conversation_id", "$$c"]}, {"$gt": ["$sequence_number", "$$mark"]}]},
            "from": {"$ne": username},
        }
        pipeline: list[Document] = [
            {"$documents": [{"c": c, "mark": mark} for c, mark in read_up_to.items()]},
            {
                "$lookup": {
                    "from": "messages",
                    "let": {"c": "$c", "mark": "$mark"},
                    "pipeline": [{"$match": is_unread}, {"$limit": MAX_UNREAD}, {"$count": "n"}],
                    "as": "unread",
                }
            },
        ]
        with answering():
            rows = await self._database.aggregate(pipeline)
            return {row["c"]: row["unread"][0]["n"] async for row in rows if row["unread"]}

    async def marks(self, members: Iterable[Member]) -> dict[Member, Marks]:
        return await receipts.read_marks(self._database, members)

    async def external(self, messages: Sequence[Document]) -> deliveries.External:
        return await deliveries.read_external(self._database, messages)

    async def deliveries(self, message: Document) -> list[Document]:
        """On external channels."""
        is_external = deliveries.is_external(message["channels"])
        return await deliveries.read_deliveries(self._database, [message["_id"]]) if is_external else []

    async def times(
        self, conversation_id: str, usernames: Sequence[str], number: int
    ) -> dict[tuple[str, ReceiptStatus], datetime]:
        return await receipts.read_times(self._database, conversation_id, usernames, number)


class UserDirectory:
    """Who has an account. Accounts are never deleted: a positive answer is kept (bounded), a negative one never."""

    def __init__(self, present: Callable[[Collection[str]], Awaitable[set[str]]]) -> None:
        self._present = present
        self._known: OrderedDict[str, None] = OrderedDict()

    async def missing(self, usernames: Collection[str]) -> list[str]:
        """Those without an account. Raises `Unavailable`."""
        unknown = [name for name in usernames if name not in self._known]
        keys = {name: f"/parley/users/{name}" for name in unknown if USERNAME.fullmatch(name)}
        found = await self._present(keys.values()) if keys else set()
        self._remember(name for name, key in keys.items() if key in found)
        return [name for name in unknown if keys.get(name) not in found]

    def _remember(self, names: Iterable[str]) -> None:
        self._known.update(dict.fromkeys(names))
        while len(self._known) > USERS_KNOWN:
            self._known.popitem(last=False)
