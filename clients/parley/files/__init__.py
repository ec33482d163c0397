"""Files: up in parallel parts, down in parallel ranges, each resumable, never whole in memory."""

import mimetypes
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from clients.parley.calls import Calls
from clients.parley.files.bookmark import bookmark_at
from clients.parley.files.calls import FileCalls
from clients.parley.files.download import Download
from clients.parley.files.local import check_file, local_file
from clients.parley.files.objects import Downloaded, FilePage, Progress, StoredFile, Tell, Thumbnail, Uploaded
from clients.parley.files.storage import Storage
from clients.parley.files.transfer import Throttle
from clients.parley.files.upload import ANYTHING, Upload, Wish

__all__ = [
    "Downloaded",
    "FilePage",
    "Files",
    "Progress",
    "StoredFile",
    "Tell",
    "Thumbnail",
    "Uploaded",
    "check_file",
]


def _nobody(progress: Progress) -> None:
    """Nobody wants to know."""


class Files:
    """The files of one user; `ParleyClient.files` is one.

    What goes wrong is told as by the client's other calls; besides there are `LocalFileError` (this machine),
    `StorageUnreachableError` and `StorageError` (the store to which signed URLs lead)."""

    piece_bytes = 8 * 1024**2
    """Of a download: what one request brings."""
    patience_s = 60.0
    """How long a request is tried again that the store does not answer."""

    def __init__(self, calls: Calls, verify: ssl.SSLContext | bool) -> None:
        self._calls = FileCalls(calls)
        self._storage = Storage(verify)

    async def close(self) -> None:
        await self._storage.close()

    async def upload(
        self,
        path: str | os.PathLike[str],
        *,
        filename: str | None = None,
        content_type: str | None = None,
        conversation_id: str | None = None,
        bookmark: Path | None = None,
        bytes_per_s: int | None = None,
        tell: Tell = _nobody,
    ) -> Uploaded:
        """Returns when the file is completed, which means that the server has verified size and SHA-256.

        Without a `content_type` the name decides; where the platform takes no such files, they are plain bytes.
        With the path of a `bookmark`, an upload that was interrupted, or killed, goes on where it stood when the
        same file is uploaded with the same bookmark again. `bytes_per_s` leaves room for others on the line.
        `tell` hears how far it is; it must be quick."""
        with local_file(Path(path)) as file, bookmark_at(bookmark) as mark:
            name = filename or file.name
            kind = content_type or mimetypes.guess_type(name)[0] or ANYTHING
            upload = Upload(self._calls, self._storage, file, mark, tell, Throttle(bytes_per_s), self.patience_s)
            return await upload.run(Wish(name, kind, conversation_id, is_guess=content_type is None))

    async def download(
        self,
        file_id: str,
        into: str | os.PathLike[str] = ".",
        *,
        replace: bool = False,
        tell: Tell = _nobody,
    ) -> Downloaded:
        """Returns when the file stands under its name, its SHA-256 compared.

        `into` is a folder, where it gets its own name (no path, nothing hidden), or the file to be made. Until then
        it is `NAME.part`; the same download again goes on with that. `replace` lets it take another file's place."""
        download = Download(self._calls, self._storage, tell, self.piece_bytes, self.patience_s)
        return await download.run(file_id, Path(into), replace=replace)

    async def get(self, file_id: str) -> StoredFile:
        """One file; 404 for those who neither uploaded it nor are in a conversation that it was sent in."""
        return await self._calls.get(file_id)

    async def page(self, *, limit: int = 50, cursor: str | None = None) -> FilePage:
        """The caller's own uploads, newest first; `limit` 1 to 200."""
        return await self._calls.page(limit, cursor)

    async def each(self, *, page: int = 100) -> AsyncIterator[StoredFile]:
        """All of them, asked for page by page."""
        cursor: str | None = None
        while True:
            found = await self._calls.page(page, cursor)
            for file in found.items:
                yield file
            cursor = found.next_cursor
            if cursor is None:
                return

    async def delete(self, file_id: str) -> None:
        """Its bytes are gone for everybody; messages keep its name. Only the uploader may."""
        await self._calls.delete(file_id)
