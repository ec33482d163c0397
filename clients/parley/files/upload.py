"""One upload: begun or gone on with, sent, and its completion awaited."""

import asyncio
import os
import time
from dataclasses import dataclass, field

from clients.parley.errors import LocalFileError, ParleyError, Problem, ProblemError
from clients.parley.files.bookmark import Begun, Bookmark
from clients.parley.files.calls import FileCalls
from clients.parley.files.local import LocalFile
from clients.parley.files.objects import (
    COMPLETED,
    HOPELESS,
    UPLOADING,
    Initiated,
    Progress,
    Signed,
    StoredFile,
    Tell,
    Uploaded,
)
from clients.parley.files.sending import Sending
from clients.parley.files.signer import UploadSigner
from clients.parley.files.storage import Storage
from clients.parley.files.transfer import Meter, Piece, Throttle, pieces_of

FIRST_LOOK_S = 0.25
LOOK_S = 2.0
VERIFY_S = 1800.0
ANYTHING = "application/octet-stream"
NOT_ALLOWED = "content_type_not_allowed"
OVER = (404, 409, 422)  # nothing to go on with


@dataclass(frozen=True)
class Wish:
    """What the file shall be called and where it belongs."""

    filename: str
    content_type: str
    conversation_id: str | None = None
    is_guess: bool = False  # the content type, by the name alone


@dataclass(frozen=True)
class Standing:
    """How far an upload is; `part_size` is None for one without parts, `etags` are of the parts that are there."""

    file_id: str
    status: str = UPLOADING
    part_size: int | None = None
    etags: dict[int, str] = field(default_factory=dict)
    signed: Signed | None = None


@dataclass(frozen=True)
class Upload:
    """The upload of one open file."""

    calls: FileCalls
    storage: Storage
    file: LocalFile
    bookmark: Bookmark
    tell: Tell
    throttle: Throttle
    patience_s: float

    async def run(self, wish: Wish) -> Uploaded:
        """Raises `ProblemError` (refused, or the stored bytes are others), `LocalFileError` and what the network does.

        After the latter, another run with the same bookmark sends only what is missing."""
        try:
            standing = await self._earlier() or await self._begin(wish)
            return await self._finish(standing)
        except ProblemError as error:
            if error.status in OVER:
                self.bookmark.clear()
            raise

    async def _begin(self, wish: Wish) -> Standing:
        try:
            begun = await self._initiate(wish, wish.content_type)
        except ProblemError as error:
            if error.code != NOT_ALLOWED or not wish.is_guess:
                raise
            begun = await self._initiate(wish, ANYTHING)
        path = os.fsencode(self.file.path.absolute()).decode(errors="replace")
        self.bookmark.save(Begun(begun.file_id, path, self.file.size, self.file.mtime_ns))
        return Standing(begun.file_id, part_size=begun.upload.part_size, signed=begun.upload)

    async def _initiate(self, wish: Wish, content_type: str) -> Initiated:
        return await self.calls.initiate(wish.filename, self.file.size, content_type, wish.conversation_id)

    async def _earlier(self) -> Standing | None:
        """What an interrupted run has left; None where there is nothing to go on with."""
        begun = self.bookmark.load()
        if begun is None:
            return None
        if not begun.is_of(self.file):
            await self._throw_away(begun.file_id)
            return None
        try:
            return await self._among_parts(begun.file_id) or await self._beyond_parts(begun.file_id)
        except ProblemError as error:
            if error.status not in OVER:
                raise
            return None

    async def _among_parts(self, file_id: str) -> Standing | None:
        try:
            found = await self.calls.parts(file_id)
        except ProblemError as error:
            if error.status != 409:
                raise
            return None
        if found.status != UPLOADING:
            return None
        sizes = {p.number: p.size for p in pieces_of(self.file.size, found.part_size or self.file.size)}
        etags = {part.part_number: part.etag for part in found.parts if sizes.get(part.part_number) == part.size}
        return Standing(file_id, part_size=found.part_size if len(sizes) > 1 else None, etags=etags)

    async def _beyond_parts(self, file_id: str) -> Standing | None:
        """An upload whose bytes were all there; None where nothing came of it."""
        file = await self.calls.get(file_id)
        return None if file.status in HOPELESS else Standing(file_id, file.status)

    async def _finish(self, standing: Standing) -> Uploaded:
        pieces = pieces_of(self.file.size, standing.part_size or self.file.size)
        missing = [p for p in pieces if p.number not in standing.etags] if standing.status == UPLOADING else []
        kept = len(standing.etags)
        began = time.monotonic()
        sha256 = await self._send(standing, pieces, missing) if standing.status == UPLOADING else None
        sent = time.monotonic()
        self._tell("verifying")
        if sha256 is not None:
            await self.calls.complete(standing.file_id, sha256, standing.etags if standing.part_size else None)
        stored = await self._completed(standing.file_id)
        self.bookmark.clear()
        return Uploaded(
            file=stored,
            resumed=standing.signed is None,
            parts=len(pieces),
            parts_sent=len(missing),
            parts_kept=kept,
            bytes_sent=sum(piece.size for piece in missing),
            transfer_s=sent - began,
            verify_s=time.monotonic() - sent,
        )

    async def _send(self, standing: Standing, pieces: list[Piece], missing: list[Piece]) -> str:
        """Sends what is missing; the answer is the checksum of everything."""
        in_parts = standing.part_size is not None
        signer = UploadSigner(self.calls, standing.file_id, [piece.number for piece in missing], in_parts=in_parts)
        if standing.signed is not None:
            signer.know(standing.signed)
        kept = self.file.size - sum(piece.size for piece in missing)
        start = Progress(
            phase="uploading",
            name=self.file.name,
            done=kept,
            total=self.file.size,
            kept=kept,
            parts=len(pieces),
            parts_kept=len(pieces) - len(missing),
        )
        sending = Sending(self.storage, self.file, signer, Meter(self.tell, start), self.throttle, self.patience_s)
        sha256 = await sending.send(missing, standing.etags)
        if self.file.has_changed():
            await self._throw_away(standing.file_id)
            raise LocalFileError(f"{self.file.path} changed while it was uploaded; nothing of it is kept.")
        return sha256

    async def _completed(self, file_id: str) -> StoredFile:
        """Waits while the server verifies and scans, for as long as half an hour."""
        end = time.monotonic() + VERIFY_S
        wait_s = FIRST_LOOK_S
        while (file := await self.calls.get(file_id)).status != COMPLETED:
            if file.status in HOPELESS:
                raise _refusal(file)
            if time.monotonic() > end:
                raise ParleyError(f"file {file_id} is still {file.status}")
            self._tell("scanning" if file.status == "scanning" else "verifying")
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LOOK_S)
        return file

    def _tell(self, phase: str) -> None:
        """All bytes are there; what comes takes as long as it takes."""
        self.tell(Progress(phase=phase, name=self.file.name, done=self.file.size, total=self.file.size))

    async def _throw_away(self, file_id: str) -> None:
        """It would be swept after a day anyway."""
        self.bookmark.clear()
        try:
            await self.calls.delete(file_id)
        except ParleyError:
            return


def _refusal(file: StoredFile) -> ProblemError:
    code, detail = (file.error.code, file.error.detail) if file.error else (file.status, "")
    return ProblemError(Problem(status=422, code=code, detail=detail or f"The file is {file.status}."))
