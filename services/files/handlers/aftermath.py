"""What follows the end of a file, and what finds work that a crash or an outage left undone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from libs.common import events, tracing
from libs.common.bus import Publish
from libs.common.clock import now, rfc3339
from libs.common.errors import Retry
from libs.common.events import FILE_EVENTS, FileError, FileEvent
from libs.common.files import DELETED
from libs.common.leases import new_lease
from libs.common.mongo import Document
from libs.common.telemetry import traceparent
from services.files.domain.objects import debris
from services.files.domain.uploads import ABANDONED_AFTER, size_mismatch
from services.files.handlers.verifying import Verifier

if TYPE_CHECKING:
    from libs.common.storage import Storage
    from services.files.store import FileStore

TICK_S = 5.0
A_MOMENT = timedelta(seconds=10)  # that who ended a file has to tell of it
A_MINUTE = timedelta(minutes=1)
A_LONG_COPY = timedelta(minutes=10)  # that was under way when its file was deleted
SOME = 100
SOURCE = "/parley/files"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Aftermath:
    store: "FileStore"
    storage: "Storage"
    publish: Publish

    async def follow_up(self, document: Document) -> None:
        """Right after the end, or a deletion; what does not work now is found again."""
        for step in (self.tell, self.tidy) if document.get("untold") else (self.tidy,):
            try:
                await step(document)
            except Retry as error:
                log.warning("%s waits: %s", document["_id"], error)
            except Exception:
                log.exception("%s is left for later", document["_id"])

    async def tell(self, document: Document) -> None:
        """The same event again where it is not known to be told: who hears it takes it twice without harm."""
        event = file_event(document)
        event_id, trace = f"{event.file_id}/{event.status}", traceparent.get() or tracing.enter(None)
        headers = events.cloud_headers(event, event_id, SOURCE, rfc3339(now()), trace)
        await self.publish(FILE_EVENTS, event.file_id, events.encode(event), headers)
        await self.store.told(event.file_id)

    async def tidy(self, document: Document) -> None:
        """Deletes what may not be left of it; once more when nothing can come any more that was under way."""
        upload = document["upload"]
        await self.storage.delete(*debris(document))
        if upload["method"] == "multipart" and "upload_id" in upload:
            await self.storage.abort_multipart(upload["key"], upload["upload_id"])
        void_at = max(upload["expires_at"], document["updated_at"] + A_LONG_COPY) + A_MINUTE
        if now() < void_at:
            await self.store.tidied(document, void_at)
        elif document["status"] == DELETED:
            await self.store.remove(document["_id"])
        else:
            await self.store.tidied(document, None)

    async def look_again(self, document: Document) -> None:
        await (self._measure(document) if document["status"] == "uploading" else self.tidy(document))

    async def _measure(self, document: Document) -> None:
        """No URL of it is good any more: more bytes than were announced go now, and not when they are a day old.

        Of a single piece: that of a part binds its length.
        """
        upload = document["upload"]
        stored = await self.storage.stat(upload["key"]) if upload["method"] == "single" else None
        if stored is None or stored.size <= document["size"]:
            await self.store.tidied(document, None)
            return
        problem = size_mismatch(stored.size, document["size"])
        error = {"code": problem.code, "detail": problem.detail}
        if ended := await self.store.abandon(document["_id"], {"status": "failed", "error": error}, now()):
            await self.follow_up(ended)


@dataclass(frozen=True)
class Recovery:
    """Looks for what was left undone, by whichever process: any number may look at once."""

    store: "FileStore"
    verifier: Verifier
    aftermath: Aftermath
    tick_s: float = TICK_S

    async def run(self) -> NoReturn:
        while True:
            for step in (self.take_up, self.tell, self.tidy, self.sweep):
                try:
                    await step(now())
                except Retry as error:
                    log.warning("recovery waits: %s", error)
                except Exception:
                    log.exception("recovery failed")
            await asyncio.sleep(self.tick_s)

    async def take_up(self, at: datetime) -> None:
        """Files whose worker died, or gave them back."""
        free = self.verifier.free
        for document in await self.store.without_lease(at, free) if free else ():
            if begun := await self.store.take_over(document["_id"], new_lease(self.verifier.lease_s, at)):
                self.verifier.start(begun)

    async def tell(self, at: datetime) -> None:
        await self._each(await self.store.untold(at - A_MOMENT, SOME), self.aftermath.tell)

    async def tidy(self, at: datetime) -> None:
        """What files left in the store that have ended, and what those have too much that have not."""
        await self._each(await self.store.untidy(at, SOME), self._tidy)

    async def sweep(self, at: datetime) -> None:
        """Uploads that nobody has completed in `ABANDONED_AFTER` fail, and what came of them goes."""
        error = {"code": "upload_abandoned", "detail": "It was not completed in time."}
        for document in await self.store.abandoned(at - ABANDONED_AFTER, SOME):
            if ended := await self.store.abandon(document["_id"], {"status": "failed", "error": error}, now()):
                await self.aftermath.follow_up(ended)

    async def _tidy(self, document: Document) -> None:
        """The store may refuse this one alone: where it does not work, the others come first the next time."""
        try:
            await self.aftermath.look_again(document)
        except Exception:
            await self.store.tidied(document, now() + A_MINUTE)
            raise

    async def _each(self, documents: Sequence[Document], step: Callable[[Document], Awaitable[None]]) -> None:
        """What is wrong with one is no matter of the others; where something needed is away, all wait."""
        for document in documents:
            try:
                await step(document)
            except Retry:
                raise
            except Exception:
                log.exception("%s is left for later", document["_id"])


def file_event(document: Document) -> FileEvent:
    error = document["error"]
    is_read = document["detected_type"] is not None
    return FileEvent(
        file_id=document["_id"],
        owner=document["owner"],
        status=document["status"],
        filename=document["filename"],
        size=int(document["size"]),
        content_type=document["content_type"],
        detected_type=document["detected_type"],
        sha256=document["sha256"] if is_read else None,
        conversation_id=document["conversation_id"],
        error=FileError(error["code"], error["detail"]) if error else None,
        at=rfc3339(document["updated_at"]),
    )
