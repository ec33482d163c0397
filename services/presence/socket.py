"""The chat socket: frames in, use cases, frames out; one `Connection` per device."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from libs.common.accept import MAX_BODY, Acceptor, parse_body, parse_uuid
from libs.common.auth import Identity, TokenVerifier
from libs.common.errors import Problem, Retry, Unavailable
from libs.common.http import as_problem
from libs.common.problems import problem_document
from libs.common.telemetry import continue_trace, traceparent
from services.presence.domain import Ack, Assembly, Auth, Ping, Read, Resume, Send, parse_frame
from services.presence.handlers import Device, Node, encode
from services.presence.reports import Reports

AUTH_S = 5.0
RESUME_S = 0.25  # a client that logs in by header may still bring `resume`: a round trip of the wide world
BUFFER = 1024 * 1024  # bytes that a slow device may leave unread
DRAIN_BELOW = 64 * 1024
DRAIN_S = 30.0
FRAMES = 256  # read ahead of their handling; then reading stops
SENDS = 100  # of one connection, under way at once
LINGER_S = 10.0  # for a close frame to reach a device that reads slowly
FAREWELL_S = 5.0  # for what a device said before it left

LEFT, UNAUTHENTICATED, TOO_SLOW, EXPIRED, TOO_BIG, RESTARTING = 1000, 4401, 4408, 4409, 1009, 1012

log = logging.getLogger(__name__)


class Closed(Exception):
    """The connection is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Connection(WSListener):
    """Reads frames into a bounded queue; one task handles them in order, another brings what the user's feed has."""

    def __init__(self, token: str | None, sockets: "Sockets") -> None:
        self._token = token
        self._sockets = sockets
        self._node = sockets.node
        self._acceptor = sockets.acceptor
        self._verifier = sockets.verifier
        self._transport: WSTransport | None = None
        self._assembly = Assembly(MAX_BODY)
        self._frames: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._is_paused = False
        self.life: asyncio.Task[None] | None = None
        self._sends = asyncio.Semaphore(SENDS)
        self._is_handling = False
        self._has_left = False
        self._writable = asyncio.Event()
        self._writable.set()

    # What picows calls

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=DRAIN_BELOW)
        self._sockets.open.add(self)
        self.life = asyncio.create_task(self._live())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._sockets.open.discard(self)
        if self.life is None:
            return
        if self._is_handling:
            self._has_left = True
            self._arrived.set()
        asyncio.get_running_loop().call_later(FAREWELL_S if self._is_handling else 0, self.life.cancel)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        match frame.msg_type:
            case WSMsgType.TEXT | WSMsgType.BINARY | WSMsgType.CONTINUATION:
                self._take(frame.get_payload_as_bytes(), frame.fin)
            case WSMsgType.CLOSE:
                transport.send_close(WSCloseCode.OK)
                transport.disconnect()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

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
        self._arrived.set()
        if len(self._frames) >= FRAMES and not self._is_paused and self._transport:
            self._is_paused = True
            self._transport.underlying_transport.pause_reading()

    async def _next(self) -> bytes | None:
        """None when the device has left and all that it said is handled."""
        while not self._frames:
            if self._has_left:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        raw = self._frames.popleft()
        if self._is_paused and len(self._frames) < FRAMES // 2 and self._transport:
            self._is_paused = False
            self._transport.underlying_transport.resume_reading()
        return raw

    # What the use cases call

    def send(self, frame: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_disconnected or transport.is_close_frame_sent:
            return
        transport.send(WSMsgType.TEXT, frame)
        if not self._writable.is_set() and transport.underlying_transport.get_write_buffer_size() > BUFFER:
            self.close(TOO_SLOW, "The device reads too slowly; it can resume.")

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
            transport.send_close(code, reason.encode())  # type: ignore[arg-type]
        transport.disconnect()
        asyncio.get_running_loop().call_later(LINGER_S, transport.underlying_transport.abort)

    # The life of a connection

    async def _live(self) -> None:
        try:
            identity, resume = await self._log_in()
            device = Device(identity.username, self)
            async with asyncio.timeout(identity.expires_at - time.time()), asyncio.TaskGroup() as tasks:
                tasks.create_task(self._node.serve(device, resume))
                reports = Reports(partial(self._acceptor.accept_receipt, identity.username), self._on_problem)
                tasks.create_task(reports.run())
                await device.is_ready.wait()
                self._is_handling = True
                await self._handle_frames(identity, reports, tasks)
                await reports.told()
                raise Closed(LEFT, "The device has left.")
        except* Closed as closing:
            first = closing.exceptions[0]
            self.close(getattr(first, "code", TOO_SLOW), str(first))
        except* TimeoutError:
            self.close(EXPIRED, "The access token has expired.")
        except* Exception:
            log.exception("a connection failed")
            self.close(1011, "Something went wrong on our side.")

    async def _log_in(self) -> tuple[Identity, Resume | None]:
        """By the header, after which a frame may bring `resume`, or by the first frame."""
        token, resume = self._token, None
        try:
            async with asyncio.timeout(AUTH_S if token is None else RESUME_S):
                frame = await self._peek_auth()
                resume = frame.resume if frame else None
                token = token or (frame.token if frame else None)
        except TimeoutError:
            pass
        if token is None:
            raise Closed(
                UNAUTHENTICATED,
                "Log in first, within 5 s, by the header or a valid `auth` frame.",
            )
        try:
            return await self._verifier.verify(token), resume
        except Problem as problem:
            raise Closed(UNAUTHENTICATED, problem.detail) from problem
        except Unavailable as error:
            raise Closed(1013, "Tokens cannot be verified now; try again.") from error

    async def _peek_auth(self) -> Auth | None:
        """The first frame if it is `auth`; any other stays where it is."""
        while not self._frames:
            self._arrived.clear()
            await self._arrived.wait()
        try:
            frame = parse_frame(self._frames[0])
        except Problem:
            return None
        if isinstance(frame, Auth):
            self._frames.popleft()
            return frame
        return None

    def _on_problem(self, problem: Problem) -> None:
        traceparent.set(continue_trace(None))
        self.send(_error(problem))

    async def _handle_frames(self, identity: Identity, reports: Reports, tasks: asyncio.TaskGroup) -> None:
        while (raw := await self._next()) is not None:
            try:
                await self._handle(identity, reports, raw, tasks)
            except (Problem, Retry) as problem:
                self._on_problem(as_problem(problem))

    async def _handle(self, identity: Identity, reports: Reports, raw: bytes, tasks: asyncio.TaskGroup) -> None:
        match parse_frame(raw):
            case Send(ref=ref):
                await self._begin_send(identity, ref, raw, tasks)
            case Ack(conversation_id=conversation_id, sequence_number=number):
                await reports.note(conversation_id, "DELIVERED", number)
            case Read(conversation_id=conversation_id, sequence_number=number):
                await reports.note(conversation_id, "READ", number)
            case Ping():
                self.send(b'{"type":"pong"}')
            case Auth():
                raise Problem(400, "already_authenticated", "This connection is logged in.")

    async def _begin_send(self, identity: Identity, ref: str | None, raw: bytes, tasks: asyncio.TaskGroup) -> None:
        """Sends of a connection begin one after the other, so their order holds; their answers may overlap."""
        await self._sends.acquire()
        traceparent.set(continue_trace(None))
        try:
            body = parse_body(raw)
            conversation_id = parse_uuid(body.conversation_id, "/conversation_id")
            await self._acceptor.membership(identity.username, conversation_id)
        except (Problem, Retry) as problem:
            self._sends.release()
            self.send(_rejected(ref, problem))
            return
        tasks.create_task(self._finish_send(ref, self._acceptor.accept_message(identity.username, body)))

    async def _finish_send(self, ref: str | None, accepting: Coroutine[Any, Any, Any]) -> None:
        try:
            accepted = await accepting
            self.send(encode({"type": "accepted", "ref": ref, "message_id": accepted.message_id}))
        except (Problem, Retry) as problem:
            self.send(_rejected(ref, problem))
        finally:
            self._sends.release()


def _error(problem: Problem) -> bytes:
    return encode({"type": "error", "problem": problem_document(problem)})


def _rejected(ref: str | None, error: Exception) -> bytes:
    return encode({"type": "rejected", "ref": ref, "problem": problem_document(as_problem(error))})


def is_trusted(origin: str | None, host: str | None, allowed: Sequence[str]) -> bool:
    """Browsers name the page's origin: the gateway's own pages and the allowed ones may connect."""
    return origin is None or origin in allowed or origin.partition("://")[2] == host


@dataclass(frozen=True, slots=True)
class Sockets:
    """The open connections of this node, and what they are made of."""

    node: Node
    acceptor: Acceptor
    verifier: TokenVerifier
    allowed_origins: Sequence[str]
    open: set[Connection] = field(default_factory=set)

    def on_upgrade(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        traceparent.set(continue_trace(request.headers.get("traceparent")))
        origin, host = request.headers.get("origin"), request.headers.get("host")
        if not is_trusted(origin, host, self.allowed_origins):
            problem = Problem(403, "origin_not_allowed", "Pages of this origin may not connect.")
            kind = {"content-type": "application/problem+json"}
            body = encode(problem_document(problem, "/v1/ws"))
            return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(403, body, kind), None)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return Connection(token.strip() if scheme.lower() == "bearer" else None, self)

    async def close_all(self) -> None:
        """For a restart: clients come back, with jitter, and resume."""
        for connection in tuple(self.open):
            connection.close(RESTARTING, "The node restarts; connect again.")
        lives = [c.life for c in self.open if c.life is not None]
        if lives:
            await asyncio.wait(lives, timeout=2)


@asynccontextmanager
async def serve(sockets: Sockets, host: str, port: int) -> AsyncIterator[None]:
    """Accepts sockets inside the block; raises `OSError` when the port is taken."""
    server = await ws_create_server(
        sockets.on_upgrade,
        host,
        port,
        max_frame_size=2 * MAX_BODY,
        enable_auto_ping=True,
        auto_ping_idle_timeout=30,
        auto_ping_reply_timeout=20,
        backlog=1024,
    )
    try:
        yield
    finally:
        server.close()
        await sockets.close_all()
