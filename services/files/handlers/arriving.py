"""The use case of our own services: a file that somebody sent on a platform becomes one here, once.

From its bytes on it is a file like any other: verified, scanned, counted, told, and given thumbnails.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import msgspec

from libs.common.clock import now
from libs.common.errors import Problem, not_found
from libs.common.events import FileError
from libs.common.files import DELETED
from libs.common.mongo import Document
from services.files.domain.names import MAX_NAME, clean_name
from services.files.domain.objects import Status
from services.files.domain.types import UNKNOWN, normal_type, require_allowed
from services.files.domain.uploads import MIB, normal_sha256, require_size
from services.files.handlers.completing import CompleteRequest, Completion
from services.files.handlers.uploads import Uploads, in_one_piece, new_document

MOST_BYTES = 128 * MIB


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of it; `size` in bytes. The owner may be a contact, whom nobody can be here."""

    owner: str
    conversation_id: str
    filename: str
    content_type: str
    size: int
    sha256: str


class Taken(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far it is; `sha256` is that of the stored bytes once it is completed."""

    file_id: str
    status: Status
    filename: str
    size: int
    content_type: str
    sha256: str | None
    error: FileError | None = None


@dataclass(frozen=True)
class Arriving:
    """`arrived_as` is the message that brings it: the same again is the same file."""

    uploads: Uploads
    completion: Completion
    tidy: Callable[[Document], Awaitable[None]]

    async def find(self, arrived_as: str) -> Document:
        """Raises `Problem` 404 where its bytes have not come."""
        document = await self.uploads.store.find_arrived(arrived_as)
        if document is None or document["status"] == "uploading":
            raise not_found("file")
        return _still_there(document)

    async def take(self, arrived_as: str, coming: Coming, content: AsyncIterator[bytes]) -> Document:
        """As it is when it is verified, or still is after some time. `content` is read only where it is needed.

        Raises `Problem` 413, 422 or 429 for what is not taken, and `Retry`: to take it again is safe.
        """
        document = _still_there(await self._begun(arrived_as, coming))
        if document["status"] == "uploading":
            key: str = document["upload"]["key"]
            await self.uploads.storage.put_stream(key, content, coming.size, document["content_type"])
        return await self.completion.complete(
            document["owner"], CompleteRequest(file_id=document["_id"], sha256=coming.sha256)
        )

    async def forget(self, arrived_as: str) -> None:
        """Whoever sent it has taken it back. Its bytes follow at once, or when the store is back; safe to repeat."""
        standing = await self.uploads.store.find_arrived(arrived_as)
        if standing and (gone := await self.uploads.store.mark_deleted(standing["_id"], standing["owner"], now())):
            await self.tidy(gone)

    async def _begun(self, arrived_as: str, coming: Coming) -> Document:
        if standing := await self.uploads.store.find_arrived(arrived_as):
            return standing
        document = {**self._checked(coming), "arrived_as": arrived_as}
        await self.uploads.require_room(coming.owner, coming.size)
        return await self.uploads.store.add_arrived(document)

    def _checked(self, coming: Coming) -> Document:
        require_size(coming.size)
        if coming.size > MOST_BYTES:
            raise Problem(413, "too_large", f"At most {MOST_BYTES} bytes are taken over.")
        kind = _type(coming.content_type)
        require_allowed(kind, self.uploads.allowed_types)
        name, sha256 = clean_name(coming.filename[:MAX_NAME]), normal_sha256(coming.sha256)
        document = new_document(coming.owner, name, coming.size, kind, sha256, coming.conversation_id)
        return {**document, "upload": in_one_piece(document["_id"], document["upload"]["expires_at"])}


def taken(document: Document) -> Taken:
    error = document["error"]
    return Taken(
        file_id=document["_id"],
        status=document["status"],
        filename=document["filename"],
        size=int(document["size"]),
        content_type=document["content_type"],
        sha256=document["sha256"],
        error=FileError(error["code"], error["detail"]) if error else None,
    )


def _still_there(document: Document) -> Document:
    if document["status"] == DELETED:
        raise Problem(422, "file_deleted", "It was there, and its owner has deleted it.")
    return document


def _type(said: str) -> str:
    """What people's programs say need not be a type at all."""
    try:
        return normal_type(said)
    except Problem:
        return UNKNOWN
