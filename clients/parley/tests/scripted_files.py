"""A small platform of files on loopback: an API and, at another address, a store, that stumble where a test says so."""

import asyncio
import hashlib
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from clients.parley import ParleyClient, Uploaded
from clients.parley.tests.scripted import answer

PART = 100_000
SIZE = 5 * PART - 1
FILE_ID = "01a1fdcb-94d7-73ac-917b-fecd10195843"
LONG_AGO, LATER = "2020-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z"
CUT, EXPIRED, BUSY = "the connection breaks", "the URL has expired", "the store is busy"

Serve = Callable[[str, dict[str, str], asyncio.StreamReader], Awaitable[bytes]]


@dataclass
class Platform:
    """One file at most. `faults` are taken one by one by what they name ("PUT 3", "GET 50000", "POST complete")."""

    part_size: int | None = PART
    faults: dict[str, list[str]] = field(default_factory=dict)
    expires_at: str = LATER
    url: str = ""
    store: str = ""
    calls: list[str] = field(default_factory=list)
    stored: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    signed: Counter[int] = field(default_factory=Counter)
    parts: dict[int, bytes] = field(default_factory=dict)
    file: dict[str, Any] | None = None
    slow_verification: int = 0
    said: str = "photo.bin"
    refused_types: tuple[str, ...] = ()
    on_put: Callable[[int], None] = lambda number: None

    def puts(self) -> list[int]:
        return sorted(int(line.split("/")[-1].split("?")[0]) for line, _ in self.stored if line.startswith("PUT"))

    def keep(self, content: bytes, status: str = "completed") -> None:
        """As if somebody had uploaded it."""
        self.file = _metadata(self.said, len(content), hashlib.sha256(content).hexdigest(), status)
        self.parts = {1: content}

    @property
    def whole(self) -> bytes:
        return b"".join(self.parts[n] for n in sorted(self.parts))

    async def answer_call(self, line: str, headers: dict[str, str], reader: asyncio.StreamReader) -> bytes:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.calls.append(line)
        method, path = line.split(" ")
        if fault := self._fault(line.removeprefix(f"{method} /v1/files/").join([f"{method} ", ""])):
            return b"" if fault == CUT else answer(503, {"code": "storage_unavailable", "status": 503})
        said = msgspec.json.decode(body) if body else {}
        if path == "/v1/files/initiate" and said["content_type"] in self.refused_types:
            return answer(422, {"code": "content_type_not_allowed", "status": 422})
        if path == "/v1/files/initiate":
            self.file = _metadata(said["filename"], said["size"], None, "uploading")
            return answer(201, {"file_id": FILE_ID, "upload": self._signed(range(1, 3))})
        if path == "/v1/files/complete":
            return self._complete(said)
        if self.file is None or FILE_ID not in path:
            return answer(404, {"code": "not_found", "status": 404, "detail": "There is no such file."})
        return self._about_the_file(method, path, said)

    def _about_the_file(self, method: str, path: str, said: dict[str, Any]) -> bytes:
        assert self.file is not None
        if path.endswith("/parts") and method == "POST":
            signed = self._signed(said.get("part_numbers", [1]))
            return answer(200, signed if self.part_size else {"upload": signed})
        if path.endswith("/parts"):
            there = [{"part_number": n, "size": len(b), "etag": f'"{n}"'} for n, b in self.parts.items()]
            about = {"file_id": FILE_ID, "status": self.file["status"], "part_size": self.part_size, "parts": there}
            return answer(200, about)
        if method == "DELETE":
            self.file, self.parts = None, {}
            return answer(204, None)
        return answer(200, self._now())

    def _now(self) -> dict[str, Any]:
        """Verifying takes as many looks as the test says."""
        assert self.file is not None
        if self.file["status"] == "verifying" and self.slow_verification:
            self.slow_verification -= 1
            return self.file
        if self.file["status"] == "verifying":
            self.file["status"] = "completed"
        url = {"download_url": f"{self.store}/whole?signature=x", "download_expires_at": self.expires_at}
        return self.file | (url if self.file["status"] == "completed" else {})

    def _signed(self, numbers: Any) -> dict[str, Any]:
        self.signed.update(numbers)
        if self.part_size is None:
            url = f"{self.store}/staging/1?signature={self.signed[1]}"
            return {"method": "PUT", "url": url, "headers": {"content-type": "x/y"}, "expires_at": self.expires_at}
        parts = [{"part_number": n, "url": f"{self.store}/file/{n}?signature={self.signed[n]}"} for n in numbers]
        return {"part_size": self.part_size, "parts": parts, "expires_at": self.expires_at}

    def _complete(self, said: dict[str, Any]) -> bytes:
        assert self.file is not None
        if hashlib.sha256(self.whole).hexdigest() != said["sha256"]:
            self.file["status"] = "failed"
            return answer(422, {"code": "checksum_mismatch", "status": 422, "detail": "The bytes are others."})
        self.file |= {"sha256": said["sha256"], "status": "verifying"}
        return answer(202 if self.slow_verification else 200, self.file)

    async def answer_store(self, line: str, headers: dict[str, str], reader: asyncio.StreamReader) -> bytes:
        self.stored.append((line, headers))
        method, path = line.split(" ")
        if method == "PUT":
            number = path.split("/")[-1].split("?")[0]
            fault = self._fault(f"PUT {number}")
            return await self._put(int(number), int(headers["content-length"]), fault, reader)
        offset = headers["range"].removeprefix("bytes=").partition("-")[0]
        return self._get(headers["range"], self._fault(f"GET {offset}"))

    async def _put(self, number: int, size: int, fault: str, reader: asyncio.StreamReader) -> bytes:
        body = await reader.readexactly(size // 2 if fault == CUT else size)
        if fault:
            return _refusal(fault)
        self.parts[number] = body
        self.on_put(number)
        return f'HTTP/1.1 200 x\r\nETag: "{number}"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'.encode()

    def _get(self, wanted: str, fault: str) -> bytes:
        first, last = (int(n) for n in re.findall(r"\d+", wanted))
        whole = self.whole
        body = whole[first : last + 1]
        if fault and fault != CUT:
            return _refusal(fault)
        lines = ["HTTP/1.1 206 x", f"Content-Range: bytes {first}-{last}/{len(whole)}", f"Content-Length: {len(body)}"]
        head = "\r\n".join([*lines, "Connection: close", "", ""]).encode()
        return head + (body[: len(body) // 2] if fault == CUT else body)

    def _fault(self, what: str) -> str:
        left = self.faults.get(what)
        return left.pop(0) if left else ""


def random_file(folder: Path) -> Path:
    made = folder / "random.bin"
    made.write_bytes(os.urandom(SIZE))
    return made


def client_of(platform: Platform) -> ParleyClient:
    return ParleyClient(platform.url, access_token="SECRET")


async def upload(platform: Platform, file: Path, bookmark: Path | None = None) -> Uploaded:
    async with client_of(platform) as client:
        return await client.files.upload(file, bookmark=bookmark)


@asynccontextmanager
async def serving(platform: Platform) -> AsyncIterator[Platform]:
    async with _listening(platform.answer_call) as url, _listening(platform.answer_store) as store:
        platform.url, platform.store = url, store
        yield platform


@asynccontextmanager
async def _listening(serve: Serve) -> AsyncIterator[str]:
    """After its end nothing arrives any more, not even what was sent before."""
    serving: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, OSError):  # who asked is gone
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *fields = head.strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
                writer.write(await serve(line.removesuffix(" HTTP/1.1"), headers, reader))
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(connected(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for each in serving:
        each.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


def _refusal(fault: str) -> bytes:
    if fault == CUT:
        return b""
    status, code = (403, "AccessDenied") if fault == EXPIRED else (503, "SlowDown")
    body = f"<Error><Code>{code}</Code></Error>".encode()
    return f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def _metadata(filename: str, size: int, sha256: str | None, status: str) -> dict[str, Any]:
    return {
        "file_id": FILE_ID,
        "owner": "ana",
        "filename": filename,
        "size": size,
        "content_type": "application/octet-stream",
        "sha256": sha256,
        "status": status,
        "created_at": "2026-11-21T10:15:30.123Z",
        "thumbnails": [],
    }
