"""One download: ranges side by side into a .part file, the checksum compared, and only then the name."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from clients.parley.errors import AlreadyThereError, LocalFileError, ParleyError
from clients.parley.files.calls import FileCalls
from clients.parley.files.local import MOST_BYTES, in_words
from clients.parley.files.names import safe_name
from clients.parley.files.objects import COMPLETED, Downloaded, Progress, StoredFile, Tell
from clients.parley.files.signer import DownloadSigner, Target
from clients.parley.files.storage import Storage
from clients.parley.files.transfer import Meter, Piece, each_in_parallel, repeated
from clients.parley.files.unfinished import Unfinished, unfinished


@dataclass(frozen=True)
class Download:
    """The download of one file; another one to the same name goes on where it was interrupted."""

    calls: FileCalls
    storage: Storage
    tell: Tell
    piece_bytes: int
    patience_s: float

    async def run(self, file_id: str, into: Path, *, replace: bool) -> Downloaded:
        """`into` is a folder that exists, or the file to be made."""
        file = await self.calls.get(file_id)
        if file.status != COMPLETED:
            raise ParleyError(f"file {file_id} cannot be downloaded: it is {file.status}")
        if not 1 <= file.size <= MOST_BYTES:
            raise ParleyError(f"file {file_id} is said to have {file.size} bytes, which no file has")
        with in_words(into):
            path = _place(file, into, replace=replace)
        with unfinished(path, file, self.piece_bytes) as part:
            return await self._fill(file, part, path, replace=replace)

    async def _fill(self, file: StoredFile, part: Unfinished, path: Path, *, replace: bool) -> Downloaded:
        missing = part.missing
        received = sum(piece.size for piece in missing)
        began = time.monotonic()
        await self._fetch_all(file, part, missing, path.name)
        fetched = time.monotonic()
        self.tell(Progress(phase="checking", name=path.name, done=file.size, total=file.size))
        if await part.sha256() != file.sha256:
            part.give_up()
            raise ParleyError(f"what came of file {file.file_id} has another checksum; nothing of it is kept")
        await part.rename(path, replace=replace)
        return Downloaded(
            file=file,
            path=str(path),
            bytes_received=received,
            transfer_s=fetched - began,
            check_s=time.monotonic() - fetched,
        )

    async def _fetch_all(self, file: StoredFile, part: Unfinished, missing: list[Piece], name: str) -> None:
        signer = DownloadSigner(self.calls, file.file_id, file.download_url, file.download_expires_at)
        kept = file.size - sum(piece.size for piece in missing)
        start = Progress(
            phase="downloading",
            name=name,
            done=kept,
            total=file.size,
            kept=kept,
            parts=len(part.pieces),
            parts_kept=len(part.pieces) - len(missing),
        )
        meter = Meter(self.tell, start)

        async def fetch(piece: Piece) -> None:
            await self._fetch(piece, part, signer, meter)
            part.mark(piece)

        await each_in_parallel(missing, fetch)

    async def _fetch(self, piece: Piece, part: Unfinished, signer: DownloadSigner, meter: Meter) -> None:
        """A connection that breaks costs what was on its way; what is written stays."""
        used: Target | None = None
        got = 0

        async def take(chunk: bytes) -> None:
            nonlocal got
            await part.write(piece.offset + got, chunk)
            got += len(chunk)
            meter.moved(len(chunk))

        async def once() -> None:
            nonlocal used
            used = await signer.target(refused=used)
            if got < piece.size:
                await self.storage.get(used.url, piece.offset + got, piece.size - got, take)

        await repeated(once, self.patience_s)


def _place(file: StoredFile, into: Path, *, replace: bool) -> Path:
    path = into / safe_name(file.filename, f"file-{file.file_id}") if into.is_dir() else into
    if not replace and os.path.lexists(path):
        raise AlreadyThereError(f"{path} exists already.")
    if path.is_dir():
        raise LocalFileError(f"{path} is a directory.")
    if os.path.lexists(path) and not (path.is_symlink() or path.is_file()):
        raise LocalFileError(f"{path} is no regular file.")
    return path
