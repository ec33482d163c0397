"""What reads an object gets all of it, or hears why not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from libs.common.clock import now
from libs.common.errors import Unavailable
from libs.common.storage_reading import READING, Missing, Place, Stored, connect

KEY = "files/a b/ü+%.txt"
TEN = b"Content-Length: 10\r\n\r\n"


@asynccontextmanager
async def a_store_that_says(
    answer: bytes,
) -> AsyncIterator[tuple[Stored, Place, list[str]]]:
    """Beside it, where it is, and the targets that it was asked for."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split()[1].decode())
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    place = Place(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "b", "k", "s")
    async with server, connect(place) as objects:
        yield objects, place, asked


async def read(objects: Stored) -> bytes:
    async with aclosing(objects.read_object(KEY)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_it_is_asked_for_exactly_what_was_signed() -> None:
    async with a_store_that_says(b"HTTP/1.1 200 OK\r\n" + TEN + b"0123456789") as (objects, place, asked):
        inside, _ = place.signers()
        before = inside.presign("GET", KEY, now(), READING)
        assert await read(objects) == b"0123456789"
        signed = [before, inside.presign("GET", KEY, now(), READING)]  # two: it may become another day meanwhile
        assert asked[0].split("&X-Amz-Date")[0] in [
            url.removeprefix(place.url).split("&X-Amz-Date")[0] for url in signed
        ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", Missing),
        (b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\n" + TEN + b"0123", Unavailable),
        (b"", Unavailable),
    ],
    ids=["gone", "not now", "cut off", "no answer"],
)
async def test_what_does_not_come_is_said(answer: bytes, error: type[Exception]) -> None:
    async with a_store_that_says(answer) as (objects, _, _):
        with pytest.raises(error):
            await read(objects)
