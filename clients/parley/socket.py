"""The chat socket as an async iterator of typed events, over a WebSocket that is read no faster than used."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Literal

import msgspec
import picows

from clients.parley.errors import (
    ParleyError,
    SocketClosedError,
    UnreachableError,
    read_problem,
)
from clients.parley.frames import Accepted, Event, Ready
from clients.parley.objects import message_body
from clients.parley.wire import NORMAL, Resume, Wire

MAX_FRAME = 64 * 1024  # a longer one would end the connection with 1009
ENVELOPE = 64  # bytes around a message: its type and ref

_encode = msgspec.json.encode


class ChatSocket:
    """One connection of one user: iterate for events, call `send`, `ack` and `read` meanwhile.

        async with ChatSocket("http://127.0.0.1:8080", token) as socket:
            await socket.send(conversation_id, "hello")
            async for event in socket: ...

    Entering raises `ProblemError` (refused), `SocketClosedError` (4401 for a bad token) or `UnreachableError`.
    At most `buffer` unread events are held, and what one read of the network brings beyond; then the socket is
    not read until half of them are taken: a consumer that stays away is closed by the server with 4408.
    The iteration ends when `close` was called, and raises `SocketClosedError` when anybody else ended it.
    `authenticate` says whether the token travels in the header or in the first frame (as browsers must)."""

    def __init__(
        self,
        url: str,
        access_token: str,
        *,
        resume: Resume | None = None,
        authenticate: Literal["header", "frame"] = "header",
        buffer: int = 1000,
        deadline_s: float = 10.0,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self.ready: Ready | None = None
        self._url = socket_url(url)
        self._token = access_token
        self._resume = resume
        self._authenticate = authenticate
        self._deadline_s = deadline_s
        self._ssl = _ssl_context(verify)
        self._wire = Wire(buffer)
        self._transport: picows.WSTransport | None = None
        self._refs = 0

    @property
    def closed(self) -> SocketClosedError | None:
        """Why the socket is closed, with its `code`; None while it is open."""
        return self._wire.closed

    @property
    def position(self) -> Resume | None:
        """Where a later connection may resume, once `CaughtUp` has been taken: after the last event taken."""
        return self._wire.position

    async def __aenter__(self) -> "ChatSocket":
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._connect()
        except TimeoutError as error:
            await self.close()
            raise UnreachableError(f"{self._url} did not become ready in {self._deadline_s:g} s") from error
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Say good-bye and wait, for a second at most, until the connection is gone."""
        if self._transport is None or self._transport.is_disconnected:
            return
        self._wire.closing = True
        self._transport.send_close(picows.WSCloseCode.OK)
        try:
            async with asyncio.timeout(1.0):
                await self._transport.wait_disconnected()
        except (TimeoutError, picows.WSError):
            self._transport.disconnect(graceful=False)

    def abort(self) -> None:
        """Break the connection without a good-bye, as a lost network would."""
        if self._transport is not None:
            self._transport.underlying_transport.abort()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self._wire.take()) is not None:
            yield event

    async def receive(self, deadline_s: float) -> Event:
        """The next event; raises `TimeoutError` after `deadline_s` and `SocketClosedError` at the end."""
        async with asyncio.timeout(deadline_s):
            event = await self._wire.take()
        if event is None:
            raise self._wire.closed or SocketClosedError(NORMAL)
        return event

    async def send(
        self,
        conversation_id: str,
        text: str | None = None,
        *,
        payload: Mapping[str, Any] | None = None,
        message_id: str | None = None,
        **fields: Any,
    ) -> Accepted:
        """Like `ParleyClient.send`; returns at the server's `accepted`, raises `ProblemError` at `rejected`.

        Sends of one socket are numbered in the order of these calls, so several may wait at once."""
        answer = self.post(message_body(conversation_id, text, payload, message_id, fields))
        try:
            async with asyncio.timeout(self._deadline_s):
                return await answer
        except TimeoutError as error:
            raise UnreachableError(f"no answer to a send within {self._deadline_s:g} s") from error

    def post(self, body: Mapping[str, Any]) -> asyncio.Future[Accepted]:
        """Write a message now; its answer comes to the future, as does the end of the socket."""
        check_length(body)
        self._refs += 1
        ref = str(self._refs)
        self._write({"type": "send", "ref": ref, **body})
        return self._wire.expect(ref)

    def ack(self, conversation_id: str, sequence_number: int) -> None:
        """This device has everything up to `sequence_number`: DELIVERED."""
        self._write({"type": "ack", "conversation_id": conversation_id, "sequence_number": sequence_number})

    def read(self, conversation_id: str, sequence_number: int) -> None:
        """The user has read everything up to `sequence_number`: READ."""
        self._write({"type": "read", "conversation_id": conversation_id, "sequence_number": sequence_number})

    def typing(self, conversation_id: str) -> None:
        """Shown to the others for 5 s."""
        self._write({"type": "typing", "conversation_id": conversation_id})

    def ping(self) -> None:
        """Answered by a `Pong` event."""
        self._write({"type": "ping"})

    async def _connect(self) -> None:
        in_header = self._authenticate == "header"
        headers = {"Authorization": f"Bearer {self._token}"} if in_header else {}
        try:
            self._transport, _ = await picows.ws_connect(
                lambda: self._wire,
                self._url,
                ssl_context=self._ssl,
                extra_headers=headers,
                max_redirects=0,
                enable_auto_ping=True,
            )
        except picows.WSHandshakeError as error:
            raise _handshake_problem(error, self._url) from error
        except OSError as error:
            raise UnreachableError(f"{self._url} does not answer ({error})") from error
        self._introduce({} if in_header else {"token": self._token})
        first = await self._wire.take()
        if not isinstance(first, Ready):
            raise ParleyError(f"the first frame was {first}, not ready")
        self.ready = first

    def _introduce(self, token: dict[str, str]) -> None:
        """Said even where the header says all, so that the server need not wait for a `resume`."""
        resume = {"resume": self._resume._asdict()} if self._resume else {}
        if self._wire.closed is None:
            self._write({"type": "auth", **token, **resume})

    def _write(self, frame: Mapping[str, Any]) -> None:
        if self._wire.closed is not None or self._transport is None:
            raise self._wire.closed or ParleyError("the socket is not connected: use `async with`")
        self._transport.send(picows.WSMsgType.TEXT, _encode(frame))


def check_length(body: Mapping[str, Any]) -> None:
    """Raises `ValueError` for a message that does not fit into a frame."""
    length = len(_encode(body)) + ENVELOPE
    if length > MAX_FRAME:
        raise ValueError(f"a message takes {MAX_FRAME - ENVELOPE} bytes at most")


def socket_url(url: str) -> str:
    """The address of the chat socket behind a gateway's address."""
    return f"{url.rstrip('/').replace('http', 'ws', 1)}/v1/ws"


def _handshake_problem(error: picows.WSHandshakeError, url: str) -> ParleyError:
    if error.response is None:
        return UnreachableError(f"{url} does not answer ({error})")
    headers = {name.lower(): value for name, value in error.response.headers.items()}
    return read_problem(int(error.response.status), headers, error.raw_body or b"")


def _ssl_context(verify: ssl.SSLContext | bool) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        return verify
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
