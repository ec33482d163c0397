"""Callers who know the public contract alone: plain HTTP and plain frames, none of our own client."""

import asyncio
import hashlib
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import msgspec
import picows
import pytest

from conftest import Stack
from tests.registered import registered

PASSWORD = "correct horse battery"
PATIENCE_S = 60.0
Json = dict[str, Any]


class Frames(picows.WSListener):
    """A chat socket; keeps every frame in the order in which it came, and how the connection ended."""

    def __init__(self) -> None:
        self.all: list[Json] = []
        self.closed: int | None = None
        self._transport: picows.WSTransport | None = None
        self._changed = asyncio.Event()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            self.all.append(msgspec.json.decode(frame.get_payload_as_bytes()))
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            self.closed = int.from_bytes(frame.get_payload_as_bytes()[:2], "big")
            transport.disconnect()
        self._changed.set()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self.closed = self.closed or 1006
        self._changed.set()

    def say(self, frame: Json | str) -> None:
        assert self._transport
        text = frame.encode() if isinstance(frame, str) else msgspec.json.encode(frame)
        self._transport.send(picows.WSMsgType.TEXT, text)

    def leave(self) -> None:
        if self._transport and not self._transport.is_disconnected:
            self._transport.disconnect()

    async def until(self, condition: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def first(self, kind: str, **fields: object) -> Json:
        """The first frame of this type with these fields, which may have come already."""

        def found() -> Json | None:
            return next((f for f in self.all if f["type"] == kind and fields.items() <= f.items()), None)

        await self.until(lambda: found() is not None)
        frame = found()
        assert frame
        return frame

    async def goes_on_typing(self, conversation_id: str, reader: "Frames") -> Json:
        """A hint may get lost, so it is given again, as people do; the one that the reader gets."""
        async with asyncio.timeout(PATIENCE_S):
            while not (seen := [f for f in reader.of("typing") if f["conversation_id"] == conversation_id]):
                self.say({"type": "typing", "conversation_id": conversation_id})
                await asyncio.sleep(0.5)
        return seen[0]

    def of(self, kind: str) -> list[Json]:
        return [f for f in self.all if f["type"] == kind]


class Caller:
    """A user with an access token."""

    def __init__(self, name: str, tokens: Json, http: httpx.AsyncClient, resources: AsyncExitStack) -> None:
        self.name = name
        self.tokens = tokens
        self._http = http
        self._resources = resources

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    async def call(self, method: str, path: str, body: object = None, **more: Any) -> httpx.Response:
        return await self._http.request(method, path, json=body, headers=self.headers, **more)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.call("GET", path, params=query)

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self.call("POST", path, body)

    async def opens(self, *others: "Caller", kind: str = "private", **fields: object) -> str:
        answer = await self.post("/v1/conversations", {"type": kind, "members": [o.name for o in others], **fields})
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["conversation_id"])

    async def sends(self, conversation_id: str, text: str, **fields: object) -> Json:
        body = {"conversation_id": conversation_id, "payload": {"type": "text", "text": text}, **fields}
        answer = await self.post("/v1/messages", body)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    async def begins(self, content: bytes, **fields: object) -> Json:
        """A file of which nothing is uploaded yet."""
        asked = {"filename": "view.txt", "size": len(content), "content_type": "text/plain", **fields}
        answer = await self.post("/v1/files/initiate", asked)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def uploads(self, content: bytes, **fields: object) -> str:
        """The id of a completed file."""
        file_id = await self.stores(content, **fields)
        completed = await self.completes(file_id, content)
        assert completed.status_code == 200, completed.text
        return file_id

    async def stores(self, content: bytes, **fields: object) -> str:
        """The id of a file of which all is uploaded, and nothing completed."""
        begun = await self.begins(content, **fields)
        to = begun["upload"]
        stored = await self._http.request(to["method"], to["url"], content=content, headers=to["headers"])
        assert stored.is_success, stored.text
        return str(begun["file_id"])

    async def completes(self, file_id: str, content: bytes) -> httpx.Response:
        asked = {"file_id": file_id, "sha256": hashlib.sha256(content).hexdigest()}
        return await self.call("POST", "/v1/files/complete", asked)

    async def downloads(self, file_id: str) -> bytes:
        answer = await self.get(f"/v1/files/{file_id}")
        assert answer.status_code == 200, answer.text
        stored = await self._http.get(answer.json()["download_url"])
        assert stored.status_code == 200, stored.text
        return stored.content

    async def status(self, message_id: str) -> Json:
        """Once the message is stored, however far behind the router is."""
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await self.get(f"/v1/messages/{message_id}/status")).status_code == 503:
                await asyncio.sleep(0.1)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def socket(self, first: Json | None = None) -> Frames:
        """By the header where no first frame is given."""
        url = str(self._http.base_url).replace("http", "ws", 1) + "/v1/ws"
        frames = Frames()
        await picows.ws_connect(lambda: frames, url, extra_headers={} if first else self.headers)
        self._resources.callback(frames.leave)
        if first:
            frames.say(first)
        return frames

    async def online(self) -> Frames:
        """A socket that has caught up."""
        frames = await self.socket({"type": "auth", "token": self.tokens["access_token"]})
        await frames.first("caught_up")
        return frames


NewCaller = Callable[[], Awaitable[Caller]]
_numbers = itertools.count(1)


@asynccontextmanager
async def callers(stack: Stack) -> AsyncIterator[NewCaller]:
    async with AsyncExitStack() as resources:
        http = await resources.enter_async_context(httpx.AsyncClient(base_url=stack.gateway_url, timeout=PATIENCE_S))

        async def new() -> Caller:
            name = f"c{next(_numbers)}.{secrets.token_hex(4)}"
            await registered(stack.etcd, PASSWORD, name)
            form = {"grant_type": "password", "username": name, "password": PASSWORD}
            answer = await http.post("/v1/auth/token", data=form)
            assert answer.status_code == 200, answer.text
            return Caller(name, answer.json(), http, resources)

        yield new


@pytest.fixture
async def new_caller(stack: Stack) -> AsyncIterator[NewCaller]:
    async with callers(stack) as new:
        yield new


@pytest.fixture(scope="session")
async def people(stack: Stack) -> AsyncIterator[list[Caller]]:
    """Four who live as long as the run: ana and bo, cy who knows them from groups, dee whom nobody knows."""
    async with callers(stack) as new:
        yield [await new() for _ in range(4)]


@pytest.fixture(scope="session")
def ana(people: list[Caller]) -> Caller:
    return people[0]


@pytest.fixture(scope="session")
def bo(people: list[Caller]) -> Caller:
    return people[1]


@pytest.fixture(scope="session")
def cy(people: list[Caller]) -> Caller:
    return people[2]


@pytest.fixture(scope="session")
def dee(people: list[Caller]) -> Caller:
    """A stranger to all others."""
    return people[3]


@pytest.fixture
async def anyone(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a token."""
    async with httpx.AsyncClient(base_url=stack.gateway_url, timeout=PATIENCE_S) as http:
        yield http
