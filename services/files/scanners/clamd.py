"""ClamAV: a file goes to clamd by INSTREAM, over TCP or a Unix socket (https://docs.clamav.net, clamd(8))."""

from collections.abc import AsyncIterator

from services.files.scanners.verdicts import ScanRefused, Verdict, found
from services.files.scanners.wire import Address, Deadlines, Wire, connected, unavailable

MAX_REPLY = 4096
PIECE = 256 * 1024


class Clamd:
    """`largest` bytes are what it is known to read whole: beyond its MaxFileSize, clamd says OK without a look."""

    def __init__(self, address: Address, largest: int, deadlines: Deadlines | None = None) -> None:
        self._address = address
        self._largest = largest
        self._deadlines = deadlines or Deadlines()
        self.name = f"clamd at {address}"

    async def scan(self, chunks: AsyncIterator[bytes], size: int) -> Verdict:
        if size > self._largest:
            raise ScanRefused(f"The scanner takes files up to {self._largest} bytes.")
        async with connected(self._address, self._deadlines) as wire:
            reply = await wire.exchange(_stream(wire, chunks), wire.read_until(b"\0", MAX_REPLY))
            verdict = verdict_of(reply[:-1].decode("utf-8", "replace"))
            if verdict is None:
                raise unavailable(f"it says {reply[:-1]!r}")
            return verdict

    async def check(self) -> None:
        async with connected(self._address, self._deadlines) as wire:
            await wire.send(b"zPING\0")
            reply = await wire.in_time(wire.read_until(b"\0", MAX_REPLY))
            if reply != b"PONG\0":
                raise unavailable(f"it says {reply[:-1]!r}")


async def _stream(wire: Wire, chunks: AsyncIterator[bytes]) -> None:
    await wire.send(b"zINSTREAM\0")
    async for chunk in chunks:
        for start in range(0, len(chunk), PIECE):
            piece = chunk[start : start + PIECE]
            await wire.send(len(piece).to_bytes(4, "big") + piece)
    await wire.send(bytes(4))


def verdict_of(reply: str) -> Verdict | None:
    """None where the reply says nothing about the file, so that it is asked again. Raises `ScanRefused`."""
    if reply == "stream: OK":
        return Verdict(clean=True)
    if reply.startswith("stream: ") and reply.endswith(" FOUND"):
        return found(reply.removeprefix("stream: ").removesuffix(" FOUND"))
    if reply.startswith("INSTREAM size limit exceeded"):
        raise ScanRefused("The file is larger than what the scanner takes.")
    return None
