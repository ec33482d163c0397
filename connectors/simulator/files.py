"""Files that went through the platform: their names for ever, their bytes on disk until there are too many."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

CHUNK = 65_536
LINK_S = 3_600
MOST_FILES = 20_000


@dataclass
class Stored:
    """`content` None: bytes that are made up as they are read, the same each time."""

    file_id: str
    unique_id: str
    filename: str
    content_type: str
    size: int
    content: Path | None = None
    sha256: str | None = None
    link: str | None = None
    link_ends_at: float = 0.0

    def kind(self, other: str) -> str:
        """`image`, `video` or `audio`, else `other`."""
        kind = self.content_type.partition("/")[0]
        return kind if kind in ("image", "video", "audio") else other

    def read(self) -> Iterator[bytes]:
        if self.content is None:
            yield from made_up(self.unique_id, self.size)
            return
        with self.content.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


def made_up(seed: str, size: int) -> Iterator[bytes]:
    """`size` bytes that depend on `seed` and their place."""
    block = hashlib.sha256(seed.encode()).digest() * (CHUNK // 32)
    for start in range(0, size, CHUNK):
        yield block[: min(CHUNK, size - start)]


class Incoming:
    """A file on its way in; past `most` bytes it is only counted."""

    def __init__(self, path: Path, most: int) -> None:
        self.path = path
        self.size = 0
        self._most = most
        self._hash = hashlib.sha256()
        self._file: BinaryIO = path.open("wb")

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self.size <= self._most:
            self._hash.update(data)
            self._file.write(data)

    def close(self) -> str:
        self._file.close()
        return self._hash.hexdigest()

    def discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


@dataclass
class Files:
    """Beyond `most_bytes` on disk the oldest lose their bytes, beyond 20,000 files the oldest are forgotten."""

    folder: Path
    most_bytes: int
    _known: dict[str, Stored] = field(default_factory=dict)
    _bytes: int = 0

    def incoming(self, most: int) -> Incoming:
        return Incoming(self.folder / secrets.token_hex(12), most)

    def keep(self, incoming: Incoming, filename: str, content_type: str) -> Stored:
        sha256 = incoming.close()
        stored = self._add(filename, content_type, incoming.size)
        stored.content, stored.sha256 = incoming.path, sha256
        self._bytes += stored.size
        self._make_room()
        return stored

    def take(self, chunks: Iterable[bytes], filename: str, content_type: str) -> Stored:
        """A file that is there already."""
        chunks = list(chunks)
        incoming = self.incoming(sum(map(len, chunks)))
        for chunk in chunks:
            incoming.write(chunk)
        return self.keep(incoming, filename, content_type)

    def make_up(self, filename: str, content_type: str, size: int) -> Stored:
        return self._add(filename, content_type, size)

    def get(self, file_id: str) -> Stored | None:
        return self._known.get(file_id)

    def link(self, stored: Stored, now: float) -> str:
        """Valid for an hour from now; the name of the file is not in it."""
        suffix = Path(stored.filename).suffix
        if stored.link is None:
            stored.link = f"documents/file_{secrets.token_hex(6)}{suffix if suffix.isascii() else ''}"
        stored.link_ends_at = now + LINK_S
        return stored.link

    def by_link(self, link: str, now: float) -> Stored | None:
        return next((s for s in self._known.values() if s.link == link and now < s.link_ends_at), None)

    def forget(self, stored: Iterable[Stored]) -> None:
        for each in list(stored):
            self._forget(each)

    def clear(self) -> None:
        self.forget(self._known.values())

    def _add(self, filename: str, content_type: str, size: int) -> Stored:
        stored = Stored(
            f"BQAC{secrets.token_urlsafe(40)}", f"Ag{secrets.token_urlsafe(8)}", filename, content_type, size
        )
        self._known[stored.file_id] = stored
        while len(self._known) > MOST_FILES:
            self._forget(next(iter(self._known.values())))
        return stored

    def _make_room(self) -> None:
        """The newest stays, however big."""
        with_content = [s for s in self._known.values() if s.content is not None]
        for stored in with_content[:-1]:
            if self._bytes <= self.most_bytes:
                return
            self._forget(stored)

    def _forget(self, stored: Stored) -> None:
        if self._known.pop(stored.file_id, None) and stored.content is not None:
            stored.content.unlink(missing_ok=True)
            self._bytes -= stored.size
