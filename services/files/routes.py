"""Files over HTTP: never their bytes."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from libs.common.accept import known_id, parse_json
from libs.common.auth import Caller, TokenVerifier, bearer
from libs.common.http import FastRoute, encode
from libs.common.openapi import Answer, documented
from libs.common.routes import Cursor, Limit, private_answer, read_json, require_json
from libs.common.shapes import AN_ID
from services.files.domain.objects import WORKING
from services.files.handlers.completing import CompleteRequest, Completion
from services.files.handlers.files import Files
from services.files.handlers.shapes import (
    Initiated,
    InitiateRequest,
    PartsRequest,
    PartsUpload,
    Signed,
    StoredParts,
)
from services.files.handlers.uploads import Uploads
from services.files.handlers.views import FilePage, FileView, view

FileId = Annotated[str, Path(json_schema_extra={"format": "uuid", "examples": [AN_ID]})]

_initiate = msgspec.json.Decoder(InitiateRequest)
_complete = msgspec.json.Decoder(CompleteRequest)
_parts = msgspec.json.Decoder(PartsRequest)

A_SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def initiate_route(verifier: TokenVerifier, uploads: Uploads) -> FastRoute:
    """Outside the framework, like the next one: to it they would be ids of files."""

    @documented(
        "Begin an upload",
        tag="Files",
        description="Up to 64 MiB in one PUT, above in parts. The bytes go to the store by the URLs given here, which "
        "are good for 15 minutes: `POST /v1/files/{file_id}/parts` signs them anew.",
        body=InitiateRequest,
        answers={201: Initiated},
        problems={
            404: ("not_found",),
            413: ("quota_exceeded",),
            422: ("content_type_not_allowed",),
            429: ("too_many_uploads",),
        },
        examples={
            "an image": {"filename": "cat.png", "size": 52_000, "content_type": "image/png"},
            "in parts": {"filename": "talk.mp4", "size": 104_857_600, "content_type": "video/mp4", "sha256": A_SHA256},
        },
    )
    async def initiate_upload(headers: Mapping[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        caller = await verifier.verify(bearer(headers))
        require_json(headers.get(b"content-type", b""))
        return 201, encode(await uploads.initiate(caller.username, parse_json(_initiate, body)))

    return initiate_upload


def complete_route(verifier: TokenVerifier, completion: Completion) -> FastRoute:
    @documented(
        "Complete an upload",
        tag="Files",
        description="Size and SHA-256 are computed from the stored bytes. Asked again it gives the same answer.",
        body=CompleteRequest,
        answers={200: FileView, 202: Answer(FileView, "It takes longer: `GET` tells.")},
        problems={
            404: ("not_found",),
            422: (
                *("checksum_mismatch", "size_mismatch", "parts_incomplete"),
                *("file_infected", "scan_refused", "upload_abandoned", "verification_failed"),
            ),
        },
        examples={"any": {"file_id": AN_ID, "sha256": A_SHA256}},
    )
    async def complete_upload(headers: Mapping[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        caller = await verifier.verify(bearer(headers))
        require_json(headers.get(b"content-type", b""))
        document = await completion.complete(caller.username, parse_json(_complete, body))
        return 202 if document["status"] in WORKING else 200, encode(view(document, completion.storage))

    return complete_upload


def upload_routes(uploads: Uploads) -> APIRouter:
    router = APIRouter(prefix="/v1/files")

    @router.post("/{file_id}/parts")
    @documented(
        "Sign URLs anew",
        tag="Files",
        description="An upload that was interrupted goes on with these.",
        body=PartsRequest,
        answers={200: (PartsUpload, Signed)},
        problems={409: ("not_uploading",)},
        examples={"in parts": {"part_numbers": [3, 4]}, "in one piece": {}},
    )
    async def sign_parts(file_id: FileId, request: Request, caller: Caller) -> Response:
        asked = await read_json(request, _parts)
        return private_answer(await uploads.sign(caller.username, known_id(file_id, "file"), asked.part_numbers))

    @router.get("/{file_id}/parts")
    @documented(
        "What of an upload is there", tag="Files", answers={200: StoredParts}, problems={409: ("not_uploading",)}
    )
    async def show_parts(file_id: FileId, caller: Caller) -> Response:
        return private_answer(await uploads.stored(caller.username, known_id(file_id, "file")))

    return router


def file_routes(files: Files) -> APIRouter:
    router = APIRouter(prefix="/v1/files")

    @router.get("")
    @documented("One's own files, newest first", tag="Files", answers={200: FilePage})
    async def list_files(caller: Caller, limit: Limit = 50, cursor: Cursor = None) -> Response:
        return private_answer(await files.list_own(caller.username, limit, cursor))

    @router.get("/{file_id}")
    @documented(
        "A file",
        tag="Files",
        description="For its uploader and members of conversations it was sent in. `download_url` is good for an hour.",
        answers={200: FileView},
    )
    async def show_file(file_id: FileId, caller: Caller) -> Response:
        return private_answer(await files.show(caller.username, known_id(file_id, "file")))

    @router.delete("/{file_id}")
    @documented(
        "Delete a file",
        tag="Files",
        description="Its bytes are gone and count no more; messages keep what they say of it.",
        answers={204: Answer()},
    )
    async def delete_file(file_id: FileId, caller: Caller) -> Response:
        await files.delete(caller.username, known_id(file_id, "file"))
        return Response(status_code=204)

    return router
