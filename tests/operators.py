"""Operators, as the tests of the whole system see them: their calls on the internal port, and what they look for."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx
from aiokafka import AIOKafkaProducer

from clients.parley import Conversation
from libs.common import etcd
from libs.common.events import MESSAGE_EVENTS
from services.auth.handlers.operators import Operators
from services.auth.store.operators import EtcdRoles
from tests.conftest import DEADLINE_S, PASSWORD, PATIENCE_S, Chat, Device, Person
from tests.outside import simulator
from tests.telegram import Telegram

Json = dict[str, Any]


@dataclass(frozen=True)
class Operator:
    chat: Chat
    person: Person
    http: httpx.AsyncClient

    async def get(self, path: str, **query: Any) -> Json:
        answer = await self.http.get(f"/v1/operators{path}", params=query, headers=self.token)
        assert answer.status_code == 200, answer.text
        return cast(Json, answer.json())

    async def post(self, path: str, body: Json) -> httpx.Response:
        return await self.http.post(f"/v1/operators{path}", json=body, headers=self.token)

    @property
    def token(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.person.client.access_token}"}

    async def letter(self, words: str, **filters: str) -> Json:
        """The newest open one that says this, once it is there, as a whole."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for item in (await self.get("/dlq", **filters))["items"]:
                    whole = await self.get(f"/dlq/{item['id']}")
                    if words in json.dumps([whole["body"], whole["text"]]):
                        return whole
                await asyncio.sleep(0.1)

    async def contact(self, name: str) -> Json:
        """Once it is there."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await self.http.get(f"/v1/operators/contacts/{name}", headers=self.token)
                if answer.status_code == 200:
                    return cast(Json, answer.json())
                assert answer.status_code == 404, answer.text
                await asyncio.sleep(0.1)

    async def settled(self, path: str, *ids: str, **more: Any) -> list[str]:
        """The outcomes."""
        answer = await self.post(path, {"ids": [*ids], **more})
        assert answer.status_code == 200, answer.text
        return [item["outcome"] for item in answer.json()["items"]]


async def grant(chat: Chat, username: str) -> None:
    async with etcd.connect(chat.stack.etcd, DEADLINE_S) as registry:
        assert await Operators(EtcdRoles(registry)).grant(username)


async def revoke(chat: Chat, username: str) -> None:
    async with etcd.connect(chat.stack.etcd, DEADLINE_S) as registry:
        assert await Operators(EtcdRoles(registry)).revoke(username)


async def operator(chat: Chat, http: httpx.AsyncClient) -> Operator:
    """Somebody new, who has the role."""
    person = await chat.person("op")
    await grant(chat, person.name)
    await person.client.log_in(person.name, PASSWORD)
    return Operator(chat, person, http)


def router_url(chat: Chat) -> str:
    return f"http://127.0.0.1:{chat.processes.ports['router']}"


@dataclass(frozen=True)
class Desk:
    chat: Chat
    op: Operator
    there: Telegram

    async def poison(self, value: bytes, key: str = "any") -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.chat.stack.kafka) as producer:
            await producer.send_and_wait(MESSAGE_EVENTS, value, key.encode())

    async def account(self, condition: Callable[[Json], bool]) -> Json:
        """The simulated one of Telegram, once it is as it should be."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                items = (await self.op.get("/channels"))["items"]
                (found,) = [c for c in items if (c["channel"], c["account"]) == ("telegram", "main")]
                if condition(found):
                    return dict(found)
                await asyncio.sleep(0.2)

    async def actions(self, on: str) -> list[tuple[str, str]]:
        """(action, outcome), the oldest first."""
        items = (await self.op.get("/audit", limit=200))["items"]
        mine = [entry for entry in items if (entry["on"], entry["who"]) == (on, self.op.person.name)]
        return [(entry["action"], entry["outcome"]) for entry in reversed(mine)]


@asynccontextmanager
async def working(chat: Chat) -> AsyncIterator[Desk]:
    """An operator at work; faults of the platform end with them."""
    async with (
        httpx.AsyncClient(base_url=router_url(chat), trust_env=False, timeout=30) as internal,
        simulator(chat) as outside,
    ):
        there = Telegram(chat, outside)
        yield Desk(chat, await operator(chat, internal), there)
        await there.clear()


@dataclass(frozen=True)
class Poisoned:
    """An update that nobody could read, and the same as it should have been: an answer to what was `sent`."""

    letter: Json
    mended: Json
    device: Device
    conversation: Conversation
    sent: str

    async def arrives(self) -> None:
        """In the conversation it belongs to."""
        words = self.mended["message"]["text"]
        await self.device.until_so(lambda: words in self.device.texts)
        said = next(m for m in self.device.messages if m.text == words)
        assert (said.conversation_id, said.reply_to) == (self.conversation.conversation_id, self.sent)


async def poison_update(desk: Desk) -> Poisoned:
    ana, bo, conversation = await desk.chat.pair()
    tea = await desk.there.is_reached_by(bo)
    device = await ana.connect()
    (sent,) = await send(ana, conversation, "Are you there?")
    await desk.there.until(tea, lambda texts: len(texts) == 1)
    (arrived,) = await desk.there.sent(tea)
    mark, chat = secrets.token_hex(8), {"id": int(tea), "type": "private"}
    await told(desk, {"update_id": 1, "message": {"message_id": mark, "chat": chat}})
    letter = await desk.op.letter(mark, topic="inbound.quarantine")
    mended = {
        "message_id": secrets.randbelow(2**31),
        "date": 1_800_000_000,
        "chat": chat,
        "from": {"id": int(tea), "is_bot": False, "first_name": "Tea"},
        "text": f"Yes! {mark}",
        "reply_to_message": {"message_id": arrived["message_id"], "date": 1, "chat": chat},
    }
    return Poisoned(letter, {"update_id": 1, "message": mended}, device, conversation, sent)


async def send(sender: Person, conversation: Conversation, *texts: str) -> list[str]:
    """The ids of what was sent to Telegram."""
    sent = [await sender.client.send(conversation.conversation_id, text, channels=["telegram"]) for text in texts]
    return [message.message_id for message in sent]


async def told(desk: Desk, update: Json) -> None:
    """By the platform."""
    secret = desk.chat.stack.channels["telegram"]["main"]["webhook_secret"]
    hook = f"{desk.chat.stack.gateway_url}/v1/channels/telegram/main/webhook"
    proof = {"X-Telegram-Bot-Api-Secret-Token": secret}
    assert (await desk.there.http.post(hook, json=update, headers=proof, timeout=60)).status_code == 200
