"""Signed URLs, asked for when they are needed: a hundred at once, and anew when they are refused or too old."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from clients.parley.errors import ParleyError
from clients.parley.files.calls import FileCalls
from clients.parley.files.objects import NEVER, Signed

AT_ONCE = 100
EARLY = timedelta(seconds=30)


class Target(NamedTuple):
    """Where a piece goes, until when."""

    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class UploadSigner:
    """URLs for the pieces of one upload; `numbers` are those that are still to be sent, ascending."""

    def __init__(self, calls: FileCalls, file_id: str, numbers: Sequence[int], *, in_parts: bool) -> None:
        self._calls = calls
        self._file_id = file_id
        self._numbers = numbers
        self._in_parts = in_parts
        self._targets: dict[int, Target] = {}
        self._lock = asyncio.Lock()

    def know(self, signed: Signed) -> None:
        """URLs that came with an answer."""
        self._targets |= {part.part_number: Target(part.url, {}, signed.expires_at) for part in signed.parts}
        if signed.url:
            self._targets[1] = Target(signed.url, signed.headers, signed.expires_at)

    async def target(self, number: int, refused: Target | None = None) -> Target:
        """For that piece; another one than `refused`."""
        async with self._lock:
            found = self._targets.get(number)
            if found is None or found is refused or found.expires_at - EARLY < datetime.now(UTC):
                await self._sign_from(number)
            return self._targets[number]

    async def _sign_from(self, number: int) -> None:
        """For the next hundred as well: what one has outlived, its neighbours have too."""
        wanted = [n for n in self._numbers if n >= number][:AT_ONCE] if self._in_parts else None
        again = await self._calls.sign(self._file_id, wanted)
        self.know(again.upload or again)
        if number not in self._targets:
            raise ParleyError(f"no URL came for part {number} of file {self._file_id}")


class DownloadSigner:
    """The URL of one file's bytes."""

    def __init__(self, calls: FileCalls, file_id: str, url: str | None, expires_at: datetime | None) -> None:
        self._calls = calls
        self._file_id = file_id
        self._lock = asyncio.Lock()
        self._know(url, expires_at)

    async def target(self, refused: Target | None = None) -> Target:
        """Another one than `refused`."""
        async with self._lock:
            if self._target is None or self._target is refused or self._target.expires_at - EARLY < datetime.now(UTC):
                file = await self._calls.get(self._file_id)
                self._know(file.download_url, file.download_expires_at)
            if self._target is None:
                raise ParleyError(f"file {self._file_id} has no download URL")
            return self._target

    def _know(self, url: str | None, expires_at: datetime | None) -> None:
        self._target = Target(url, {}, expires_at or NEVER) if url else None
