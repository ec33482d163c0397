"""One device of a user on the chat socket, as cheap as it can be: it reads frames, acknowledges and passes them on."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

import msgspec
import picows

from clients.parley.socket import socket_url

CLOSED = "closed"  # a frame of our own: the connection is gone


class RefusedError(Exception):
    """The platform refused what it should accept: the run means nothing."""


@dataclass
class Tally:
    """What happened beside the messages themselves."""

    retries: int = 0
    acks: int = 0


class Frame(msgspec.Struct):
    """What a load driver looks at in a frame."""

    type: str
    message_id: str = ""
    conversation_id: str = ""
    sequence_number: int = 0
    ref: str = ""
    status: str = ""
    username: str = ""
    problem: msgspec.Raw = msgspec.Raw(b"{}")


read_frame = msgspec.json.Decoder(Frame).decode


class Hears(Protocol):
    """Somebody whom a device tells of each frame."""

    def __call__(self, frame: Frame, /) -> None: ...


class Device(picows.WSListener):
    """A device that acknowledges the newest of what each read of its socket brings, and passes frames on.

    `on_frame` sees every frame; while `acknowledges` is off, the last number is kept and `flush` sends it."""

    def __init__(self, conversation_id: str, tally: Tally) -> None:
        self.on_frame: list[Hears] = []
        self.acknowledges = True
        self.caught_up = asyncio.Event()
        self.closed: str | None = None
        self._ack = b'{"type":"ack","conversation_id":"%s","sequence_number":%%d}' % conversation_id.encode()
        self._newest = 0
        self._tally = tally
        self._transport: picows.WSTransport | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            self._hear(read_frame(frame.get_payload_as_memoryview()))
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            self.closed = str(int.from_bytes(frame.get_payload_as_bytes()[:2], "big"))
            transport.disconnect()
        if self._newest and self.acknowledges and frame.last_in_buffer:
            self.flush()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self.closed = self.closed or "1006"
        self.caught_up.set()
        self._hear(Frame(type=CLOSED))

    def flush(self) -> None:
        """Acknowledge everything up to the newest number, if there is one that was not yet."""
        if self._newest and self._transport is not None:
            self._transport.send(picows.WSMsgType.TEXT, self._ack % self._newest)
            self._newest = 0
            self._tally.acks += 1

    def write(self, frame: bytes) -> None:
        if self._transport is None or self.closed is not None:
            raise RefusedError(f"a socket closed with {self.closed}")
        self._transport.send(picows.WSMsgType.TEXT, frame)

    def close(self) -> None:
        if self._transport is not None and self.closed is None:
            self._transport.send_close(picows.WSCloseCode.OK)
            self._transport.disconnect()

    def _hear(self, frame: Frame) -> None:
        if frame.type == "message":
            self._newest = frame.sequence_number
        elif frame.type == "caught_up":
            self.caught_up.set()
        for hear in self.on_frame:
            hear(frame)


async def connect(url: str, token: str, device: Device) -> None:
    """Open a device and wait until everything from the time away has arrived."""
    headers = {"Authorization": f"Bearer {token}"}
    await picows.ws_connect(lambda: device, socket_url(url), extra_headers=headers, max_redirects=0)
    device.write(b'{"type":"auth"}')  # no `resume` follows, so the server need not wait for one
    async with asyncio.timeout(60):
        await device.caught_up.wait()
    if device.closed is not None:
        raise RefusedError(f"a socket closed with {device.closed} before it was ready")
    device.flush()
