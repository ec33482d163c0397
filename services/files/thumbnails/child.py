"""Runs the decoder for one image, within bounds of memory and time, and believes nothing of what it says unchecked."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

DECODER = Path(__file__).with_name("decoder.py")
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
CONTENT_TYPE = "image/webp"
SIDES = (160, 640)
MIB = 1024 * 1024
MAX_OUTPUT = 4 * MIB
START_S = 60.0
READY = b"ready\n"

REFUSALS = {
    "too_large": "The image has more bytes than are decoded.",
    "too_many_pixels": "The image has more pixels than are decoded.",
    "too_much_memory": "Decoding the image takes more memory than it is given.",
    "took_too_long": "Decoding the image takes more time than it is given.",
    "broken_image": "The image is incomplete or broken.",
    "decoder_died": "The image ended its decoder.",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    size: int = 64 * MIB
    pixels: int = 50_000_000
    side: int = 32_768
    memory: int = 1024 * MIB  # address space of the child: what 50 million pixels with transparency take, and its code
    scans: int = 100  # of a JPEG; cameras and programs make about 10, and of 50 million pixels each takes 25 ms
    cpu_s: int = 15
    wall_s: int = 60


@dataclass(frozen=True, slots=True)
class Made:
    """One thumbnail: it fits into a square of `side`."""

    side: int
    width: int
    height: int
    content: bytes


class Refusal(Exception):
    """This image never gets thumbnails; `code` is one of `REFUSALS`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = REFUSALS[code]


class Answer(msgspec.Struct):
    """The decoder's line: width, height and length of each, or a code."""

    made: list[tuple[int, int, int]] = []
    refused: str = ""


async def make_thumbnails(chunks: AsyncIterator[bytes], size: int, kind: str, bounds: Bounds) -> list[Made]:
    """`kind` is one of `FORMATS`, the caller closes `chunks`. Raises `Refusal`, and what reading `chunks` raises."""
    if size > bounds.size:
        raise Refusal("too_large")
    process = await _started()
    try:
        await _ordered(process, size, kind, bounds)
        await _feed(process, chunks)
        async with asyncio.timeout(bounds.wall_s):
            said = await _hear(process)
            await process.wait()
    except TimeoutError:
        raise Refusal("took_too_long") from None
    finally:
        await _ended(process)
    return _judged(said, process.returncode or 0)


async def _started() -> asyncio.subprocess.Process:
    """Without our environment, which holds secrets, and leading a group of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(DECODER)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={},
        cwd="/",
        start_new_session=True,
    )


async def _ordered(process: asyncio.subprocess.Process, size: int, kind: str, bounds: Bounds) -> None:
    """Returns when the decoder has given up its rights. That it cannot even start is a fault of ours."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with suppress(ConnectionError):
        process.stdin.write(_order(size, kind, bounds))
        await process.stdin.drain()
    async with asyncio.timeout(START_S):
        if await process.stdout.readline() != READY:
            raise RuntimeError(
                f"the decoder does not start: {(await process.stderr.read(2000)).decode(errors='replace')}"
            )


def _order(size: int, kind: str, bounds: Bounds) -> bytes:
    order: Mapping[str, Any] = {
        "format": FORMATS[kind],
        "size": size,
        "sides": SIDES,
        "pixels": bounds.pixels,
        "side": bounds.side,
        "scans": bounds.scans,
        "memory": bounds.memory,
        "cpu_s": bounds.cpu_s,
    }
    return msgspec.json.encode(order) + b"\n"


async def _feed(process: asyncio.subprocess.Process, chunks: AsyncIterator[bytes]) -> None:
    """It takes everything before it looks at any of it, so nothing in the image can hold us up here."""
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        async for chunk in chunks:
            process.stdin.write(chunk)
            await process.stdin.drain()
    process.stdin.close()


async def _hear(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    said = bytearray()
    while piece := await process.stdout.read(65_536):
        said += piece
        if len(said) > MAX_OUTPUT:
            raise Refusal("decoder_died")
    return bytes(said)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _judged(said: bytes, status: int) -> list[Made]:
    if -status == signal.SIGXCPU:
        raise Refusal("took_too_long")
    line, _, rest = said.partition(b"\n")
    try:
        answer = msgspec.json.decode(line, type=Answer)
    except msgspec.DecodeError:
        raise Refusal("decoder_died") from None
    if status or answer.refused:
        raise Refusal(answer.refused if answer.refused in REFUSALS and not status else "decoder_died")
    return _cut(answer, rest)


def _cut(answer: Answer, rest: bytes) -> list[Made]:
    made = []
    for side, (width, height, length) in zip(SIDES, answer.made, strict=False):
        content, rest = rest[:length], rest[max(length, 0) :]
        is_webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP" and len(content) == length
        if not (is_webp and 1 <= width <= side and 1 <= height <= side):
            raise Refusal("decoder_died")
        made.append(Made(side, width, height, content))
    if rest or not 1 <= len(answer.made) <= len(SIDES):
        raise Refusal("decoder_died")
    return made
