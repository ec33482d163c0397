"""What an operator does with files that a scanner found something in: look at the list, release, delete."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from libs.common.clock import new_id, now
from libs.common.mongo import Document
from services.files.domain.objects import copy_key

if TYPE_CHECKING:
    from libs.common.storage import Storage
    from services.files.store import FileStore


A_WHILE = timedelta(minutes=10)  # a copy inside the store takes less; one that a crash left is deleted then


@dataclass(frozen=True)
class Quarantine:
    """Events and the deletion of objects follow by themselves: the service finds what was left to do."""

    store: "FileStore"
    storage: "Storage"

    async def files(self, limit: int) -> list[Document]:
        """Those that came first."""
        return await self.store.quarantined(limit)

    async def release(self, file_id: str) -> Document | None:
        """From now on it is a file like others, whose scan says `released`. None where it is not in quarantine."""
        at, key = now(), copy_key(file_id, new_id())
        document = await self.store.note_release(file_id, key, at + A_WHILE)
        if document is None:
            return None
        await self.storage.copy(document["key"], key, document["content_type"])
        return await self.store.release(file_id, key, document["scan"] | {"verdict": "released", "at": at}, at)

    async def delete(self, file_id: str) -> Document | None:
        """As if its owner had. None where it is not in quarantine."""
        document = await self.store.find(file_id)
        if document is None or document["status"] != "quarantined":
            return None
        return await self.store.mark_deleted(file_id, document["owner"], now())
