"""The collection `files` as others see it, and who may use a file: its uploader, and those to whom it was sent."""

from collections.abc import Iterable, Mapping

from libs.common.events import AttachedFile
from libs.common.mongo import Database, Document, answering

BOUND = 1000
"""Entries of an index that one query reads at most."""
FEW = 50
"""Places of one file that are read: beyond it the conversations of who asks are the shorter way."""
DELETED = "deleted"  # a status that nobody sees: its objects go, then its document
_BROUGHT = {"_id": 0, "payload.file_id": 1, "conversation_id": 1}  # all of it stands in the index


class Files:
    """services/files alone writes them. Nothing is remembered here, so that a deleted file is gone at once."""

    def __init__(self, database: Database, bound: int = BOUND) -> None:
        self._files = database["files"]
        self._messages = database["messages"]
        self._conversations = database["conversations"]
        self._bound = bound

    async def visible_to(self, username: str, file_ids: Iterable[str]) -> dict[str, Document]:
        """Of these those that the user uploaded, or that a stored message brought to a conversation of theirs.

        Whatever their status. One query for all where they are the user's own, two more where some are not.
        Raises `Unavailable`.
        """
        with answering():
            wanted = self._files.find({"_id": {"$in": [*file_ids]}, "status": {"$ne": DELETED}})
            found = {document["_id"]: document async for document in wanted}
            others = {file_id for file_id, document in found.items() if document["owner"] != username}
            hidden = others - await self._sent_to(username, others) if others else others
        return {file_id: document for file_id, document in found.items() if file_id not in hidden}

    async def are_stored(self, fingerprints: Mapping[str, str]) -> set[str]:
        """Of these messages, by id, those that are stored with this very content. Raises `Unavailable`."""
        with answering():
            known = self._messages.find({"_id": {"$in": [*fingerprints]}}, {"fingerprint": 1})
            return {d["_id"] async for d in known if d["fingerprint"] == fingerprints[d["_id"]]}

    async def _sent_to(self, username: str, file_ids: set[str]) -> set[str]:
        """From the files to their conversations; the other way where they were sent more often than one query reads."""
        most = min(self._bound, FEW * len(file_ids))
        brought = self._messages.find({"payload.file_id": {"$in": [*file_ids]}}, _BROUGHT).limit(most)
        places = [(d["payload"]["file_id"], d["conversation_id"]) async for d in brought]
        known = {"_id": {"$in": [*{place for _, place in places}]}, "members": username}
        theirs = {d["_id"] async for d in self._conversations.find(known, {"_id": 1})}
        sent = {file_id for file_id, place in places if place in theirs}
        if len(places) < most:
            return sent
        return sent | await self._in_conversations_of(username, file_ids - sent)

    async def _in_conversations_of(self, username: str, file_ids: set[str]) -> set[str]:
        """Read from the quietest on: one that stirs meanwhile moves to the end, so that none is missed."""
        theirs = self._conversations.find({"members": username}, {"_id": 1}).sort([("last_activity", 1), ("_id", 1)])
        sent: set[str] = set()
        while sent != file_ids and (page := await theirs.to_list(self._bound)):
            wanted = {
                "payload.file_id": {"$in": [*(file_ids - sent)]},
                "conversation_id": {"$in": [d["_id"] for d in page]},
            }
            sent.update(await self._messages.distinct("payload.file_id", wanted))
        return sent


def attached(document: Document) -> AttachedFile:
    """Of a completed one."""
    return AttachedFile(document["filename"], int(document["size"]), document["content_type"], document["sha256"])
