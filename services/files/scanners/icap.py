"""ICAP (RFC 3507): a file is shown to the scanner as the answer or the body of an HTTP request; only 204 is clean."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from services.files.scanners.verdicts import ScanRefused, Verdict, found
from services.files.scanners.wire import Address, Deadlines, Wire, connected, unavailable

MAX_HEAD = 64 * 1024
MAX_PREVIEW = 64 * 1024
PIECE = 256 * 1024
HEAD_END = b"\r\n\r\n"
CONTINUE = 100
MODIFIED = 200
UNMODIFIED = 204
FOUND_HEADERS = ("x-infection-found", "x-virus-id", "x-violations-found")


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of an ICAP answer."""

    status: int
    reason: str
    headers: dict[str, str] = field(default_factory=dict)


class Icap:
    """A service of an ICAP server. `largest` bytes are what it is known to read whole; longer ones it may let pass."""

    def __init__(self, address: Address, service: str, largest: int, deadlines: Deadlines | None = None) -> None:
        self._address = address
        self._url = f"icap://{address}/{service}"
        self._largest = largest
        self._deadlines = deadlines or Deadlines()
        self.name = f"ICAP service {self._url}"

    async def scan(self, chunks: AsyncIterator[bytes], size: int) -> Verdict:
        if size > self._largest:
            raise ScanRefused(f"The scanner takes files up to {self._largest} bytes.")
        options = await self._options()
        async with self._connected() as wire:
            head = await self._show(wire, options, chunks, size)
            if head.status not in (MODIFIED, UNMODIFIED):
                raise unavailable(f"it answers {head.status} {head.reason}")
            is_followed = head.status == MODIFIED and "null-body=0" not in head.headers.get("encapsulated", "")
            page = await wire.in_time(wire.read_until(HEAD_END, MAX_HEAD)) if is_followed else b""
            return verdict_of(head, page)

    async def check(self) -> None:
        await self._options()

    def _connected(self) -> AbstractAsyncContextManager[Wire]:
        return connected(self._address, self._deadlines)

    async def _options(self) -> Head:
        async with self._connected() as wire:
            await wire.send(self._request("OPTIONS", "Encapsulated: null-body=0\r\n"))
            head = await wire.in_time(_head(wire))
            if head.status != MODIFIED:
                raise unavailable(f"it answers {head.status} {head.reason} to OPTIONS")
            return head

    async def _show(self, wire: Wire, options: Head, chunks: AsyncIterator[bytes], size: int) -> Head:
        """The final answer, after a preview where the server wants one."""
        method = "RESPMOD" if "RESPMOD" in options.headers.get("methods", "").upper() else "REQMOD"
        preview = preview_of(options)
        if preview is None:
            return await wire.exchange(_stream(wire, self._opening(method, size), chunks), _head(wire))
        first, is_whole = await _take(chunks, preview)
        shown = first if is_whole else first[:preview]
        opening = self._opening(method, size, f"Preview: {preview}\r\n")
        await wire.send(opening + piece_of(shown) + (b"0; ieof\r\n\r\n" if is_whole else b"0\r\n\r\n"))
        head = await wire.in_time(_head(wire))
        if head.status != CONTINUE or is_whole:
            return head
        return await wire.exchange(_stream(wire, piece_of(first[preview:]), chunks), _head(wire))

    def _opening(self, method: str, size: int, more: str = "") -> bytes:
        about = f"Content-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n"
        if method == "RESPMOD":
            request, answer = "GET /file HTTP/1.1\r\nHost: parley\r\n\r\n", f"HTTP/1.1 200 OK\r\n{about}"
            parts = f"req-hdr=0, res-hdr={len(request)}, res-body={len(request) + len(answer)}"
        else:
            request, answer = f"POST /file HTTP/1.1\r\nHost: parley\r\n{about}", ""
            parts = f"req-hdr=0, req-body={len(request)}"
        return self._request(method, f"Allow: 204\r\n{more}Encapsulated: {parts}\r\n") + (request + answer).encode()

    def _request(self, method: str, headers: str) -> bytes:
        return f"{method} {self._url} ICAP/1.0\r\nHost: {self._address}\r\nUser-Agent: Parley\r\n{headers}\r\n".encode()


async def _head(wire: Wire) -> Head:
    head = parse_head(await wire.read_until(HEAD_END, MAX_HEAD))
    if head is None:
        raise unavailable("it does not speak ICAP")
    return head


async def _stream(wire: Wire, begun: bytes, chunks: AsyncIterator[bytes]) -> None:
    await wire.send(begun)
    async for chunk in chunks:
        for start in range(0, len(chunk), PIECE):
            await wire.send(piece_of(chunk[start : start + PIECE]))
    await wire.send(b"0\r\n\r\n")


async def _take(chunks: AsyncIterator[bytes], preview: int) -> tuple[bytes, bool]:
    """More bytes than the preview has, or all there are."""
    taken = bytearray()
    async for chunk in chunks:
        taken += chunk
        if len(taken) > preview:
            return bytes(taken), False
    return bytes(taken), True


def piece_of(data: bytes) -> bytes:
    """One chunk of a body; an empty one would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def preview_of(options: Head) -> int | None:
    said = options.headers.get("preview", "")
    return min(int(said), MAX_PREVIEW) if said.isascii() and said.isdigit() and len(said) < 10 else None


def parse_head(raw: bytes) -> Head | None:
    """None where it is no ICAP answer; continued lines belong to the header above them."""
    first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    version, _, rest = first.partition(" ")
    code, _, reason = rest.partition(" ")
    if not version.startswith("ICAP/") or not (len(code) == 3 and code.isascii() and code.isdigit()):
        return None
    headers: dict[str, str] = {}
    name = ""
    for line in lines:
        if line[:1] in (" ", "\t"):
            headers[name] = f"{headers.get(name, '')} {line.strip()}"
            continue
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers[name] = value.strip()
    return Head(int(code), reason, headers)


def verdict_of(head: Head, page: bytes) -> Verdict:
    """Of an answer that is no failure; `page` is the HTTP head that it brings. Raises `ScanRefused`."""
    if any(head.headers.get(name, "0") != "0" for name in FOUND_HEADERS):
        return found(_threat(head.headers))
    if head.status == UNMODIFIED:
        return Verdict(clean=True)
    if _is_refusal(page):
        return Verdict(clean=False)
    raise ScanRefused("The scanner answered with another file and no verdict.")


def _threat(headers: dict[str, str]) -> str | None:
    for item in headers.get("x-infection-found", "").split(";"):
        name, _, value = item.strip().partition("=")
        if name.lower() == "threat" and value:
            return value.strip()
    return headers.get("x-virus-id") or None


def _is_refusal(page: bytes) -> bool:
    """The HTTP answer that the scanner would have people see instead of the file is an error."""
    version, _, rest = page.partition(b" ")
    return version.startswith(b"HTTP/") and rest[:1] in (b"4", b"5")
