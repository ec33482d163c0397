"""What the tests of what comes in build from: updates as a platform sends them, and a router that reads them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import msgspec
from aiokafka import AIOKafkaConsumer

from connectors import sdk
from connectors.telegram import Settings, Telegram
from libs.common.bus import Record, Rejected
from libs.common.clock import now, rfc3339
from libs.common.conversations import Members
from libs.common.events import (
    INBOUND_EVENTS,
    INBOUND_QUARANTINE,
    MESSAGE_EVENTS,
    InboundEvent,
    MessageEvent,
    decode,
    encode,
)
from libs.common.feed import FeedWriter
from libs.common.mongo import Document
from libs.common.scheduler import Scheduler
from services.router.arrivals import Arrivals
from services.router.changes import Changes
from services.router.contacts import Contacts
from services.router.handlers import Answering, Attaching, Changing, Inbound, Knowing, Placing, Postponed, Taking
from services.router.inbound import MessageIds
from services.router.keeping import FileKeeper
from services.router.people import Everybody
from services.router.tests.scene import Scene, record
from services.router.tests.shelf import Shelf
from services.router.waiting import LANES, Waiting

BOT = "700000001"
IDS = MessageIds(UUID("6f0b9a52-3c1e-5c0e-9d3a-7a1d5b7c2e44"))
MOST = 1_000  # bytes of a file that this platform hands out
_numbers = count(1)


def update(body: bytes, address: str = "42", account: str = "main") -> Record:
    """A record of its own; the same body is the same update."""
    event = InboundEvent(
        channel="telegram", account=account, address=address, provider_id="any", body=body, at=rfc3339(now())
    )
    return record(encode(event), INBOUND_EVENTS)


def said(
    text: str,
    number: int,
    *,
    chat: int = 42,
    by: int | None = None,
    reply_to: int = 0,
    account: str = "main",
    at: int = 1_700_000_000,
) -> Record:
    message: Document = {
        "message_id": number,
        "date": at,
        "chat": {"id": chat},
        "from": {"id": by or chat, "first_name": "Tea"},
        "text": text,
    }
    if reply_to:
        message["reply_to_message"] = {"message_id": reply_to, "date": 1, "chat": {"id": chat}}
    return changed("message", message, chat, account)


def changed(kind: str, content: Mapping[str, Any], chat: int = 42, account: str = "main") -> Record:
    return update(msgspec.json.encode({"update_id": next(_numbers), kind: content}), str(chat), account)


def standing(status: str, at: int, chat: int = 42) -> Record:
    """Our bot's, in a chat: "kicked" is what it is to somebody who blocked it."""
    member = {"status": status, "user": {"id": int(BOT), "is_bot": True, "first_name": "Parley"}}
    changes = {"date": at, "old_chat_member": member, "new_chat_member": member}
    return changed("my_chat_member", {"chat": {"id": chat}, "from": {"id": 42}, **changes}, chat)


def sent(number: int, ref: str, *, chat: int = 42, caption: str = "", size: int | None = None) -> Record:
    """A file, whose bytes the platform has under `ref`."""
    document = {"file_id": ref, "file_name": f"{ref}.txt", "mime_type": "text/plain", "file_size": size}
    head = {"message_id": number, "date": 1_700_000_000, "chat": {"id": chat}, "from": {"id": chat}}
    return changed("message", {**head, "document": document, "caption": caption or None}, chat)


def taken_back(number: int) -> Record:
    return update(msgspec.json.encode({"taken_back": number}))


class Bot(Telegram):
    """`files`: what the platform has under each ref, or how it fails. `answered` are the presses that were."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        super().__init__(http, Settings(token=f"{BOT}:of_tests", webhook_secret="a-secret"))
        self.files: dict[str, bytes | Exception] = {}
        self.opened: list[str] = []
        self.answered: list[str] = []

    def handle_webhook(self, body: bytes) -> list[sdk.Inbound]:
        """Beside what bots are told: a message that its sender takes back, as on other platforms."""
        taken_back = msgspec.json.decode(body).get("taken_back")
        if taken_back is None:
            return super().handle_webhook(body)
        return [sdk.Unsent(provider_id="any", address="42", external_id=f"42/{taken_back}")]

    async def open_file(self, ref: str) -> tuple[sdk.Attachment, AsyncIterator[bytes]]:
        self.opened.append(ref)
        found = self.files[ref]
        if isinstance(found, Exception):
            raise found
        return sdk.Attachment(ref, ref, "text/plain"), _pieces(found)

    async def answer_press(self, answer: str) -> None:
        self.answered.append(answer)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 7):
        yield content[start : start + 7]


@dataclass
class Outside:
    """The scene, with people at a platform. `mapped`: who has which address of telegram."""

    scene: Scene
    http: httpx.AsyncClient
    mapped: dict[str, str] = field(default_factory=dict)
    inbox: str = ""
    shelf: Shelf = field(default_factory=Shelf)
    bot: Bot = field(init=False)

    def __post_init__(self) -> None:
        self.bot = Bot(self.http)

    def inbound(self) -> Inbound:
        """A router that has just started."""
        database, accounts = self.scene.database, [("telegram", account) for account in ("main", "second")]
        connectors = dict.fromkeys(accounts, self.bot)
        keeper = FileKeeper(self.shelf.http, "http://files", self.shelf.token)
        attaching = Attaching(connectors, dict.fromkeys(accounts, MOST), keeper)
        taking, changing = Taking(self._placing(), attaching, self.scene.producer), self._changing()
        waiting, lanes = Waiting(database), Scheduler(database, LANES)
        postponed = Postponed(taking, changing, connectors, waiting, lanes, self.scene.producer)
        answering, contacts, reporting = Answering(connectors), Contacts(database), self.scene.reporting()
        return Inbound(taking, changing, postponed, answering, connectors, self.knowing(), contacts, reporting)

    def _placing(self) -> Placing:
        database = self.scene.database
        return Placing(IDS, Arrivals(database), Members(database), self.knowing(), self.inbox, everybody)

    def _changing(self) -> Changing:
        database, feed = self.scene.database, FeedWriter(self.scene.cache)
        stores = Changes(database), Arrivals(database), Members(database)
        return Changing(IDS, *stores, self.knowing(), feed, Contacts(database))

    def knowing(self) -> Knowing:
        return Knowing(Everybody(self.scene.database), self._user_of)

    def _user_of(self, _: str, address: str) -> str | None:
        return self.mapped.get(address)

    async def come(self, *updates: Record) -> list[Rejected]:
        return await self.inbound().handle(updates)

    async def wait(self, *lanes: str) -> list[bool]:
        """Tries what waits in each lane, and ends it as the scheduler does; whether something waits there on."""
        run = self.inbound().postponed.run_lane
        found = [await run({"_id": lane}) is not None for lane in lanes]
        ended = [lane for lane, waits in zip(lanes, found, strict=True) if not waits]
        await self.scene.database[LANES].delete_many({"_id": {"$in": ended}})
        return found

    async def delivered(self, number: int, conversation_id: str, recipient: str, chat: int = 42) -> str:
        """A message of ours that has reached the platform, later than all with lower numbers; its id."""
        message_id = f"{conversation_id}-{number}"
        await self.scene.database["deliveries"].insert_one(
            {
                "_id": f"{message_id}:{recipient}:telegram",
                "message_id": message_id,
                "conversation_id": conversation_id,
                "recipient": recipient,
                "channel": "telegram",
                "account": "main",
                "address": str(chat),
                "status": "SENT",
                "external_ids": [f"{chat}/{number}"],
                "sent_at": now() + timedelta(seconds=number),
            }
        )
        return message_id

    async def conversation(self, *members: str) -> str:
        conversation_id = f"{'-'.join(members)}"
        await self.scene.database["conversations"].insert_one(
            {"_id": conversation_id, "members": list(members), "last_sequence": 0}
        )
        return conversation_id

    async def published(self, count: int) -> list[MessageEvent]:
        """The first of `message.events`."""
        return [decode(MessageEvent, found.value) for found in await self._read(MESSAGE_EVENTS, count)]

    async def quarantined(self, count: int) -> list[str]:
        """Why, of the first that are."""
        return [dict(found.headers)["dlq_reason"].decode() for found in await self._read(INBOUND_QUARANTINE, count)]

    async def _read(self, topic: str, count: int) -> list[Any]:
        bootstrap, prefix = self.scene.broker
        consumer = AIOKafkaConsumer(prefix + topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
        async with consumer, asyncio.timeout(60):
            return [await consumer.getone() for _ in range(count)]

    def without_inbox(self) -> "Outside":
        return replace(self, inbox="")


async def everybody(_: str) -> bool:
    return True
