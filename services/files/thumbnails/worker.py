"""What happens to a completed image: thumbnails beside it, or the reason why there are none; a few at a time."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from prometheus_client import Histogram

from libs.common.bus import Record, Rejected
from libs.common.errors import Retry
from libs.common.events import FileEvent
from libs.common.incoming import read
from libs.common.mongo import Document
from libs.common.storage_reading import Missing
from services.files.domain.objects import thumbnail_key
from services.files.thumbnails.child import CONTENT_TYPE, FORMATS, SIDES, Bounds, Made, Refusal, make_thumbnails

if TYPE_CHECKING:
    from libs.common.storage import Objects
    from services.files.store import FileStore

AT_ONCE = 2

SECONDS = Histogram(
    "parley_thumbnails_seconds", "From reading an image to having its thumbnails.", ["outcome"],
    buckets=(0.1, 0.2, 0.5, 1, 2, 5, 15, 60),
)  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Thumbnails:
    """`file.events` → `thumbnails` of completed images. Safe to run twice: an image that has its outcome is left alone.

    Objects are written before they are recorded, always under the same keys; where the file is gone by then, or when
    the event comes again, they are deleted.
    """

    store: "FileStore"
    objects: "Objects"
    stop: asyncio.Event
    """Set, the images under way are given back: they come again with their events."""
    bounds: Bounds = field(default_factory=Bounds)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def handle(self, batch: Sequence[Record]) -> list[Rejected]:
        incoming, rejected = read(FileEvent, batch)
        await self.on_files([one.event for one in incoming])
        return rejected

    async def checkpoint(self) -> None:
        """Everything is durable already."""

    def forget(self) -> None:
        """Nothing is remembered."""

    async def on_files(self, events: Iterable[FileEvent]) -> None:
        """Returns when each image of them has its outcome. Raises `Retry` to get them again."""
        ids = [e.file_id for e in events if e.status == "completed" and e.detected_type in FORMATS]
        documents = await self.store.find_each(ids) if ids else {}
        work = [self._one(documents[file_id]) for file_id in documents if is_due(documents[file_id])]
        work += [self.objects.delete(*keys_of(file_id)) for file_id in set(ids) - documents.keys()]
        await self._unless_stopped(work)

    async def _unless_stopped(self, work: Sequence[Coroutine[Any, Any, None]]) -> None:
        """All of it. Where one fails, or this process is to end, the others are given up: they come again."""
        try:
            async with asyncio.TaskGroup() as tasks:
                stopping = tasks.create_task(self._stopping())
                await asyncio.gather(*(tasks.create_task(one) for one in work))
                stopping.cancel()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _stopping(self) -> NoReturn:
        await self.stop.wait()
        raise Retry("the end of this process")

    async def _one(self, document: Document) -> None:
        async with self.slots:
            begun = time.monotonic()
            try:
                made = await self._made(document)
            except Refusal as refusal:
                log.warning("no thumbnails of %s: %s", document["_id"], refusal.detail)
                await self.store.refuse_thumbnails(document["_id"], {"code": refusal.code, "detail": refusal.detail})
                SECONDS.labels(refusal.code).observe(time.monotonic() - begun)
                return
            await self._keep(document["_id"], made)
            SECONDS.labels("made").observe(time.monotonic() - begun)

    async def _made(self, document: Document) -> list[Made]:
        try:
            async with aclosing(self.objects.read_object(document["key"])) as chunks:
                return await make_thumbnails(chunks, document["size"], document["detected_type"], self.bounds)
        except Missing:
            log.warning("the object of %s is gone", document["_id"])
            return []

    async def _keep(self, file_id: str, made: Sequence[Made]) -> None:
        for one in made:
            await self.objects.put_object(thumbnail_key(file_id, one.side), one.content, CONTENT_TYPE)
        if not await self.store.add_thumbnails(file_id, [record_of(file_id, one) for one in made]):
            await self.objects.delete(*keys_of(file_id))


def is_due(document: Document) -> bool:
    is_image = document["status"] == "completed" and document["detected_type"] in FORMATS
    return is_image and not document["thumbnails"] and not document.get("thumbnails_error")


def keys_of(file_id: str) -> list[str]:
    return [thumbnail_key(file_id, side) for side in SIDES]


def record_of(file_id: str, made: Made) -> Document:
    return {
        "width": made.width,
        "height": made.height,
        "content_type": CONTENT_TYPE,
        "size": len(made.content),
        "key": thumbnail_key(file_id, made.side),
    }
