"""What lies under a chat socket: frames in through a bounded queue, frames out through a bounded buffer."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport
from prometheus_client import Counter

from libs.common.accept import MAX_BODY
from libs.common.errors import Problem
from services.presence.domain.frames import Assembly

BUFFER = 1024 * 1024  # bytes that a slow device may leave unread
DRAIN_BELOW = 64 * 1024
DRAIN_S = 30.0
FRAMES = 256  # read ahead of their handling; then reading stops
READ_AHEAD = 4 * MAX_BODY  # the same in bytes
LINGER_S = 10.0  # for a close frame to reach a device that reads slowly
FAREWELL_S = 5.0  # for what a device said before it left

LEFT, TOO_BIG, RESTARTING = 1000, 1009, 1012
UNAUTHENTICATED, TOO_SLOW, ENDED, TOO_MANY = 4401, 4408, 4409, 4429

CLOSED = Counter("parley_sockets_closed", "Sockets that this node has closed, by code.", ["code"])


class Closed(Exception):
    """The connection is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Wire(WSListener):
    """`live` is run as a task while the device is connected, and a little longer to hear out what it said."""

    def __init__(self, live: Callable[["Wire"], Awaitable[None]]) -> None:
        self._live = live
        self._transport: WSTransport | None = None
        self._assembly = Assembly(MAX_BODY)
        self._frames: deque[bytes] = deque()
        self._held = 0
        self._arrived = asyncio.Event()
        self._is_paused = False
        self._has_left = False
        self._writable = asyncio.Event()
        self._writable.set()
        self.life: asyncio.Task[None] | None = None
        self.is_heard = False

    # What picows calls

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=DRAIN_BELOW)
        self.life = asyncio.ensure_future(self._live(self))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self.life is None:
            return
        if self.is_heard:
            self._has_left = True
            self._arrived.set()
        asyncio.get_running_loop().call_later(FAREWELL_S if self.is_heard else 0, self.life.cancel)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        match frame.msg_type:
            case WSMsgType.TEXT | WSMsgType.BINARY | WSMsgType.CONTINUATION:
                self._take(frame.get_payload_as_bytes(), frame.fin)
            case WSMsgType.PING:
                self._write(WSMsgType.PONG, frame.get_payload_as_bytes())
            case WSMsgType.CLOSE:
                transport.send_close(WSCloseCode.OK)
                transport.disconnect()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # Frames in

    def _take(self, part: bytes, is_last: bool) -> None:
        try:
            whole = self._assembly.add(part, is_last=is_last)
        except Problem as problem:
            self.close(TOO_BIG, problem.detail)
        else:
            if whole is not None:
                self._enqueue(whole)

    def _enqueue(self, raw: bytes) -> None:
        self._frames.append(raw)
        self._held += len(raw)
        self._arrived.set()
        is_full = len(self._frames) >= FRAMES or self._held >= READ_AHEAD
        if is_full and not self._is_paused and self._transport:
            self._is_paused = True
            self._transport.underlying_transport.pause_reading()

    async def next(self) -> bytes | None:
        """The next frame; None when the device has left and all that it said was taken."""
        if not await self._wait_for_frame():
            return None
        raw = self._frames.popleft()
        self._held -= len(raw)
        has_room = len(self._frames) < FRAMES // 2 and self._held < READ_AHEAD // 2
        if self._is_paused and has_room and self._transport:
            self._is_paused = False
            self._transport.underlying_transport.resume_reading()
        return raw

    async def peek(self) -> bytes:
        """The next frame, which stays where it is."""
        await self._wait_for_frame()
        return self._frames[0]

    async def _wait_for_frame(self) -> bool:
        while not self._frames:
            if self._has_left:
                return False
            self._arrived.clear()
            await self._arrived.wait()
        return True

    # Frames out

    def send(self, frame: bytes) -> None:
        self._write(WSMsgType.TEXT, frame)

    def _write(self, kind: WSMsgType, payload: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_disconnected or transport.is_close_frame_sent:
            return
        transport.send(kind, payload)
        if not self._writable.is_set() and transport.underlying_transport.get_write_buffer_size() > BUFFER:
            self.close(TOO_SLOW, "The device reads too slowly; it can resume.")

    def hint(self, frame: bytes) -> None:
        if self._writable.is_set():
            self.send(frame)

    async def drained(self) -> None:
        if self._writable.is_set():
            return
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._writable.wait()
        except TimeoutError as error:
            raise Closed(TOO_SLOW, "The device does not read; it can resume.") from error

    def close(self, code: int, reason: str) -> None:
        transport = self._transport
        if transport is None or transport.is_disconnected:
            return
        if not transport.is_close_frame_sent:
            CLOSED.labels(code).inc()
            transport.send_close(code, reason.encode())  # type: ignore[arg-type]
        transport.disconnect()
        asyncio.get_running_loop().call_later(LINGER_S, transport.underlying_transport.abort)

    def end(self, code: int, reason: str) -> None:
        """Closes at once: nothing more that the device said is handled."""
        self.close(code, reason)
        if self.life is not None:
            self.life.cancel()
