"""What the tests of webhooks build from: people, messages, endpoints, and a worker on the real stores."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from itertools import count
from typing import Any

from libs.common import mongo
from libs.common.auth import Identity
from libs.common.bus import Record
from libs.common.clock import new_id, now, rfc3339
from libs.common.errors import Unavailable
from libs.common.etcd import Etcd
from libs.common.events import STATUS_EVENTS, StatusEvent, encode
from libs.common.tests.endpoint import Endpoint, endpoint
from services.webhooks.outgoing.domain.retrying import DEFAULT_S
from services.webhooks.outgoing.domain.urls import Reach
from services.webhooks.outgoing.handlers.registering import Rules
from services.webhooks.outgoing.handlers.sending import Policy
from services.webhooks.outgoing.handlers.shapes import CreateRequest, DeliveryView, WebhookView
from services.webhooks.outgoing.store.sealing import Seal
from services.webhooks.outgoing.transport import calling
from services.webhooks.outgoing.wiring import Parts, parts

_offsets = count()
HERE = (ip_network("127.0.0.0/8"),)
KEY = b"k" * 32
PATIENCE_S = 60


@dataclass
class Clock:
    """The real time, and what a test adds to it."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return now() + self.ahead


@dataclass
class Scene:
    """Ana, bo, cy and dee of this test alone; ana, bo and cy are in one conversation."""

    registry: Etcd
    database: mongo.Database
    resources: AsyncExitStack
    clock: Clock = field(default_factory=Clock)
    policy: Policy = field(default_factory=lambda: Policy(DEFAULT_S, timedelta(days=5)))
    most: int = 3
    timeout_s: float = 20

    def __post_init__(self) -> None:
        mark = secrets.token_hex(4)
        self.ana, self.bo, self.cy, self.dee = (f"{name}-{mark}" for name in ("ana", "bo", "cy", "dee"))
        self.conversation = new_id()
        self._numbers = count(1)

    def numbers_from(self, first: int) -> None:
        """Of the messages that follow."""
        self._numbers = count(first)

    @asynccontextmanager
    async def worker(self, *, sends: bool = True) -> AsyncIterator[Parts]:
        """A process of webhooks, without its doors; leaving the block is its death."""
        rules = Rules(Reach(http=True, networks=HERE), self.most)
        async with calling(HERE, 50, self.clock, deadline_s=self.timeout_s) as caller:
            made = parts(self.registry, self.database, caller, Seal(KEY), rules, self.policy, self.clock)
            background = made.background if sends else made.background[:1]
            tasks = [asyncio.create_task(each()) for each in background]
            try:
                async with asyncio.timeout(PATIENCE_S):
                    while not await knows(made):
                        await asyncio.sleep(0.01)
                yield made
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def endpoint(self) -> Endpoint:
        return await self.resources.enter_async_context(endpoint())

    async def register(self, made: Parts, owner: str, there: Endpoint, **more: Any) -> WebhookView:
        roles = frozenset({"operator"} if more.get("scope") == "all" else {"user"})
        if more.get("scope") == "all":
            await self.registry.put(f"/parley/operators/{owner}", b"")
            await until(lambda: owner in made.sending.directory._operators)
        return await made.registering.create(who(owner, *roles), CreateRequest(url=there.url, **more))

    async def message(self, sender: str, *to: str, channels: Sequence[str] = ("internal",), text: str = "hi") -> str:
        """Stored, and nothing told of it yet."""
        message_id, number, at = new_id(), next(self._numbers), now()
        document = {
            "_id": message_id,
            "conversation_id": self.conversation,
            "sequence_number": number,
            "from": sender,
            "to": [*to],
            "channels": [*channels],
            "payload": {"type": "text", "text": text},
            "reply_to": None,
            "created_at": at,
            "stored_at": at,
        }
        await self.database["messages"].insert_one(document)
        return message_id

    def stored(self, message_id: str, sender: str, number: int) -> Record:
        return self.fact(status="SENT", from_number=number, to_number=number, message_id=message_id, sender=sender)

    def read(self, username: str, first: int, last: int) -> Record:
        return self.fact(status="READ", from_number=first, to_number=last, username=username)

    def fact(self, **fields: Any) -> Record:
        at = rfc3339(self.clock())
        event = StatusEvent(conversation_id=self.conversation, at=at, **fields)
        return Record(STATUS_EVENTS, 0, next(_offsets), self.conversation.encode(), encode(event))

    async def tell(self, made: Parts, count: int = 1, **more: Any) -> list[str]:
        """So many messages of ana's to bo: their ids."""
        ids = []
        for _ in range(count):
            message_id = await self.message(self.ana, self.bo, **more)
            number = int((await self.rows("messages", _id=message_id))[0]["sequence_number"])
            await made.statuses.handle([self.stored(message_id, self.ana, number)])
            ids.append(message_id)
        return ids

    async def rows(self, collection: str = "webhook_deliveries", **query: Any) -> list[dict[str, Any]]:
        return await self.database[collection].find(query, comment="a test looks at everything").to_list()

    async def log(self, made: Parts, webhook: WebhookView) -> list[DeliveryView]:
        """Newest first."""
        return (await made.log.page(who(webhook.owner), webhook.webhook_id, 200, None)).items

    async def until_log(self, made: Parts, webhook: WebhookView, status: str, attempts: int = 1) -> DeliveryView:
        """The newest, once it has come so far."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self.log(made, webhook)
                if found and found[0].status == status and found[0].attempt_count >= attempts:
                    return found[0]
                await asyncio.sleep(0.02)

    async def until_delivered(self, made: Parts, webhook: WebhookView, count: int) -> list[DeliveryView]:
        """The log, newest first, once it says of so many deliveries, and of no fewer, that they were taken."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self.log(made, webhook)
                if [each.status for each in found] == ["delivered"] * count:
                    return found
                await asyncio.sleep(0.02)


def who(name: str, *roles: str) -> Identity:
    return Identity(name, "session", frozenset(roles or {"user"}), 2e9)


async def knows(made: Parts) -> bool:
    try:
        await made.checks["webhooks"]()
    except Unavailable:
        return False
    return True


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def scene(registry: Etcd, database: mongo.Database) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as resources:
        built = Scene(registry, database, resources)
        members = sorted((built.ana, built.bo, built.cy))
        await database["conversations"].insert_one({"_id": built.conversation, "members": members})
        yield built
        for name in (built.ana, built.bo, built.cy, built.dee):
            for key in await registry.list(f"/parley/webhooks/{name}/"):
                await registry.delete(key)
            await registry.delete(f"/parley/webhook-owners/{name}")
            await registry.delete(f"/parley/operators/{name}")
