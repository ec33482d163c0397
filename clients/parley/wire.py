"""What lies under the chat socket: frames in, events out through a bounded queue, answers to those who wait."""

import asyncio
from collections import deque
from typing import NamedTuple

import picows

from clients.parley.errors import ProblemError, SocketClosedError
from clients.parley.frames import Accepted, CaughtUp, Event, Rejected, decode_frame

NORMAL = 1000
NO_STATUS = 1005
BROKEN = 1006


class Resume(NamedTuple):
    """Where an earlier connection stood: the `epoch` and the highest `offset` that it saw."""

    epoch: str
    offset: int


class Wire(picows.WSListener):
    """Frames in, events out: a bounded queue, and the answers that somebody waits for."""

    def __init__(self, buffer: int) -> None:
        self.closed: SocketClosedError | None = None
        self.closing = False
        self.position: Resume | None = None
        self._buffer = buffer
        self._events: deque[Event] = deque()
        self._news = asyncio.Event()
        self._answers: dict[str, asyncio.Future[Accepted]] = {}
        self._transport: picows.WSTransport | None = None
        self._paused = False
        self._last_words: SocketClosedError | None = None

    def expect(self, ref: str) -> asyncio.Future[Accepted]:
        """The answer to come; forgotten once it came, or nobody wants it any more."""
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._answers[ref] = answer
        answer.add_done_callback(lambda _: self._answers.pop(ref, None))
        return answer

    async def take(self) -> Event | None:
        """The next event, also after the end; then None if the end was ours, else `SocketClosedError`."""
        while not self._events:
            if self.closed is not None:
                if self.closing:
                    return None
                raise self.closed
            self._news.clear()
            await self._news.wait()
        event = self._events.popleft()
        if self._paused and len(self._events) <= self._buffer // 2:
            self._pause(False)
        self._move(event)
        return event

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            self._last_words = _last_words(frame.get_payload_as_bytes())
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif frame.msg_type == picows.WSMsgType.TEXT:
            self._take_in(decode_frame(frame.get_payload_as_bytes()))

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        ours = SocketClosedError(NORMAL) if self.closing else None
        self.closed = self._last_words or ours or SocketClosedError(BROKEN, "the connection broke")
        for answer in list(self._answers.values()):
            if not answer.done():
                answer.set_exception(self.closed)
        self._news.set()

    def _take_in(self, event: Event | None) -> None:
        if isinstance(event, Accepted | Rejected) and event.ref in self._answers:
            _settle(self._answers[event.ref], event)
        elif event is not None:
            self._events.append(event)
            self._news.set()
            if len(self._events) >= self._buffer and not self._paused:
                self._pause(True)

    def _pause(self, paused: bool) -> None:
        if self._transport is None or self._transport.is_disconnected:
            return
        self._paused = paused
        wire = self._transport.underlying_transport
        (wire.pause_reading if paused else wire.resume_reading)()

    def _move(self, event: Event) -> None:
        offset = getattr(event, "offset", None)
        if isinstance(event, CaughtUp):
            self.position = Resume(event.epoch, event.offset)
        elif self.position is not None and offset is not None:
            self.position = Resume(self.position.epoch, offset)


def _settle(answer: asyncio.Future[Accepted], event: Accepted | Rejected) -> None:
    if answer.done():
        return
    if isinstance(event, Accepted):
        answer.set_result(event)
    else:
        answer.set_exception(ProblemError(event.problem))


def _last_words(payload: bytes) -> SocketClosedError:
    code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_STATUS
    return SocketClosedError(code, payload[2:].decode(errors="replace"))
