"""The use cases of a file that is there: show it to who may see it, list one's own, delete it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from libs.common.accept import cursor_id
from libs.common.clock import now
from libs.common.errors import not_found
from libs.common.files import Files as SharedFiles
from libs.common.mongo import Document
from services.files.handlers.views import FilePage, FileView, view

if TYPE_CHECKING:
    from libs.common.storage import Storage
    from services.files.store import FileStore


@dataclass(frozen=True)
class Files:
    store: "FileStore"
    storage: "Storage"
    shared: SharedFiles
    tidy: Callable[[Document], Awaitable[None]]
    """What is left to do with a deleted file; it raises nothing."""

    async def show(self, caller: str, file_id: str) -> FileView:
        visible = await self.shared.visible_to(caller, [file_id])
        if file_id not in visible:
            raise not_found("file")
        return view(visible[file_id], self.storage)

    async def list_own(self, caller: str, limit: int, cursor: str | None) -> FilePage:
        found = await self.store.page(caller, limit + 1, cursor_id(cursor) if cursor is not None else None)
        items = [view(document, self.storage) for document in found[:limit]]
        return FilePage(items, items[-1].file_id if len(found) > limit else None)

    async def delete(self, caller: str, file_id: str) -> None:
        """It is gone when this returns; its bytes follow at once, or when the store is back."""
        document = await self.store.mark_deleted(file_id, caller, now())
        if document is None:
            raise not_found("file")
        await self.tidy(document)
