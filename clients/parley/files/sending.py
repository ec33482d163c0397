"""The bytes of one upload: its missing pieces to the store, side by side, and the checksum meanwhile."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from clients.parley.errors import ParleyError
from clients.parley.files.local import LocalFile
from clients.parley.files.signer import Target, UploadSigner
from clients.parley.files.storage import Storage
from clients.parley.files.transfer import Meter, Piece, Throttle, each_in_parallel, repeated, together


@dataclass(frozen=True)
class Sending:
    """What it takes to send pieces of a file."""

    storage: Storage
    file: LocalFile
    signer: UploadSigner
    meter: Meter
    throttle: Throttle
    patience_s: float

    async def send(self, pieces: list[Piece], etags: dict[int, str]) -> str:
        """Adds to `etags` as pieces arrive; the answer is the SHA-256 of the whole file."""

        async def send_one(piece: Piece) -> None:
            etags[piece.number] = await self._send(piece)

        async with together() as group:
            hashing = group.create_task(self.file.sha256())
            group.create_task(each_in_parallel(pieces, send_one))
        return hashing.result()

    async def _send(self, piece: Piece) -> str:
        used: Target | None = None

        async def once() -> str:
            nonlocal used
            used = await self.signer.target(piece.number, refused=used)
            return await self._try(piece, used)

        return await repeated(once, self.patience_s)

    async def _try(self, piece: Piece, target: Target) -> str:
        moved = 0

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal moved
            async for chunk in self.file.chunks(piece.offset, piece.size):
                yield chunk
                moved += len(chunk)
                self.meter.moved(len(chunk))
                await self.throttle.passed(len(chunk))

        try:
            return await self.storage.put(target.url, target.headers, piece.size, chunks())
        except ParleyError:
            self.meter.moved(-moved)
            raise
