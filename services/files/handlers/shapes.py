"""What goes in and out of an upload, as the contract has it."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from libs.common.shapes import Time, Uuid, shown
from services.files.domain.objects import Status
from services.files.domain.uploads import MOST_PARTS
from services.files.handlers.views import Sha256, Size

PartNumber = Annotated[int, shown(minimum=1, maximum=MOST_PARTS)]


class InitiateRequest(msgspec.Struct, frozen=True, kw_only=True):
    filename: Annotated[str, shown("It is cleaned; the answer and the download have it clean.", minLength=1)]
    size: Size
    content_type: Annotated[str, shown(examples=["image/png"])]
    sha256: Sha256 | None = None
    conversation_id: Uuid | None = None


class PartsRequest(msgspec.Struct, frozen=True):
    """`part_numbers` for an upload in parts, nothing for one in a single piece."""

    part_numbers: Annotated[list[PartNumber], shown(minItems=1, maxItems=MOST_PARTS)] | None = None


class PartUrl(msgspec.Struct, frozen=True):
    part_number: PartNumber
    url: str


class PartsUpload(msgspec.Struct, frozen=True):
    """One PUT for each part, in any order: all of `part_size` bytes, the last of what is left."""

    part_size: int
    part_count: int
    parts: list[PartUrl]
    expires_at: Time


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One request with these headers and as many bytes as were announced; or what `PartsUpload` has."""

    method: Literal["PUT"] | UnsetType = UNSET
    url: str | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    part_size: int | UnsetType = UNSET
    part_count: int | UnsetType = UNSET
    parts: list[PartUrl] | UnsetType = UNSET
    expires_at: Time


IN_ONE_PIECE = {"required": ["method", "url", "headers"]}
IN_PARTS = {"required": [*PartsUpload.__struct_fields__]}


class Initiated(msgspec.Struct, frozen=True):
    file_id: Uuid
    filename: str
    upload: Annotated[Upload, shown(anyOf=[IN_ONE_PIECE, IN_PARTS])]


class Signed(msgspec.Struct, frozen=True):
    upload: Annotated[Upload, shown(anyOf=[IN_ONE_PIECE])]


class StoredPart(msgspec.Struct, frozen=True):
    part_number: int
    size: int
    etag: str


class StoredParts(msgspec.Struct, frozen=True):
    """What is there already."""

    file_id: Uuid
    status: Status
    part_size: int
    part_count: int
    parts: list[StoredPart]
