"""What a user has not acknowledged, from MongoDB."""

from collections.abc import AsyncIterator, Callable, Sequence

from libs.common.deliveries import WITHOUT_TARGETS, read_external, status_of
from libs.common.messages import Message, from_document
from libs.common.mongo import Database, Document, answering
from libs.common.receipts import read_marks

PAGE = 200
CONVERSATIONS = 200  # of one query: each is a branch of an `$or`


class Inbox:
    """Messages as a device gets them when no feed can bring them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def floors(self, username: str) -> dict[str, int]:
        """Conversation → the number up to which a device of this user has acknowledged."""
        with answering():
            found = self._database["conversations"].find({"members": username}, {"_id": 1})
            members = [(d["_id"], username) async for d in found]
        marks = await read_marks(self._database, members)
        return {conversation_id: m.delivered for (conversation_id, _), m in marks.items()}

    async def after(self, username: str, lower_bound: Callable[[str], int]) -> AsyncIterator[list[Message]]:
        """Pages of messages above each conversation's bound, in order; the bound is asked again for each page."""
        with answering():
            found = self._database["conversations"].find({"members": username}, {"_id": 1})
            conversation_ids = [d["_id"] async for d in found]
        for start in range(0, len(conversation_ids), CONVERSATIONS):
            chunk = conversation_ids[start : start + CONVERSATIONS]
            while page := await self._page(chunk, lower_bound):
                yield await self._with_status(page)

    async def _page(self, conversation_ids: Sequence[str], lower_bound: Callable[[str], int]) -> list[Document]:
        branches = [{"conversation_id": c, "sequence_number": {"$gt": lower_bound(c)}} for c in conversation_ids]
        with answering():
            found = self._database["messages"].find({"$or": branches}, WITHOUT_TARGETS)
            found = found.sort([("conversation_id", 1), ("sequence_number", 1)]).limit(PAGE)
            return await found.to_list()

    async def _with_status(self, page: Sequence[Document]) -> list[Message]:
        marks = await read_marks(self._database, {(d["conversation_id"], to) for d in page for to in d["to"]})
        external = await read_external(self._database, page)
        return [from_document(d, status_of(d, marks, external)) for d in page]
