"""The chat sockets of a node: who may connect, who is connected, and how all are sent away."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from picows import WSListener, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener, ws_create_server

from libs.common import frames
from libs.common.accept import MAX_BODY, Acceptor
from libs.common.auth import TokenVerifier
from libs.common.errors import Problem
from libs.common.problems import problem_document
from libs.common.telemetry import continue_trace, traceparent
from services.presence.handlers.node import Node
from services.presence.handlers.presence import Presenter
from services.presence.handlers.typing import Typing
from services.presence.socket.connection import INSTANCE, RESUME_S, Connection
from services.presence.socket.wire import ENDED, RESTARTING, Wire


def is_trusted(origin: str | None, host: str | None, allowed: Sequence[str]) -> bool:
    """Browsers name the page's origin: the gateway's own pages and the allowed ones may connect."""
    return origin is None or origin in allowed or origin.partition("://")[2] == host


@dataclass(frozen=True, slots=True)
class Sockets:
    """The open connections of this node, and what they are made of."""

    node: Node
    acceptor: Acceptor
    verifier: TokenVerifier
    typing: Typing
    presenter: Presenter
    allowed_origins: Sequence[str]
    resume_s: float = RESUME_S
    open: dict[Wire, Connection] = field(default_factory=dict)
    of_session: dict[str, set[Wire]] = field(default_factory=dict)

    def on_upgrade(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        traceparent.set(continue_trace(request.headers.get("traceparent"), flags="00"))
        origin, host = request.headers.get("origin"), request.headers.get("host")
        if not is_trusted(origin, host, self.allowed_origins):
            problem = Problem(403, "origin_not_allowed", "Pages of this origin may not connect.")
            kind = {"content-type": "application/problem+json"}
            body = frames.encode(problem_document(problem, INSTANCE))
            return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(403, body, kind), None)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._wire(token.strip() if scheme.lower() == "bearer" else None)

    def _wire(self, token: str | None) -> Wire:
        async def live(wire: Wire) -> None:
            self.open[wire] = connection = Connection(wire, token, self)
            try:
                await connection.live()
            finally:
                del self.open[wire]

        return Wire(live)

    @contextmanager
    def in_session(self, session_id: str, wire: Wire) -> Iterator[None]:
        """Inside the block the end of the session ends the connection."""
        wires = self.of_session.setdefault(session_id, set())
        wires.add(wire)
        try:
            yield
        finally:
            wires.discard(wire)
            if not wires:
                self.of_session.pop(session_id, None)

    def end_session(self, session_id: str) -> None:
        """For a session that was revoked: all its connections are closed."""
        for wire in tuple(self.of_session.get(session_id, ())):
            wire.end(ENDED, "The session has ended: log in anew.")

    async def close_all(self) -> None:
        """For a restart: clients come back, with jitter, and resume."""
        for wire in tuple(self.open):
            wire.close(RESTARTING, "The node restarts; connect again.")
        lives = [wire.life for wire in self.open if wire.life is not None]
        if lives:
            await asyncio.wait(lives, timeout=2)


@asynccontextmanager
async def serve(sockets: Sockets, host: str, port: int) -> AsyncIterator[int]:
    """Accepts sockets inside the block, at this port, or any for 0; raises `OSError` when it is taken."""
    server = await ws_create_server(
        sockets.on_upgrade,
        host,
        port,
        max_frame_size=2 * MAX_BODY,
        enable_auto_ping=True,
        enable_auto_pong=False,  # the wire answers: what the device leaves unread is bounded
        auto_ping_idle_timeout=30,
        auto_ping_reply_timeout=20,
        backlog=1024,
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await sockets.close_all()
