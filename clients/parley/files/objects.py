"""What the calls about files answer, and what a transfer tells, as values."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

COMPLETED = "completed"
UPLOADING = "uploading"
NEVER = datetime.max.replace(tzinfo=UTC)
HOPELESS = ("failed", "quarantined")


class Thumbnail(Struct, frozen=True, kw_only=True):
    """A small picture of an image; `url` lives for an hour."""

    width: int
    height: int
    content_type: str
    size: int | None = None
    url: str | None = None


class FileFault(Struct, frozen=True):
    """Why a file failed or was quarantined."""

    code: str = "unknown"
    detail: str = ""


class StoredFile(Struct, frozen=True, kw_only=True):
    """A file as its uploader, and those it was sent to, see it.

    `sha256` and `detected_type` come from the stored bytes once it is completed; `download_url` lives for an hour."""

    file_id: str
    owner: str
    filename: str
    size: int
    content_type: str
    detected_type: str | None = None
    type_matches: bool | None = None
    sha256: str | None = None
    conversation_id: str | None = None
    status: str
    error: FileFault | None = None
    created_at: datetime
    completed_at: datetime | None = None
    thumbnails: tuple[Thumbnail, ...] = ()
    scan: dict[str, Any] | None = None
    download_url: str | None = None
    download_expires_at: datetime | None = None


class FilePage(Struct, frozen=True):
    """The caller's own files, newest first; `next_cursor` is None on the last page."""

    items: tuple[StoredFile, ...]
    next_cursor: str | None = None


class PartUrl(Struct, frozen=True):
    """Where one part goes."""

    part_number: int
    url: str


class Signed(Struct, frozen=True, kw_only=True):
    """Where bytes go: one URL for all of them, or one for each part; at most 100 come at a time."""

    method: str = "PUT"
    url: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    part_size: int | None = None
    parts: tuple[PartUrl, ...] = ()
    expires_at: datetime = NEVER


class Initiated(Struct, frozen=True):
    """An upload that may begin."""

    file_id: str
    upload: Signed


class SignedAgain(Signed, frozen=True, kw_only=True):
    """Fresh URLs: in `upload` where there are no parts."""

    upload: Signed | None = None


class StoredPart(Struct, frozen=True):
    """A part that is there already."""

    part_number: int
    size: int
    etag: str


class StoredParts(Struct, frozen=True, kw_only=True):
    """How far an upload has come."""

    file_id: str
    status: str
    part_size: int | None = None
    parts: tuple[StoredPart, ...] = ()


class Progress(Struct, frozen=True, kw_only=True):
    """How far a transfer is, in bytes; `kept` of the `done` were there from an earlier try."""

    phase: str  # uploading, verifying, scanning; downloading, checking
    name: str
    done: int
    total: int
    kept: int = 0
    parts: int = 1
    parts_kept: int = 0


Tell: TypeAlias = Callable[[Progress], None]


class Uploaded(Struct, frozen=True, kw_only=True):
    """A file that is completed, and what of it went over the network this time; times in seconds."""

    file: StoredFile
    resumed: bool
    parts: int
    parts_sent: int
    parts_kept: int
    bytes_sent: int
    transfer_s: float
    verify_s: float


class Downloaded(Struct, frozen=True, kw_only=True):
    """A file that is here, its checksum compared, and what of it went over the network this time."""

    file: StoredFile
    path: str
    bytes_received: int
    transfer_s: float
    check_s: float
