"""The frontend as a client sees it, on real stores; the test stands where Kafka, the router and auth stand."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from conftest import PATIENCE_S
from libs.common import etcd, events, http, mongo
from libs.common.auth import AUDIENCE, ISSUER, TokenVerifier
from libs.common.board import Account
from libs.common.bus import Outgoing
from libs.common.clock import new_id, now
from libs.common.configured import Configured
from libs.common.directory import ChannelDirectory
from libs.common.errors import Unavailable
from libs.common.events import MessageEvent, ReceiptEvent, ReceiptStatus
from libs.common.jwks import ALGORITHM
from libs.common.messages import to_document
from services.frontend.handlers import STATUS_WAIT_S
from services.frontend.main import wire

KEY = ec.generate_private_key(ec.SECP256R1())
Json = dict[str, Any]


@dataclass
class Outbox:
    """What was published, in order; what holds one of the `refused` texts is not taken."""

    records: list[tuple[str, str, bytes]] = field(default_factory=list)
    refused: set[bytes] = field(default_factory=set)

    async def publish(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        (failure,) = await self.publish_each([Outgoing(topic, key, value, headers)])
        if failure:
            raise failure

    async def publish_each(self, records: Sequence[Outgoing]) -> list[Unavailable | None]:
        return [self._take(record) for record in records]

    def _take(self, record: Outgoing) -> Unavailable | None:
        if any(text in record.value for text in self.refused):
            return Unavailable("Kafka", "a test has it so")
        self.records.append((record.topic, record.key, record.value))
        return None

    @property
    def messages(self) -> list[MessageEvent]:
        return [events.decode(MessageEvent, v) for topic, _, v in self.records if topic == events.MESSAGE_EVENTS]

    @property
    def receipts(self) -> list[ReceiptEvent]:
        return [events.decode(ReceiptEvent, v) for topic, _, v in self.records if topic == events.RECEIPT_EVENTS]


@dataclass
class Router:
    """How far it has got, as a test has it."""

    is_behind: bool = False

    async def ends(self) -> Mapping[int, int]:
        return {0: 1}

    async def has_passed(self, ends: Mapping[int, int]) -> bool:
        return not self.is_behind


@dataclass(eq=False)
class Caller:
    """One person with a token."""

    http: httpx.AsyncClient
    headers: dict[str, str]

    async def get(self, path: str, **query: object) -> httpx.Response:
        return await self.http.get(path, params={k: str(v) for k, v in query.items()}, headers=self.headers)

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self.http.post(path, json=body, headers=self.headers)

    async def post_raw(self, path: str, body: bytes, content_type: str = "application/json") -> httpx.Response:
        return await self.http.post(path, content=body, headers={**self.headers, "content-type": content_type})

    async def open(self, *members: str, kind: str = "private") -> str:
        answer = await self.post("/v1/conversations", {"type": kind, "members": members})
        assert answer.status_code in (200, 201), answer.text
        conversation_id: str = answer.json()["conversation_id"]
        return conversation_id

    async def open_group(self, *members: str) -> str:
        return await self.open(*members, kind="group")

    async def send(self, conversation_id: str, *texts: str) -> list[str]:
        """The ids of the accepted messages."""
        return [(await self.say(conversation_id, text)).json()["message_id"] for text in texts]

    async def say(self, conversation_id: str, text: str, **more: object) -> httpx.Response:
        body = {"conversation_id": conversation_id, "payload": {"type": "text", "text": text}, **more}
        return await self.post("/v1/messages", body)


@dataclass
class Scene:
    http: httpx.AsyncClient
    database: mongo.Database
    registry: etcd.Etcd
    outbox: Outbox
    router: Router
    run: str
    """What makes the names of this test its own."""

    def name(self, username: str) -> str:
        return f"{username}.{self.run}"

    async def user(self, username: str) -> Caller:
        name = self.name(username)
        await self.registry.put(f"/parley/users/{name}", b"{}")
        return Caller(self.http, {"authorization": f"Bearer {token(name)}"})

    async def store(self) -> None:
        """Does with everything accepted so far what the router does with it."""
        for event in self.outbox.messages:
            if await self.database["messages"].find_one({"_id": event.message_id}):
                continue
            conversation = await self.database["conversations"].find_one({"_id": event.conversation_id})
            assert conversation
            number = 1 + await self.database["messages"].count_documents({"conversation_id": event.conversation_id})
            document = to_document(event, number, conversation["members"], now(), f"{event.message_id}/0")
            await self.database["messages"].insert_one(document)

    async def receipt(
        self, conversation_id: str, username: str, status: ReceiptStatus, number: int, at: datetime | None = None
    ) -> None:
        """Logs what the router logs when a device of theirs reports it."""
        member = {"conversation_id": conversation_id, "username": self.name(username), "status": status}
        before = await self.database["receipts"].find_one(member, sort=[("from_number", -1)])
        step = {"from_number": before["to_number"] + 1 if before else 1, "to_number": number, "at": at or now()}
        await self.database["receipts"].insert_one({"_id": new_id(), **member, **step})


def token(username: str) -> str:
    at = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": username, "sid": new_id(), "jti": new_id()}
    return jwt.encode({**claims, "iat": at, "exp": at + 3600}, KEY, ALGORITHM, headers={"kid": "k1"})


async def _none() -> set[Account]:
    """No breaker is open."""
    return set()


async def _keys(_: Request) -> JSONResponse:
    key = jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    return JSONResponse({"keys": [{**key, "kid": "k1", "use": "sig", "alg": ALGORITHM}]})


@pytest.fixture
def status_wait_s() -> float:
    """How long a call waits for the router."""
    return STATUS_WAIT_S


@pytest.fixture
async def scene(database: mongo.Database, etcd_endpoint: str, status_wait_s: float) -> AsyncIterator[Scene]:
    auth = httpx.ASGITransport(Starlette(routes=[Route("/.well-known/jwks.json", _keys)]))
    outbox, router = Outbox(), Router()
    async with etcd.connect(etcd_endpoint, PATIENCE_S) as registry, httpx.AsyncClient(transport=auth) as auth_client:
        verifier = TokenVerifier("http://auth/.well-known/jwks.json", auth_client)
        checks: dict[str, http.Check] = {"MongoDB": lambda: mongo.check(database)}
        told = (Configured(registry), ChannelDirectory(registry))
        edge = wire(database, registry, outbox, router, verifier, *told, _none, checks, status_wait_s)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://frontend") as client:
            yield Scene(client, database, registry, outbox, router, new_id()[-12:])


@pytest.fixture
async def ana(scene: Scene) -> Caller:
    return await scene.user("ana")


@pytest.fixture
async def bo(scene: Scene) -> Caller:
    return await scene.user("bo")


@pytest.fixture
async def mallory(scene: Scene) -> Caller:
    return await scene.user("mallory")
