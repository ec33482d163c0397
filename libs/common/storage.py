"""Objects in any S3: bytes go between clients and the store by signed URLs, past us, except to be verified."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import aiohttp
from miniopy_async.api import Minio
from miniopy_async.commonconfig import REPLACE, CopySource
from miniopy_async.datatypes import Part as MinioPart
from miniopy_async.error import MinioException, S3Error
from yarl import URL

from libs.common.cancellation import heed_cancellation
from libs.common.clock import now
from libs.common.errors import Unavailable
from libs.common.reading import Digest, Reading
from libs.common.storage_reading import CONNECT_S, LONG_S, READING, Missing, Place, expect, link

DEADLINE_S = 5.0
CHUNK = 256 * 1024
MAX_PARTS = 1000  # of an answer that lists them; uploads of ours have fewer
GONE = ("NoSuchKey", "NoSuchUpload")


@dataclass(frozen=True)
class Part:
    """Of a multipart upload, as it lies in the store."""

    part_number: int
    size: int
    etag: str


class Objects(Protocol):
    """What a worker needs that reads objects and writes small ones."""

    def read_object(self, key: str) -> AsyncGenerator[bytes, None]: ...

    async def put_object(self, key: str, content: bytes, content_type: str) -> None: ...

    async def delete(self, *keys: str) -> None: ...


class Storage:
    """Every method that asks raises `Unavailable` when the store does not answer; `Missing` where it says so."""

    def __init__(
        self, place: Place, client: Minio, http: aiohttp.ClientSession, readers: ThreadPoolExecutor, deadline_s: float
    ) -> None:
        self._deadline_s = deadline_s
        self._bucket = place.bucket
        self._region = place.region
        self._client = client
        self._http = http
        self._readers = readers
        self._tls = place.tls()
        self._inside, self._outside = place.signers()

    async def check(self) -> None:
        """For readiness: the bucket is there."""
        async with _answering(self._deadline_s):
            if not await self._client.bucket_exists(self._bucket):
                raise Unavailable("S3", f"it has no bucket {self._bucket}")

    async def make_bucket(self) -> None:
        """Where there is none; twice is once."""
        async with _answering(self._deadline_s):
            if not await self._client.bucket_exists(self._bucket):
                with _unless("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                    await self._client.make_bucket(self._bucket, self._region)

    def upload_url(self, key: str, lifetime: timedelta, at: datetime | None = None) -> str:
        """For one PUT, of whatever length."""
        return self._outside.presign("PUT", key, at or now(), lifetime)

    def part_url(
        self, key: str, upload_id: str, number: int, size: int, lifetime: timedelta, at: datetime | None = None
    ) -> str:
        """For one part of exactly `size` bytes: the store refuses any other length."""
        query = {"partNumber": str(number), "uploadId": upload_id}
        return self._outside.presign("PUT", key, at or now(), lifetime, query, {"content-length": str(size)})

    def download_url(self, key: str, lifetime: timedelta, disposition: str, content_type: str) -> str:
        return link(self._outside, key, lifetime, disposition, content_type)

    async def begin_multipart(self, key: str, content_type: str) -> str:
        async with _answering(self._deadline_s):
            headers: dict[str, Any] = {"Content-Type": content_type}
            return str(await self._client._create_multipart_upload(self._bucket, key, headers))

    async def parts(self, key: str, upload_id: str) -> list[Part]:
        """What is there already, by number; of an upload that is over, as of one that never was, nothing."""
        try:
            async with _answering(self._deadline_s):
                listed = await self._client._list_parts(self._bucket, key, upload_id, MAX_PARTS)
        except Missing:
            return []
        parts = [Part(p.part_number, int(p.size or 0), p.etag.strip('"')) for p in listed.parts]
        return sorted(parts, key=lambda part: part.part_number)

    async def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        ordered = [MinioPart(p.part_number, p.etag) for p in sorted(parts, key=lambda p: p.part_number)]
        async with _answering(LONG_S):
            with _outcome():
                joined = await self._client._complete_multipart_upload(self._bucket, key, upload_id, ordered)
                if not joined.etag:
                    raise ValueError("no ETag")

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        """With all its parts; twice is once."""
        with contextlib.suppress(Missing):
            async with _answering(self._deadline_s):
                await self._client._abort_multipart_upload(self._bucket, key, upload_id)

    async def copy(self, source: str, target: str, content_type: str) -> None:
        """Inside the store."""
        async with _answering(LONG_S):
            with _outcome():
                await self._client.copy_object(
                    self._bucket,
                    target,
                    CopySource(self._bucket, source),
                    metadata={"Content-Type": content_type},
                    metadata_directive=REPLACE,
                )

    async def stat(self, key: str) -> Part | None:
        """As if it were an upload of one part; None where there is nothing."""
        try:
            async with _answering(self._deadline_s):
                found = await self._client.stat_object(self._bucket, key)
        except Missing:
            return None
        return Part(1, int(found.size or 0), found.etag or "")

    async def delete(self, *keys: str) -> None:
        """What is not there is deleted already."""
        for key in keys:
            with contextlib.suppress(Missing):
                async with _answering(self._deadline_s):
                    await self._client.remove_object(self._bucket, key)

    async def put_object(self, key: str, content: bytes, content_type: str) -> None:
        """A small one, whole."""
        async with _answering(self._deadline_s):
            await self._client._put_object(self._bucket, key, content, {"Content-Type": content_type})

    async def put_stream(self, key: str, content: AsyncIterator[bytes], size: int, content_type: str) -> None:
        """Of exactly `size` bytes, as they come; what `content` raises ends it, and leaves nothing there."""
        url = self._inside.presign("PUT", key, now(), READING)
        headers = {"content-length": str(size), "content-type": content_type}
        async with (
            _answering(LONG_S),
            self._http.put(_as_signed(url), data=content, headers=headers, ssl=self._tls or True) as answer,
        ):
            expect(answer.status)

    async def read_object(self, key: str) -> AsyncGenerator[bytes, None]:
        """In pieces of at most `CHUNK` bytes; close it where you stop before the end."""
        url = self._inside.presign("GET", key, now(), READING)
        with answering():
            async with self._http.get(_as_signed(url), ssl=self._tls or True) as answer:
                expect(answer.status)
                async for chunk in answer.content.iter_chunked(CHUNK):
                    yield chunk

    async def digest(self, key: str) -> Digest:
        """Size, SHA-256 and first bytes of an object, read once, in a thread of its own with one small buffer.

        Threads are as many as the store was opened with: who comes later waits for one.
        """
        url = self._inside.presign("GET", key, now(), READING)
        reading = Reading(url, self._tls, CHUNK)
        loop = asyncio.get_running_loop()
        try:
            status, digest = await loop.run_in_executor(self._readers, reading.run)
        except OSError as error:
            raise Unavailable("S3", type(error).__name__) from error
        finally:
            reading.stop()
        expect(status)
        return digest


@asynccontextmanager
async def connect(place: Place, readers: int = 10, deadline_s: float = DEADLINE_S) -> AsyncIterator[Storage]:
    """Does not wait for the store; every call has a deadline. `readers` bounds how many objects are read at once."""
    secure = urlsplit(place.url).scheme == "https"
    timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_S, sock_read=LONG_S)
    connector = aiohttp.TCPConnector(limit=50, ssl=place.tls() or True)
    pool = ThreadPoolExecutor(readers, "reader")
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
        client = Minio(
            urlsplit(place.url).netloc,
            access_key=place.access_key,
            secret_key=place.secret_key,
            secure=secure,
            region=place.region,
            session=http,
        )
        if not place.path_style:
            client.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
        try:
            yield Storage(place, client, http, pool, deadline_s)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def _answering(within_s: float) -> AsyncIterator[None]:
    with answering():
        async with asyncio.timeout(within_s):
            yield


@contextmanager
def answering() -> Iterator[None]:
    """Turns what says "not now" into `Unavailable`, "there is none" into `Missing`; a bug passes through."""
    try:
        yield
    except S3Error as error:
        heed_cancellation()
        if error.code in GONE:
            raise Missing(error.code) from error
        raise Unavailable("S3", str(error.code)) from error
    except (MinioException, aiohttp.ClientError, TimeoutError, OSError) as error:
        heed_cancellation()
        raise Unavailable("S3", type(error).__name__) from error


@contextmanager
def _outcome() -> Iterator[None]:
    """Of work that takes long: a store says 200 before it knows; that it failed the body says, or its early end."""
    try:
        yield
    except (ParseError, ValueError) as error:
        heed_cancellation()
        raise Unavailable("S3", "it did not come to an end") from error


@contextmanager
def _unless(*codes: str) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code not in codes:
            raise


def _as_signed(url: str) -> URL:
    """As it stands: another spelling would be another signature."""
    return URL(url, encoded=True)
