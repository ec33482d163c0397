"""The store's answers that are neither yes nor no."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from libs.common import storage
from libs.common.errors import Unavailable
from libs.common.storage_reading import Place

FAILED = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
CUT_OFF = b'<?xml version="1.0" encoding="UTF-8"?>'
PARTS = [storage.Part(1, 5, "a")]


@asynccontextmanager
async def a_store_that_says(body: bytes) -> AsyncIterator[storage.Storage]:
    """200, and this: what takes long is answered before its outcome is known.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """

    async with a_store_that_answers(200, body) as objects:
        yield objects


@asynccontextmanager
async def a_store_that_answers(status: int, body: bytes) -> AsyncIterator[storage.Storage]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} x\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, storage.connect(Place(url, "b", "k", "s")) as objects:
        yield objects


@pytest.mark.parametrize("body", [FAILED, CUT_OFF], ids=["failed", "cut off"])
@pytest.mark.parametrize(
    "work",
    [
        lambda objects: objects.complete_multipart("key", "upload", PARTS),
        lambda objects: objects.copy("from", "to", "text/plain"),
    ],
    ids=["join", "copy"],
)
async def test_work_that_failed_after_its_answer_began_is_to_be_tried_again(
    body: bytes, work: Callable[[storage.Storage], Awaitable[None]]
) -> None:
    async with a_store_that_says(body) as objects:
        with pytest.raises(Unavailable):
            await work(objects)


async def test_of_an_upload_that_is_over_there_are_no_parts() -> None:
    """Some stores say so by an empty list."""
    async with a_store_that_answers(404, b"<Error><Code>NoSuchUpload</Code></Error>") as objects:
        assert await objects.parts("key", "upload") == []
