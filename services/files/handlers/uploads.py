"""The use cases before a file is completed: begin an upload, sign its URLs anew, see what is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from libs.common.accept import parse_uuid
from libs.common.clock import new_id, now, rfc3339
from libs.common.conversations import Members
from libs.common.errors import Problem, invalid, not_found
from libs.common.mongo import Document
from services.files.domain.names import MAX_NAME, clean_name
from services.files.domain.objects import multipart_key, staging_key
from services.files.domain.types import normal_type, require_allowed
from services.files.domain.uploads import (
    MAX_OPEN,
    MAX_SINGLE,
    URL_LIFETIME,
    Parts,
    choose_parts,
    cut,
    normal_sha256,
    require_size,
)
from services.files.handlers.shapes import (
    Initiated,
    InitiateRequest,
    PartsUpload,
    PartUrl,
    Signed,
    StoredPart,
    StoredParts,
    Upload,
)

if TYPE_CHECKING:
    from libs.common.storage import Storage
    from services.files.store import FileStore


@dataclass(frozen=True)
class Uploads:
    store: "FileStore"
    storage: "Storage"
    members: Members
    allowed_types: Sequence[str]
    quota_bytes: int

    async def initiate(self, caller: str, asked: InitiateRequest) -> Initiated:
        document = self._checked(caller, asked)
        if document["conversation_id"] is not None:
            await self._require_member(caller, document["conversation_id"])
        await self.require_room(caller, document["size"])
        if asked.size > MAX_SINGLE:
            # without a part nothing is stored: an upload whose document never comes to be takes no room
            upload = document["upload"]
            upload["upload_id"] = await self.storage.begin_multipart(upload["key"], document["content_type"])
        await self.store.add(document)
        try:
            await self.require_room(caller)
        except Problem:
            await self.store.mark_deleted(document["_id"], caller, now())
            raise
        return Initiated(document["_id"], document["filename"], self._whole(document))

    async def sign(self, caller: str, file_id: str, numbers: Sequence[int] | None) -> Signed | PartsUpload:
        """Fresh URLs. Raises `Problem` 409 where nothing may be uploaded any more."""
        document = await self._owned(caller, file_id)
        parts = _parts_of(document)
        if parts is None and numbers is not None:
            raise invalid("/part_numbers", "is for uploads in parts: this one is a single piece")
        chosen = choose_parts(parts, numbers or ()) if parts else []
        extended = await self.store.extend_upload(file_id, caller, now() + URL_LIFETIME)
        if extended is None:
            raise _not_uploading()
        return self._in_parts(extended, chosen) if parts else Signed(self._single(extended))

    async def stored(self, caller: str, file_id: str) -> StoredParts:
        document = await self._owned(caller, file_id)
        if document["status"] != "uploading":
            raise _not_uploading()
        upload, parts = document["upload"], _parts_of(document)
        if parts is None:
            whole = await self.storage.stat(upload["key"])
            found = [whole] if whole else []
        else:
            found = await self.storage.parts(upload["key"], upload["upload_id"])
        return StoredParts(
            file_id,
            document["status"],
            parts.part_size if parts else document["size"],
            parts.count if parts else 1,
            [StoredPart(p.part_number, p.size, p.etag) for p in found],
        )

    def _checked(self, caller: str, asked: InitiateRequest) -> Document:
        if not 1 <= len(asked.filename) <= MAX_NAME:
            raise invalid("/filename", f"must be 1 to {MAX_NAME} characters long")
        require_size(asked.size)
        content_type = normal_type(asked.content_type)
        require_allowed(content_type, self.allowed_types)
        sha256 = normal_sha256(asked.sha256) if asked.sha256 is not None else None
        conversation = asked.conversation_id
        return new_document(
            caller,
            clean_name(asked.filename),
            asked.size,
            content_type,
            sha256,
            parse_uuid(conversation, "/conversation_id") if conversation is not None else None,
        )

    async def _require_member(self, caller: str, conversation_id: str) -> None:
        if caller not in await self.members.of(conversation_id):
            raise not_found("conversation")

    async def require_room(self, caller: str, size: int = 0) -> None:
        """For one more of so many bytes, so that what is refused leaves nothing; and again with it among the others,
        so that of several at once none gets past the quota. Raises `Problem` 413 or 429."""
        used, under_way = await self.store.usage(caller)
        if used + size > self.quota_bytes:
            left = max(0, self.quota_bytes - used)
            raise Problem(413, "quota_exceeded", f"Of {self.quota_bytes} bytes {left} are left.")
        if under_way + bool(size) > MAX_OPEN:
            words = f"At most {MAX_OPEN} uploads may be under way: complete or delete some."
            raise Problem(429, "too_many_uploads", words, retry_after_s=60)

    async def _owned(self, caller: str, file_id: str) -> Document:
        document = await self.store.find(file_id)
        if document is None or document["owner"] != caller:
            raise not_found("file")
        return document

    def _whole(self, document: Document) -> Upload:
        parts = _parts_of(document)
        if parts is None:
            return self._single(document)
        shown = self._in_parts(document, range(1, parts.count + 1))
        return Upload(**msgspec.structs.asdict(shown))

    def _single(self, document: Document) -> Upload:
        upload = document["upload"]
        url = self.storage.upload_url(upload["key"], URL_LIFETIME)
        headers = {"Content-Type": document["content_type"]}
        return Upload(method="PUT", url=url, headers=headers, expires_at=rfc3339(upload["expires_at"]))

    def _in_parts(self, document: Document, numbers: Sequence[int]) -> PartsUpload:
        upload = document["upload"]
        parts = Parts(document["size"], upload["part_size"])

        def url(number: int) -> str:
            size = parts.size_of(number)
            return self.storage.part_url(upload["key"], upload["upload_id"], number, size, URL_LIFETIME)

        urls = [PartUrl(number, url(number)) for number in numbers]
        return PartsUpload(parts.part_size, parts.count, urls, rfc3339(upload["expires_at"]))


def new_document(
    owner: str, filename: str, size: int, content_type: str, sha256: str | None, conversation_id: str | None
) -> Document:
    """Of a file whose upload begins now."""
    file_id, at = new_id(), now()
    return {
        "_id": file_id,
        "owner": owner,
        "filename": filename,
        "size": size,
        "content_type": content_type,
        "detected_type": None,
        "sha256": sha256,
        "conversation_id": conversation_id,
        "status": "uploading",
        "created_at": at,
        "updated_at": at,
        "error": None,
        "upload": _upload(file_id, size, at + URL_LIFETIME),
        "tidy_at": at + URL_LIFETIME,
        "copies": [],
        "thumbnails": [],
        "scan": None,
    }


def in_one_piece(file_id: str, expires_at: datetime) -> dict[str, Any]:
    return {"method": "single", "key": staging_key(file_id, new_id()), "expires_at": expires_at}


def _upload(file_id: str, size: int, expires_at: datetime) -> dict[str, Any]:
    if size <= MAX_SINGLE:
        return in_one_piece(file_id, expires_at)
    parts = cut(size)
    return {
        "method": "multipart",
        "key": multipart_key(file_id, new_id()),
        "part_size": parts.part_size,
        "parts": parts.count,
        "expires_at": expires_at,
    }


def _parts_of(document: Document) -> Parts | None:
    """None for an upload in a single piece."""
    upload = document["upload"]
    return Parts(document["size"], upload["part_size"]) if upload["method"] == "multipart" else None


def _not_uploading() -> Problem:
    return Problem(409, "not_uploading", "This file is not being uploaded any more.")
