"""Where an upload stands, in a file of a few bytes, so that another process can go on with it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from clients.parley.errors import LocalFileError
from clients.parley.files.local import LocalFile, in_words

MOST = 65536


class Begun(msgspec.Struct, frozen=True):
    """An upload that has begun, and what the file was like."""

    file_id: str
    path: str
    size: int
    mtime_ns: int

    def is_of(self, file: LocalFile) -> bool:
        return (self.size, self.mtime_ns) == (file.size, file.mtime_ns)


@dataclass(frozen=True)
class Bookmark:
    """Held by one process at a time; without a file nothing is kept."""

    path: Path | None = None
    handle: int = -1

    def load(self) -> Begun | None:
        if self.path is None:
            return None
        try:
            return msgspec.json.decode(os.pread(self.handle, MOST, 0), type=Begun)
        except (OSError, msgspec.DecodeError):
            return None

    def save(self, begun: Begun) -> None:
        if self.path is None:
            return
        with in_words(self.path):
            os.ftruncate(self.handle, 0)
            os.pwrite(self.handle, msgspec.json.encode(begun), 0)

    def clear(self) -> None:
        if self.path is not None:
            with in_words(self.path):
                os.ftruncate(self.handle, 0)


@contextmanager
def bookmark_at(path: Path | None) -> Iterator[Bookmark]:
    """Raises `LocalFileError` where another process is uploading the same."""
    if path is None:
        yield Bookmark()
        return
    with in_words(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalFileError("Another process is uploading this file.") from error
        try:
            yield Bookmark(path, handle)
        finally:
            if os.fstat(handle).st_size == 0:
                path.unlink(missing_ok=True)
    finally:
        os.close(handle)
