"""A node's real listener, with keys of its own, and phones that connect to it; the test stands where Kafka stands."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import msgspec
import picows
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from libs.common.accept import Acceptor
from libs.common.auth import AUDIENCE, ISSUER, TokenVerifier
from libs.common.clock import new_id
from libs.common.conversations import Members
from libs.common.files import Files
from libs.common.jwks import ALGORITHM
from services.presence import socket
from services.presence.handlers.presence import Presenter
from services.presence.handlers.typing import Typing
from services.presence.socket.connection import RESUME_S
from services.presence.store.hints import Hints
from services.presence.store.presences import Presences
from services.presence.tests.scene import Scene

KEY = ec.generate_private_key(ec.SECP256R1())
ALLOWED = "https://chat.example"
PATIENCE_S = 60.0


class Phone(picows.WSListener):
    """A client that keeps every frame, and how the connection ended."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.pongs: list[bytes] = []
        self.closed: int | None = None
        self.is_gone = False
        self._transport: picows.WSTransport | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        match frame.msg_type:
            case picows.WSMsgType.TEXT:
                self.frames.append(msgspec.json.decode(frame.get_payload_as_bytes()))
            case picows.WSMsgType.PONG:
                self.pongs.append(frame.get_payload_as_bytes())
            case picows.WSMsgType.CLOSE:
                self.closed = int.from_bytes(frame.get_payload_as_bytes()[:2], "big")
                transport.disconnect()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self.is_gone = True

    @property
    def transport(self) -> picows.WSTransport:
        assert self._transport
        return self._transport

    def say(self, *frames: dict[str, Any] | bytes, kind: picows.WSMsgType = picows.WSMsgType.TEXT) -> None:
        for frame in frames:
            self.transport.send(kind, frame if isinstance(frame, bytes) else msgspec.json.encode(frame))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [f for f in self.frames if f["type"] == kind]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)

    async def hears(self, kind: str, count: int = 1) -> dict[str, Any]:
        await self.until(lambda: len(self.of(kind)) >= count or self.is_gone)
        assert len(self.of(kind)) >= count, f"closed with {self.closed} after {[f['type'] for f in self.frames[-3:]]}"
        return self.of(kind)[count - 1]

    async def end(self) -> int | None:
        """The code with which the connection was closed."""
        await self.until(lambda: self.is_gone)
        return self.closed


@dataclass
class Door:
    scene: Scene
    url: str
    sockets: socket.Sockets
    kafka_answers: asyncio.Event = field(default_factory=asyncio.Event)
    published: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)

    async def connect(self, **headers: str) -> Phone:
        """Raises `picows.WSHandshakeError` when refused."""
        phone = Phone()
        await picows.ws_connect(lambda: phone, self.url, extra_headers=headers, websocket_handshake_timeout=PATIENCE_S)
        self.phones.append(phone)
        return phone

    async def phone(self, lives_s: int = 3600, session_id: str = "", username: str = "") -> Phone:
        """Logged in, as bo where nobody else is named, and caught up."""
        phone = await self.connect()
        phone.say({"type": "auth", "token": token(username or self.scene.bo, lives_s, session_id=session_id)})
        await phone.hears("caught_up")
        return phone

    def text(self, text: str, ref: str | None = None) -> dict[str, Any]:
        payload = {"type": "text", "text": text}
        return {"type": "send", "ref": ref, "conversation_id": self.scene.conversation, "payload": payload}

    async def publish(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        await self.kafka_answers.wait()
        await asyncio.sleep(0)
        self.published.append((topic, msgspec.json.decode(value)))

    def events(self, topic: str) -> list[dict[str, Any]]:
        return [event for name, event in self.published if name == topic]


def token(username: str, lives_s: int = 3600, key: ec.EllipticCurvePrivateKey = KEY, session_id: str = "") -> str:
    at = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": username, "sid": session_id or new_id(), "jti": new_id()}
    return jwt.encode({**claims, "iat": at - 60, "exp": at + lives_s}, key, ALGORITHM, headers={"kid": "k1"})


async def _keys(_: Request) -> JSONResponse:
    key = jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    return JSONResponse({"keys": [{**key, "kid": "k1", "use": "sig", "alg": ALGORITHM}]})


@asynccontextmanager
async def door(scene: Scene, resume_s: float = RESUME_S) -> AsyncIterator[Door]:
    auth = httpx.ASGITransport(Starlette(routes=[Route("/.well-known/jwks.json", _keys)]))
    async with httpx.AsyncClient(transport=auth) as client:
        verifier = TokenVerifier("http://auth/.well-known/jwks.json", client)
        acceptor = Acceptor(
            Members(scene.database), Files(scene.database), lambda *event: built.publish(*event), "/parley/presence"
        )
        typing = Typing(acceptor.membership, Hints(scene.cache))
        presenter = Presenter(Presences(scene.cache, new_id(), f"test:{{{new_id()}}}"), lambda changes: None, 45)
        sockets = socket.Sockets(scene.node, acceptor, verifier, typing, presenter, (ALLOWED,), resume_s)
        async with socket.serve(sockets, "127.0.0.1", 0) as port:
            built = Door(scene, f"ws://127.0.0.1:{port}/v1/ws", sockets)
            built.kafka_answers.set()
            yield built
            for phone in built.phones:
                phone.transport.disconnect(graceful=False)
