"""The use case at the heart: complete an upload, once, whoever asks how often, and wait a little for the outcome."""

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec

from libs.common.accept import parse_uuid
from libs.common.errors import Problem, invalid, not_found
from libs.common.leases import new_lease
from libs.common.mongo import Document
from libs.common.shapes import Uuid, shown
from services.files.domain.objects import WORKING
from services.files.domain.uploads import MOST_PARTS, checksum_mismatch, normal_sha256
from services.files.handlers.shapes import PartNumber
from services.files.handlers.verifying import Verifier
from services.files.handlers.views import Sha256

if TYPE_CHECKING:
    from libs.common.storage import Storage
    from services.files.store import FileStore

WAIT_S = 20.0
LOOK_S = 0.25  # how often, where another process does the work


class ClaimedPart(msgspec.Struct, frozen=True):
    """As the store answered it."""

    part_number: PartNumber
    etag: str


class CompleteRequest(msgspec.Struct, frozen=True, kw_only=True):
    file_id: Uuid
    sha256: Sha256
    parts: Annotated[list[ClaimedPart], shown("In any order.", maxItems=MOST_PARTS)] | None = None


@dataclass(frozen=True)
class Completion:
    store: "FileStore"
    storage: "Storage"
    verifier: Verifier
    wait_s: float = WAIT_S

    async def complete(self, caller: str, asked: CompleteRequest) -> Document:
        """As it is when the work is done, or still is after `wait_s`.

        Raises `Problem` 422 for what it is not, and `Retry` when something needed is away: the work goes on by itself
        when that is back, and asking again is safe.
        """
        file_id = parse_uuid(asked.file_id, "/file_id")
        sha256 = normal_sha256(asked.sha256)
        document = await self._owned(caller, file_id)
        await self._begin(document, {"sha256": sha256, "parts": _claimed(asked.parts or ())})
        document = await self._outcome(caller, file_id)
        if (error := document["error"]) is not None:
            raise Problem(422, error["code"], error["detail"])
        if document["status"] == "completed" and document["sha256"] != sha256:
            raise checksum_mismatch()
        return document

    async def _begin(self, document: Document, claim: Document) -> None:
        """Takes up the work where nobody does it."""
        file_id, lease = document["_id"], new_lease(self.verifier.lease_s)
        if document["status"] == "uploading":
            begun = await self.store.begin(file_id, document["owner"], claim, lease)
        elif document["status"] in WORKING:
            begun = await self.store.take_over(file_id, lease)
        else:
            return
        if begun is not None:
            self.verifier.start(begun)

    async def _outcome(self, caller: str, file_id: str) -> Document:
        end = time.monotonic() + self.wait_s
        while (left_s := end - time.monotonic()) > 0:
            task = self.verifier.running(file_id)
            if task is not None:
                await asyncio.wait({task}, timeout=left_s)
            document = await self._owned(caller, file_id)
            if document["status"] not in WORKING:
                return document
            if task is not None and task.done() and not task.cancelled() and (reason := task.result()) is not None:
                raise reason
            await asyncio.sleep(min(LOOK_S, max(0.0, end - time.monotonic())))
        return await self._owned(caller, file_id)

    async def _owned(self, caller: str, file_id: str) -> Document:
        document = await self.store.find(file_id)
        if document is None or document["owner"] != caller:
            raise not_found("file")
        return document


def _claimed(parts: "list[ClaimedPart] | tuple[()]") -> list[tuple[int, str]]:
    """Each number once. Raises `Problem` 422."""
    if len(parts) > MOST_PARTS:
        raise invalid("/parts", f"must hold at most {MOST_PARTS}")
    seen: set[int] = set()
    for place, part in enumerate(parts):
        if not 1 <= part.part_number <= MOST_PARTS:
            raise invalid(f"/parts/{place}/part_number", f"must be from 1 to {MOST_PARTS}")
        if part.part_number in seen:
            raise invalid(f"/parts/{place}/part_number", "is there twice")
        seen.add(part.part_number)
    return [(part.part_number, part.etag) for part in parts]
