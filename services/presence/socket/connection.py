"""The life of a device's connection: log-in, then its frames, one after the other, until it leaves."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from libs.common import frames, tracing
from libs.common.accept import MAX_INT64, parse_body, parse_uuid
from libs.common.auth import Identity
from libs.common.errors import Problem, Retry, Unavailable, invalid
from libs.common.events import ReceiptStatus
from libs.common.http import as_problem
from libs.common.problems import problem_document
from libs.common.telemetry import continue_trace, traceparent
from services.presence.domain.frames import Ack, Auth, Ping, Read, RefusedSend, Resume, Send, Typing, parse_frame
from services.presence.handlers.devices import Device, TooMany, Unproven
from services.presence.reports import Reports
from services.presence.socket.wire import ENDED, LEFT, RESTARTING, TOO_MANY, TOO_SLOW, UNAUTHENTICATED, Closed, Wire

if TYPE_CHECKING:
    from services.presence.socket import Sockets

AUTH_S = 5.0
RESUME_S = 0.25  # a client that logs in by header may still bring `resume`: a round trip of the wide world
INSTANCE = "/v1/ws"
SENDS = 100  # of one connection, under way at once
PONG = frames.encode(frames.Pong())

log = logging.getLogger(__name__)


class Connection:
    """One task handles the device's frames in order, another brings what the user's feed has."""

    def __init__(self, wire: Wire, token: str | None, sockets: "Sockets") -> None:
        self._wire = wire
        self._token = token
        self._in_session = sockets.in_session
        self._node = sockets.node
        self._acceptor = sockets.acceptor
        self._verifier = sockets.verifier
        self._typing = sockets.typing
        self._connected = sockets.presenter.connected
        self._resume_s = sockets.resume_s
        self._sends = asyncio.Semaphore(SENDS)

    async def live(self) -> None:
        wire = self._wire
        try:
            identity, resume = await self._log_in()
            with self._in_session(identity.session_id, wire), self._connected(identity.username):
                async with asyncio.timeout(identity.expires_at - time.time()):
                    await self._serve(identity, resume)
        except* Closed as closing:
            first = closing.exceptions[0]
            wire.close(getattr(first, "code", TOO_SLOW), str(first))
        except* Unproven:
            wire.close(RESTARTING, "What followed your offset was lost meanwhile: resume again.")
        except* TooMany:
            wire.close(TOO_MANY, "You have too many devices here: close one, then come again.")
        except* TimeoutError:
            wire.close(ENDED, "The access token has expired.")
        except* Exception:
            log.exception("a connection failed")
            wire.close(1011, "Something went wrong on our side.")

    async def _serve(self, identity: Identity, resume: Resume | None) -> None:
        device = Device(identity.username, self._wire)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._node.serve(device, resume))
            reports = Reports(partial(self._report, identity.username), self._on_problem)
            tasks.create_task(reports.run())
            await device.is_ready.wait()
            self._wire.is_heard = True
            await self._handle_frames(identity, reports, tasks)
            await reports.told()
            raise Closed(LEFT, "The device has left.")

    async def _log_in(self) -> tuple[Identity, Resume | None]:
        """By the header, after which a frame may bring `resume`, or by the first frame."""
        token, resume = self._token, None
        try:
            async with asyncio.timeout(AUTH_S if token is None else self._resume_s):
                frame = await self._take_auth()
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

    async def _take_auth(self) -> Auth | None:
        """The first frame if it is `auth`; any other stays where it is."""
        try:
            frame = parse_frame(await self._wire.peek())
        except Problem:
            return None
        if isinstance(frame, Auth):
            await self._wire.next()
            return frame
        return None

    def _on_problem(self, problem: Problem) -> None:
        traceparent.set(continue_trace(None))
        self._wire.send(_error(problem))

    async def _handle_frames(self, identity: Identity, reports: Reports, tasks: asyncio.TaskGroup) -> None:
        while (raw := await self._wire.next()) is not None:
            try:
                await self._handle(identity, reports, raw, tasks)
            except RefusedSend as refusal:
                self._wire.send(_rejected(refusal.ref, refusal))
            except (Problem, Retry) as problem:
                self._on_problem(as_problem(problem))

    async def _handle(self, identity: Identity, reports: Reports, raw: bytes, tasks: asyncio.TaskGroup) -> None:
        match parse_frame(raw):
            case Send(ref=ref):
                await self._begin_send(identity, ref, raw, tasks)
            case Ack(conversation_id=conversation_id, sequence_number=number):
                await reports.note(*_mark(conversation_id, "DELIVERED", number))
            case Read(conversation_id=conversation_id, sequence_number=number):
                await reports.note(*_mark(conversation_id, "READ", number))
            case Typing(conversation_id=conversation_id):
                self._begin_typing(identity, conversation_id, tasks)
            case Ping():
                self._wire.send(PONG)
            case Auth():
                raise Problem(400, "already_authenticated", "This connection is logged in.")

    def _begin_typing(self, identity: Identity, conversation_id: str, tasks: asyncio.TaskGroup) -> None:
        """In a task of its own: whatever it waits for, messages do not."""
        conversation_id = parse_uuid(conversation_id, "/conversation_id")
        if self._typing.may(identity.username):
            tasks.create_task(self._tell_typing(identity.username, conversation_id))

    async def _tell_typing(self, username: str, conversation_id: str) -> None:
        try:
            await self._typing.tell(username, conversation_id)
        except Problem as problem:
            self._on_problem(problem)
        except Retry as reason:
            log.warning("a hint is dropped: %s", reason)

    async def _report(self, username: str, conversation_id: str, status: ReceiptStatus, number: int) -> None:
        """Each report is a trace of its own, and runs in a task of its own."""
        traceparent.set(tracing.enter(None))
        with tracing.edge(f"socket {status.lower()}", {"network.protocol.name": "websocket"}):
            await self._acceptor.accept_receipt(username, conversation_id, status, number)

    async def _begin_send(self, identity: Identity, ref: str | None, raw: bytes, tasks: asyncio.TaskGroup) -> None:
        """Sends of a connection begin one after the other, so their order holds; their answers may overlap."""
        await self._sends.acquire()
        traceparent.set(tracing.enter(None))
        try:
            prepared = await self._acceptor.prepare(identity.username, parse_body(raw))
        except (Problem, Retry) as problem:
            self._sends.release()
            self._wire.send(_rejected(ref, problem))
            return
        tasks.create_task(self._finish_send(ref, self._acceptor.publish_message(prepared)))

    async def _finish_send(self, ref: str | None, accepting: Coroutine[Any, Any, Any]) -> None:
        try:
            with tracing.edge("socket send", {"network.protocol.name": "websocket"}):
                accepted = await accepting
            self._wire.send(frames.encode(frames.Accepted(ref, accepted.message_id)))
        except (Problem, Retry) as problem:
            self._wire.send(_rejected(ref, problem))
        finally:
            self._sends.release()


def _mark(conversation_id: str, status: ReceiptStatus, number: int) -> tuple[str, ReceiptStatus, int]:
    """Checked before it is merged with others: of many the highest counts. Raises `Problem` 422."""
    if not 1 <= number <= MAX_INT64:
        raise invalid("/sequence_number", "must be a positive integer of at most 64 bit")
    return parse_uuid(conversation_id, "/conversation_id"), status, number


def _error(problem: Problem) -> bytes:
    return frames.encode(frames.Error(problem_document(problem, INSTANCE)))


def _rejected(ref: Any, error: Exception) -> bytes:
    return frames.encode(frames.Rejected(ref, problem_document(as_problem(error), INSTANCE)))
