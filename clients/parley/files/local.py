"""The file that is uploaded: read in pieces, off the event loop, and watched for changes."""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from clients.parley.errors import LocalFileError

T = TypeVar("T")

MOST_BYTES = 2 * 1024**3
CHUNK = 256 * 1024  # goes to a socket at once
BLOCK = 4 * 1024**2  # is hashed at once


@dataclass(frozen=True)
class LocalFile:
    """An open file of 1 byte to 2 GiB."""

    path: Path
    size: int
    mtime_ns: int
    handle: int

    @property
    def name(self) -> str:
        """Without its folder; what of it is no text is shown as such."""
        return os.fsencode(self.path.name).decode(errors="replace")

    async def chunks(self, offset: int, size: int) -> AsyncIterator[bytes]:
        """Exactly so many bytes, or `LocalFileError`."""
        end = offset + size
        while offset < end:
            chunk = await in_thread(self._read, offset, min(CHUNK, end - offset))
            yield chunk
            offset += len(chunk)

    async def sha256(self) -> str:
        """Of the whole file, lower hex."""
        with in_words(self.path):
            return await sha256_of(self.handle, self.size)

    def has_changed(self) -> bool:
        about = os.fstat(self.handle)
        return (about.st_size, about.st_mtime_ns) != (self.size, self.mtime_ns)

    def _read(self, offset: int, size: int) -> bytes:
        with in_words(self.path):
            chunk = os.pread(self.handle, size, offset)
        if not chunk:
            raise LocalFileError(f"{self.path} became shorter while it was uploaded.")
        return chunk


@contextmanager
def local_file(path: Path) -> Iterator[LocalFile]:
    """Opens it; what cannot be uploaded is told in words."""
    with in_words(path):
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe without a writer would hang
    try:
        about = os.fstat(handle)
        if fault := _fault(about):
            raise LocalFileError(f"{path} {fault}.")
        yield LocalFile(path, about.st_size, about.st_mtime_ns, handle)
    finally:
        os.close(handle)


def check_file(path: Path) -> None:
    """Raises `LocalFileError` for what cannot be uploaded."""
    with local_file(path):
        pass


def _fault(about: os.stat_result) -> str:
    if stat.S_ISDIR(about.st_mode):
        return "is a directory"
    if not stat.S_ISREG(about.st_mode):
        return "is no regular file"
    if about.st_size == 0:
        return "is empty"
    return "is larger than 2 GiB, the most that a file may have" if about.st_size > MOST_BYTES else ""


async def sha256_of(handle: int, size: int) -> str:
    """Lower hex of the first `size` bytes; what is missing of them is missing in the sum."""
    digest = hashlib.sha256()

    def add(offset: int) -> None:
        digest.update(os.pread(handle, min(BLOCK, size - offset), offset))

    for offset in range(0, size, BLOCK):
        await in_thread(add, offset)
    return digest.hexdigest()


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Ends when the thread has ended, cancelled or not: nobody closes a file that is still read or written."""
    task = asyncio.create_task(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """What the system refuses, as `LocalFileError`."""
    try:
        yield
    except OSError as error:
        raise LocalFileError(f"{path}: {error.strerror or error}.") from error
