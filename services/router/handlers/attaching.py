"""What happens to a file that somebody sent on a platform: fetched, handed over, and a file message; or a reason."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, NamedTuple

from prometheus_client import Counter

from connectors.sdk import Attachment, Connector, Refused, Throttled, Unreachable
from libs.common.errors import Retry, Unavailable
from libs.common.events import Payload
from services.router.attached import MAX_FILENAME, UNNAMED, Coming, Kept, Unkept, kept, not_kept
from services.router.inbound import Place, Told, shortened

if TYPE_CHECKING:
    from services.router.keeping import FileKeeper

MIB = 1024 * 1024
MOST_BYTES = 128 * MIB
"""Of any platform: what the service of files takes in one piece."""
AT_ONCE = 8
IN_MEMORY = MIB  # of each; the rest is on disk
CHUNK = 256 * 1024
SLOWEST = 128 * 1024  # bytes per second: what is slower is given up, and tried again
START_S = 30.0
PLATFORM_S = 120.0
"""So long a platform is asked again."""
OURS_S = 3600.0
"""So long we wait for a part of ours, or as long as a platform asks for."""

FILES = Counter("parley_inbound_files", "Files that people on platforms sent.", ["channel", "account", "end"])


class Fetched(NamedTuple):
    content: IO[bytes]
    size: int
    sha256: str


@dataclass(frozen=True)
class Attaching:
    """`limits`: how many bytes may be fetched, by (channel, account). Safe to run twice: the file is the same."""

    connectors: Mapping[tuple[str, str], Connector]
    limits: Mapping[tuple[str, str], int]
    keeper: "FileKeeper"
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def attach(self, told: Told, what: Attachment, key: str, place: Place, waited_s: float) -> Payload:
        """`key` tells a repetition; `waited_s`: since it was tried first. Raises `Retry` while waiting may help."""
        account = told.event.channel, told.event.account
        try:
            file_id, file = await self._kept(account, what, key, place, waited_s)
        except Unkept as why:
            FILES.labels(*account, why.code).inc()
            return not_kept(what, why.code)
        FILES.labels(*account, "kept").inc()
        return kept(what, file_id, file)

    async def _kept(self, account: tuple[str, str], what: Attachment, key: str, place: Place, waited_s: float) -> Kept:
        limit = self.limits[account]
        if what.size is not None and what.size > limit:
            raise Unkept("too_large")
        try:
            if known := await self.keeper.find(key):
                return known
            async with self.slots:
                with spooled() as spool:
                    found = await self._fetch(account, what, limit, spool, waited_s)
                    return await self.keeper.keep(_coming(key, place, what, found), _pieces(found.content))
        except Unavailable:
            if waited_s > OURS_S:
                raise Unkept("storage_unavailable") from None
            raise

    async def _fetch(
        self, account: tuple[str, str], what: Attachment, limit: int, spool: IO[bytes], waited_s: float
    ) -> Fetched:
        try:
            async with asyncio.timeout(START_S + limit / SLOWEST):
                _, content = await self.connectors[account].open_file(what.ref)
                return await _read(content, limit, spool)
        except Refused as refused:
            if refused.code != "unauthorized":
                raise Unkept(refused.code) from None
            failure, after_s, patience_s = str(refused), 0.0, OURS_S
        except Throttled as throttled:
            failure, after_s, patience_s = str(throttled), throttled.after_s, OURS_S
        except (Unreachable, TimeoutError) as error:
            failure, after_s, patience_s = str(error) or "too slow", 0.0, PLATFORM_S
        if waited_s > patience_s:
            raise Unkept("platform_unreachable")
        raise Retry(f"a file of {'/'.join(account)} cannot be fetched: {failure}", after_s)


@contextmanager
def spooled() -> Iterator[IO[bytes]]:
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
        yield spool


async def _read(content: AsyncIterator[bytes], limit: int, spool: IO[bytes]) -> Fetched:
    digest, size = hashlib.sha256(), 0
    async for piece in content:
        size += len(piece)
        if size > limit:
            raise Unkept("too_large")
        digest.update(piece)
        spool.write(piece)
    if not size:
        raise Unkept("empty")
    spool.seek(0)
    return Fetched(spool, size, digest.hexdigest())


async def _pieces(content: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := content.read(CHUNK):
        yield piece


def _coming(key: str, place: Place, what: Attachment, found: Fetched) -> Coming:
    filename = shortened(what.filename or UNNAMED, MAX_FILENAME)
    return Coming(
        key, place.sender, place.conversation_id, filename, what.content_type[:MAX_FILENAME], found.size, found.sha256
    )
