"""What becomes of uploaded bytes: put in place, read once, judged, scanned. As tasks of the process, each with a lease.

Whatever interrupts it, the document says how far it is, and another attempt begins where nothing is believed.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter

from libs.common.clock import now
from libs.common.errors import Problem, Retry, Unavailable
from libs.common.leases import LEASE_S, LeaseLostError, while_held
from libs.common.mongo import Document
from libs.common.storage_reading import Missing
from services.files.domain.objects import copy_key
from services.files.domain.types import detect_type
from services.files.domain.uploads import Parts, judge, missing_parts, parts_incomplete, size_mismatch
from services.files.handlers.scanning import scan
from services.files.scanners import Scanner

if TYPE_CHECKING:
    from libs.common.storage import Storage
    from services.files.store import FileStore

AGAIN_AFTER = timedelta(seconds=2)
MAX_FAULTS = 5

READ_BYTES = Counter("parley_files_read_bytes", "Bytes that were read to verify files.")
READ_SECONDS = Counter("parley_files_read_seconds", "How long that took, of all readers together.")
ENDED = Counter("parley_files_ended", "Files whose verification came to its end, by status.", ["status"])

log = logging.getLogger(__name__)


@dataclass
class Verifier:
    """`follow_up` is told of each file that has come to its end, with what is stored of it."""

    store: "FileStore"
    storage: "Storage"
    follow_up: Callable[[Document], Coroutine[Any, Any, None]]
    tasks: asyncio.TaskGroup
    scanner: Scanner | None = None
    at_once: int = 10
    lease_s: float = LEASE_S
    _running: dict[str, asyncio.Task[Retry | None]] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.at_once)

    @property
    def free(self) -> int:
        return max(0, self.at_once - len(self._running))

    def running(self, file_id: str) -> asyncio.Task[Retry | None] | None:
        return self._running.get(file_id)

    def start(self, document: Document) -> None:
        """`document` as it is with the lease of this attempt."""
        file_id = document["_id"]
        task = self.tasks.create_task(self._attempt(document))
        self._running[file_id] = task
        task.add_done_callback(lambda done: self._forget(file_id, done))

    def stop(self) -> None:
        """What is under way is given back, for whoever is there."""
        for task in self._running.values():
            task.cancel()

    def _forget(self, file_id: str, task: asyncio.Task[Retry | None]) -> None:
        if self._running.get(file_id) is task:
            del self._running[file_id]

    async def _attempt(self, document: Document) -> Retry | None:
        """None, or why it has to be tried again."""
        file_id, by = document["_id"], document["lease"]["by"]

        async def extend() -> bool:
            return await self.store.extend_lease(file_id, by, now() + timedelta(seconds=self.lease_s))

        try:
            await while_held(self._bounded(document), extend, self.lease_s)
        except LeaseLostError:
            log.warning("another took over: %s", file_id)
            await self._drop_copy(file_id, by)
        except Retry as error:
            log.warning("%s waits: %s", file_id, error)
            await self._give_back(document)
            return error
        except asyncio.CancelledError:
            await self._give_back(document)
            raise
        except Exception:
            log.exception("%s could not be verified", file_id)
            return await self._after_fault(document)
        return None

    async def _bounded(self, document: Document) -> None:
        async with self._slots:
            ended = await self._verify(document)
        self.tasks.create_task(self.follow_up(ended))

    async def _verify(self, document: Document) -> Document:
        """The document of a file that has come to its end."""
        try:
            if document["status"] == "verifying":
                found = await self._read(document)
                if self.scanner is None:
                    return await self._finish(document, {"status": "completed", "completed_at": now(), **found})
                document = await self._advance(document, {"status": "scanning", **found})
            return await self._finish(document, await self._scan(document))
        except Problem as problem:
            return await self._fail(document, problem)

    async def _scan(self, document: Document) -> dict[str, Any]:
        """Where the scanner was taken away meanwhile, files are not scanned any more: these neither."""
        if self.scanner is None:
            return {"status": "completed", "completed_at": now()}
        return await scan(document, self.scanner, self.storage)

    async def _read(self, document: Document) -> dict[str, Any]:
        """What the stored bytes are. Raises `Problem` where they are not what was announced."""
        key = await self._settle(document)
        begun = time.perf_counter()
        try:
            digest = await self.storage.digest(key)
        except Missing as error:
            raise Unavailable("S3", "an object that it has just made is not there") from error
        READ_BYTES.inc(digest.size)
        READ_SECONDS.inc(time.perf_counter() - begun)
        expected = [one for one in (document["claim"]["sha256"], document["sha256"]) if one]
        if problem := judge(digest.size, digest.sha256, document["size"], expected):
            raise problem
        detected = detect_type(digest.head, document["content_type"])
        return {"key": key, "sha256": digest.sha256, "detected_type": detected}

    async def _settle(self, document: Document) -> str:
        """Puts the bytes where no URL of a client leads any more; the key."""
        if document["upload"]["method"] == "multipart":
            return await self._join(document)
        upload = document["upload"]
        stored = await self.storage.stat(upload["key"])
        if stored is None or stored.size != document["size"]:
            raise size_mismatch(stored.size if stored else 0, document["size"])
        key = copy_key(document["_id"], document["lease"]["by"])
        if not await self.store.note_copy(document["_id"], document["lease"]["by"], key):
            raise LeaseLostError
        await self.storage.copy(upload["key"], key, document["content_type"])
        return key

    async def _join(self, document: Document) -> str:
        """The store is not asked whether parts are missing: some put together what is there."""
        upload = document["upload"]
        key: str = upload["key"]
        if await self.storage.stat(key):
            return key
        stored = {part.part_number: part for part in await self.storage.parts(key, upload["upload_id"])}
        parts = Parts(document["size"], upload["part_size"])
        claimed = {int(number): etag for number, etag in document["claim"]["parts"]}
        if missing := missing_parts(parts, {n: part.etag for n, part in stored.items()}, claimed):
            if await self.storage.stat(key):  # meanwhile, by an attempt that has lost its lease
                return key
            raise parts_incomplete(missing)
        chosen = [stored[number] for number in range(1, parts.count + 1)]
        if (size := sum(part.size for part in chosen)) != document["size"]:
            raise size_mismatch(size, document["size"])
        await self.storage.complete_multipart(key, upload["upload_id"], chosen)
        return key

    async def _fail(self, document: Document, problem: Problem) -> Document:
        error = {"code": problem.code, "detail": problem.detail}
        return await self._finish(document, {"status": "failed", "error": error})

    async def _advance(self, document: Document, fields: dict[str, Any]) -> Document:
        advanced = await self.store.advance(document["_id"], document["lease"]["by"], fields)
        if advanced is None:
            raise LeaseLostError
        return advanced

    async def _finish(self, document: Document, fields: dict[str, Any]) -> Document:
        ended = await self.store.finish(document["_id"], document["lease"]["by"], fields, now())
        if ended is None:
            raise LeaseLostError
        ENDED.labels(ended["status"]).inc()
        return ended

    async def _drop_copy(self, file_id: str, by: str) -> None:
        with suppress(Retry):
            await self.storage.delete(copy_key(file_id, by))

    async def _give_back(self, document: Document) -> None:
        try:
            await self.store.give_back(document["_id"], document["lease"]["by"], now() + AGAIN_AFTER)
        except Retry:
            log.warning("the lease of %s ends by itself", document["_id"])

    async def _after_fault(self, document: Document) -> Retry | None:
        """A fault of ours is tried again a few times, then the file fails: its owner learns of it."""
        try:
            if document.get("faults", 0) + 1 >= MAX_FAULTS:
                words = "It could not be verified; the fault is ours."
                await self._fail(document, Problem(422, "verification_failed", words))
                return None
            await self.store.note_fault(document["_id"], document["lease"]["by"])
        except (Retry, LeaseLostError):
            log.warning("the lease of %s ends by itself", document["_id"])
        await self._give_back(document)
        return Retry("The file could not be verified now.")
