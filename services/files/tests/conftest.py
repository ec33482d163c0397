"""Files as a client sees them, on the real database and the real store; the test stands where Kafka and auth stand."""

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from conftest import Stack
from libs.common import events, mongo, storage
from libs.common.auth import AUDIENCE, ISSUER, TokenVerifier
from libs.common.clock import new_id, now
from libs.common.conversations import Members
from libs.common.errors import Unavailable
from libs.common.events import FileEvent
from libs.common.files import Files as SharedFiles
from libs.common.jwks import ALGORITHM
from libs.common.mongo import Document
from libs.common.storage_reading import Place
from libs.common.tests.line import Line, line_to
from services.files.domain.types import ALLOWED
from services.files.handlers.aftermath import Aftermath, Recovery
from services.files.handlers.arriving import Arriving
from services.files.handlers.completing import WAIT_S, Completion
from services.files.handlers.files import Files
from services.files.handlers.uploads import Uploads
from services.files.handlers.verifying import Verifier
from services.files.main import wire, wire_inside
from services.files.store import FileStore

KEY = ec.generate_private_key(ec.SECP256R1())
MIB = 1024 * 1024
INTERNAL = "a-token-of-tests"
PATIENCE_S = 60.0
QUOTA = 2048 * MIB
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
Json = dict[str, Any]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Outbox:
    """What was published, in order; nothing is taken while Kafka `is_away`."""

    events: list[FileEvent] = field(default_factory=list)
    ids: list[bytes] = field(default_factory=list)
    is_away: bool = False

    async def publish(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        if self.is_away:
            raise Unavailable("Kafka", "a test has it so")
        assert topic == events.FILE_EVENTS
        event = events.decode(FileEvent, value)
        assert key == event.file_id
        self.events.append(event)
        self.ids.append(dict(headers)["ce_id"])


@dataclass
class Process:
    """One process of the service: its tasks end with it."""

    http: httpx.AsyncClient
    verifier: Verifier
    recovery: Recovery
    store: FileStore
    inside: httpx.AsyncClient


@dataclass(eq=False)
class Caller:
    """One person with a token, and the bytes that they send past us."""

    name: str
    http: httpx.AsyncClient
    headers: dict[str, str]
    past_us: httpx.AsyncClient

    async def get(self, path: str, **query: object) -> httpx.Response:
        return await self.http.get(path, params={k: str(v) for k, v in query.items()}, headers=self.headers)

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self.http.post(path, json=body, headers=self.headers, timeout=PATIENCE_S)

    async def delete(self, path: str) -> httpx.Response:
        return await self.http.delete(path, headers=self.headers)

    async def asks(self, size: int, **fields: object) -> httpx.Response:
        body = {"filename": "a.bin", "size": size, "content_type": "application/octet-stream", **fields}
        return await self.post("/v1/files/initiate", body)

    async def begins(self, size: int, **fields: object) -> Json:
        answer = await self.asks(size, **fields)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def puts(self, upload: Json, content: bytes) -> httpx.Response:
        """What of `content` the URLs of an upload are for; the answer to the last."""
        if "url" in upload:
            return await self.past_us.put(upload["url"], content=content, headers=upload["headers"])
        for part in upload["parts"]:
            begin = (part["part_number"] - 1) * upload["part_size"]
            answer = await self.past_us.put(part["url"], content=content[begin : begin + upload["part_size"]])
        return answer

    async def sends(self, content: bytes, **fields: object) -> str:
        """Uploaded and not completed yet; the file_id."""
        begun = await self.begins(len(content), **fields)
        answer = await self.puts(begun["upload"], content)
        assert answer.status_code == 200, answer.text
        return str(begun["file_id"])

    async def completes(self, file_id: str, content: bytes, **fields: object) -> httpx.Response:
        return await self.post("/v1/files/complete", {"file_id": file_id, "sha256": sha256(content), **fields})

    async def uploads(self, content: bytes, **fields: object) -> Json:
        """A completed file, as it is shown."""
        answer = await self.completes(await self.sends(content, **fields), content)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def sees(self, file_id: str) -> Json:
        answer = await self.get(f"/v1/files/{file_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def downloads(self, file_id: str) -> httpx.Response:
        return await self.past_us.get((await self.sees(file_id))["download_url"])


@dataclass
class Scene:
    """`line` leads to the store, for the service alone: clients have their own way."""

    database: mongo.Database
    storage: storage.Storage
    line: Line
    outbox: Outbox
    process: Process
    past_us: httpx.AsyncClient
    run: str

    def user(self, username: str, process: Process | None = None) -> Caller:
        name = f"{username}.{self.run}"
        http = (process or self.process).http
        return Caller(name, http, {"authorization": f"Bearer {token(name)}"}, self.past_us)

    async def document(self, file_id: str) -> Document:
        found = await self.database["files"].find_one({"_id": file_id})
        assert found
        return found

    async def change(self, file_id: str, **fields: object) -> None:
        await self.database["files"].update_one({"_id": file_id}, {"$set": fields})

    async def told(self, file_id: str) -> list[FileEvent]:
        """Waits until nothing is left to tell of it."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.document(file_id)).get("untold"):
                await asyncio.sleep(0.02)
        return [event for event in self.outbox.events if event.file_id == file_id]

    async def ended(self, file_id: str) -> Document:
        """Waits until nobody has anything to do with it any more."""
        async with asyncio.timeout(PATIENCE_S):
            while (document := await self.document(file_id))["status"] in ("uploading", "verifying", "scanning"):
                await asyncio.sleep(0.02)
        return document

    async def tidied(self, file_id: str) -> Document:
        """Waits until what is left of it is gone, for now."""
        async with asyncio.timeout(PATIENCE_S):
            while (tidy_at := (document := await self.document(file_id)).get("tidy_at")) and tidy_at <= now():
                await asyncio.sleep(0.02)
        return document

    async def keys(self) -> list[str]:
        """Of all objects that there are; the store of development lists its folders too."""
        listed = self.storage._client._list_objects(self.storage._bucket)
        return [name async for found in listed if not (name := str(found.object_name)).endswith("/")]

    async def shares(self, file_id: str, *members: Caller) -> None:
        """A stored message brings it to a conversation of theirs."""
        conversation_id = new_id()
        conversation = {"_id": conversation_id, "members": [m.name for m in members], "last_activity": now()}
        await self.database["conversations"].insert_one(conversation)
        message = {"conversation_id": conversation_id, "sequence_number": 1, "payload": {"file_id": file_id}}
        await self.database["messages"].insert_one({"_id": new_id(), **message})


def token(username: str) -> str:
    at = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": username, "sid": new_id(), "jti": new_id()}
    return jwt.encode({**claims, "iat": at, "exp": at + 3600}, KEY, ALGORITHM, headers={"kid": "k1"})


async def _keys(_: Request) -> JSONResponse:
    key = jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    return JSONResponse({"keys": [{**key, "kid": "k1", "use": "sig", "alg": ALGORITHM}]})


@asynccontextmanager
async def bucket_of(stack: Stack, url: str) -> AsyncIterator[storage.Storage]:
    """One of the test's own, reached by `url`; clients go to the server itself."""
    place = Place(
        url=url,
        public_url=stack.s3_url,
        bucket=f"test-{secrets.token_hex(6)}",
        access_key=stack.s3_access_key,
        secret_key=stack.s3_secret_key,
    )
    async with storage.connect(place, deadline_s=PATIENCE_S) as objects:
        await objects.make_bucket()
        yield objects


@asynccontextmanager
async def a_process(
    database: mongo.Database, objects: storage.Storage, outbox: Outbox, wait_s: float = WAIT_S, **how: Any
) -> AsyncIterator[Process]:
    """`how`: of the verifier. Whoever leaves gives back what is under way."""
    auth = httpx.ASGITransport(Starlette(routes=[Route("/.well-known/jwks.json", _keys)]))
    store = FileStore(database)
    aftermath = Aftermath(store, objects, outbox.publish)
    async with httpx.AsyncClient(transport=auth) as auth_client, asyncio.TaskGroup() as tasks:
        tokens = TokenVerifier("http://auth/.well-known/jwks.json", auth_client)
        verifier = Verifier(store, objects, aftermath.follow_up, tasks, **how)
        uploads = Uploads(store, objects, Members(database), ALLOWED, QUOTA)
        files = Files(store, objects, SharedFiles(database), aftermath.follow_up)
        completion = Completion(store, objects, verifier, wait_s)
        edge = wire(uploads, files, completion, tokens, {"S3": objects.check}, {})
        inner = wire_inside(Arriving(uploads, completion, aftermath.follow_up), INTERNAL, {"S3": objects.check})
        async with (
            httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://files") as http,
            httpx.AsyncClient(transport=httpx.ASGITransport(inner), base_url="http://files") as inside,
        ):
            yield Process(http, verifier, Recovery(store, verifier, aftermath), store, inside)
        verifier.stop()


@pytest.fixture
async def scene(stack: Stack, database: mongo.Database) -> AsyncIterator[Scene]:
    outbox = Outbox()
    port = int(stack.s3_url.rpartition(":")[2])
    async with (
        line_to(port) as (line, near),
        bucket_of(stack, f"http://127.0.0.1:{near}") as objects,
        httpx.AsyncClient(timeout=PATIENCE_S) as past_us,
        a_process(database, objects, outbox) as process,
    ):
        made = Scene(database, objects, line, outbox, process, past_us, new_id()[-12:])
        yield made
        line.is_cut = False
        await objects.delete(*await made.keys())


@pytest.fixture
def ana(scene: Scene) -> Caller:
    return scene.user("ana")


@pytest.fixture
def bo(scene: Scene) -> Caller:
    return scene.user("bo")
