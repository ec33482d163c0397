"""A download that is not finished: the bytes, and behind them which pieces are there already."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clients.parley.errors import AlreadyThereError, LocalFileError
from clients.parley.files.local import in_thread, in_words, sha256_of
from clients.parley.files.objects import StoredFile
from clients.parley.files.transfer import Piece, pieces_of

SUFFIX = ".part"
FOOTER = struct.Struct(">QQ64s8s")  # size, piece size, sha256, and a word that says whose it is
OURS = b"parley-1"


@dataclass
class Unfinished:
    """`NAME.part`: as long as the file, then a byte for each piece (1: it is there), then the footer."""

    path: Path
    handle: int
    size: int
    pieces: list[Piece]
    there: set[int] = field(default_factory=set)

    @property
    def missing(self) -> list[Piece]:
        return [piece for piece in self.pieces if piece.number not in self.there]

    async def write(self, offset: int, chunk: bytes) -> None:
        with in_words(self.path):
            await in_thread(_write_all, self.handle, chunk, offset)

    def mark(self, piece: Piece) -> None:
        """Its bytes are written."""
        with in_words(self.path):
            _write_all(self.handle, b"\1", self.size + piece.number - 1)
        self.there.add(piece.number)

    async def sha256(self) -> str:
        with in_words(self.path):
            return await sha256_of(self.handle, self.size)

    def give_up(self) -> None:
        self.path.unlink(missing_ok=True)

    async def rename(self, path: Path, *, replace: bool) -> None:
        """The bytes alone, under their name; without `replace` no other file is ever lost."""
        try:
            with in_words(path):
                await in_thread(self._rename, path, replace)
        except LocalFileError as error:
            if isinstance(error.__cause__, FileExistsError):
                raise AlreadyThereError(f"{path} exists already.") from error
            raise

    def _rename(self, path: Path, replace: bool) -> None:
        os.ftruncate(self.handle, self.size)
        os.fsync(self.handle)
        if replace:
            self.path.replace(path)
        else:
            _rename_to_new(self.path, path)


@contextmanager
def unfinished(path: Path, file: StoredFile, piece_bytes: int) -> Iterator[Unfinished]:
    """The .part file beside `path`, as an earlier try left it or new; held by one process at a time."""
    part = path.with_name(path.name + SUFFIX)
    with in_words(part):
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with in_words(part):
            _lock(handle, part)
            made = Unfinished(part, handle, file.size, pieces_of(file.size, piece_bytes))
            _take_up(made, FOOTER.pack(file.size, piece_bytes, (file.sha256 or "").encode(), OURS))
        yield made
    finally:
        os.close(handle)


def _lock(handle: int, part: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LocalFileError(f"Another process is downloading to {part}.") from error


def _take_up(part: Unfinished, footer: bytes) -> None:
    length = os.fstat(part.handle).st_size
    found = os.pread(part.handle, FOOTER.size, max(0, length - FOOTER.size))
    if length and not found.endswith(OURS):
        raise LocalFileError(f"{part.path} is in the way: it is no unfinished download.")
    if found == footer and length == part.size + len(part.pieces) + FOOTER.size:
        flags = os.pread(part.handle, len(part.pieces), part.size)
        part.there = {number for number, flag in enumerate(flags, 1) if flag}
        return
    _begin(part, footer)


def _begin(part: Unfinished, footer: bytes) -> None:
    """The room is taken at once: a full disk is noticed before a byte has come."""
    try:
        os.ftruncate(part.handle, 0)
        _write_all(part.handle, bytes(len(part.pieces)) + footer, part.size)
        os.posix_fallocate(part.handle, 0, part.size)
    except OSError:
        part.give_up()
        raise


def _write_all(handle: int, data: bytes, offset: int) -> None:
    """A disk that fills up takes a part of it first, and refuses then."""
    while data:
        written = os.pwrite(handle, data, offset)
        data, offset = data[written:], offset + written


def _rename_to_new(part: Path, path: Path) -> None:
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise FileExistsError(None, "File exists", str(path)) from None
        part.rename(path)
    else:
        part.unlink()
