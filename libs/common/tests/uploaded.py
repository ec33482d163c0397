"""Files as services/files leaves them, for tests of those that only read them."""

from typing import Any

from libs.common.clock import new_id, now
from libs.common.mongo import Database, Document

SHOWN: Document = {"filename": "view.png", "size": 7, "content_type": "image/png", "sha256": "0f" * 32}


async def uploaded(database: Database, owner: str, status: str = "completed", **fields: Any) -> str:
    """The id of a file of theirs."""
    at = now()
    document = {"_id": new_id(), "owner": owner, "status": status, "created_at": at, "updated_at": at, **SHOWN}
    await database["files"].insert_one(document | fields)
    return str(document["_id"])


async def sent(database: Database, file_id: str, conversation_id: str, number: int = 1) -> None:
    """A stored message brings it to the conversation."""
    payload = {"type": "file", "file_id": file_id, "file": SHOWN}
    message = {"_id": new_id(), "conversation_id": conversation_id, "sequence_number": number, "payload": payload}
    await database["messages"].insert_one(message)


async def opened(database: Database, *members: str) -> str:
    """The id of a conversation of theirs."""
    document = {"_id": new_id(), "members": sorted(members), "last_activity": now()}
    await database["conversations"].insert_one(document)
    return str(document["_id"])
