"""What callers see of a file."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from libs.common.clock import now, rfc3339
from libs.common.events import FileError
from libs.common.shapes import Time, Username, Uuid, shown
from services.files.domain.names import disposition
from services.files.domain.objects import Status
from services.files.domain.types import types_match
from services.files.domain.uploads import MAX_SIZE

if TYPE_CHECKING:
    from libs.common.storage import Storage

DOWNLOAD_LIFETIME = timedelta(hours=1)
Size = Annotated[int, shown(minimum=1, maximum=MAX_SIZE, examples=[1_048_576])]
Sha256 = Annotated[str, shown(pattern="^[0-9a-fA-F]{64}$")]


class Thumbnail(msgspec.Struct, frozen=True):
    width: int
    height: int
    content_type: str
    size: int
    url: str


class Scan(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a scanner said; `signature` names what it found."""

    scanner: str
    verdict: str
    at: Time
    signature: str | None = None


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """The contract's file. `sha256` is computed from the stored bytes once it is completed, announced before;
    `detected_type` is what the bytes look like, and `type_matches` whether that is what was announced; images get
    `thumbnails` a moment later, or `thumbnails_error` says why not."""

    file_id: Uuid
    owner: Username
    filename: str
    size: Size
    content_type: str
    detected_type: str | None
    type_matches: bool | None
    sha256: str | None
    conversation_id: Uuid | None
    status: Status
    error: FileError | UnsetType = UNSET
    created_at: Time
    completed_at: Time | UnsetType = UNSET
    thumbnails: list[Thumbnail]
    thumbnails_error: FileError | UnsetType = UNSET
    scan: Scan | None
    download_url: str | UnsetType = UNSET
    download_expires_at: Time | UnsetType = UNSET


class FilePage(msgspec.Struct, frozen=True):
    items: list[FileView]
    next_cursor: str | None


def view(document: Mapping[str, Any], storage: "Storage") -> FileView:
    """With URLs to download it, once it is completed: only bytes that were verified are ever given out."""
    declared, detected = document["content_type"], document["detected_type"]
    is_completed = document["status"] == "completed"
    return FileView(
        file_id=document["_id"],
        owner=document["owner"],
        filename=document["filename"],
        size=int(document["size"]),  # of 2 GiB the driver makes a number of its own
        content_type=declared,
        detected_type=detected,
        type_matches=types_match(declared, detected) if detected else None,
        sha256=document["sha256"],
        conversation_id=document["conversation_id"],
        status=document["status"],
        error=_error(document["error"]),
        created_at=rfc3339(document["created_at"]),
        completed_at=rfc3339(document["completed_at"]) if is_completed else UNSET,
        thumbnails=[_thumbnail(one, document, storage) for one in document["thumbnails"]] if is_completed else [],
        thumbnails_error=_error(document.get("thumbnails_error")),
        scan=_scan(document["scan"]),
        download_url=_download_url(document["key"], declared, document["filename"], storage) if is_completed else UNSET,
        download_expires_at=rfc3339(now() + DOWNLOAD_LIFETIME) if is_completed else UNSET,
    )


def _error(error: Mapping[str, str] | None) -> FileError | UnsetType:
    return FileError(error["code"], error["detail"]) if error else UNSET


def _download_url(key: str, content_type: str, filename: str, storage: "Storage") -> str:
    return storage.download_url(key, DOWNLOAD_LIFETIME, disposition(filename), content_type)


def _thumbnail(one: Mapping[str, Any], document: Mapping[str, Any], storage: "Storage") -> Thumbnail:
    name = f"{one['width']}-{document['filename']}"
    url = _download_url(one["key"], one["content_type"], name, storage)
    return Thumbnail(one["width"], one["height"], one["content_type"], one["size"], url)


def _scan(scan: Mapping[str, Any] | None) -> Scan | None:
    return Scan(scan["scanner"], scan["verdict"], rfc3339(scan["at"]), scan.get("signature")) if scan else None
