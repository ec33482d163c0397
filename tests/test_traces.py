"""One trace from `POST` to the push, and from a receipt to its frames, as a receiver of traces sees it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from clients.parley import Conversation
from conftest import Stack
from libs.common import mongo, schema
from libs.common.tests.receiver import Received, Receiver, receiver
from tests.conftest import Chat, Device, Person
from tests.traced import Platform, platform

TEXT = "a text that nobody but bo is to read"
CLOCK_NS = 100_000_000  # so far a clock may be set between the spans of two processes
CLIENTS_SPAN = "00f067aa0ba902b7"


class Talk:
    """Ana writes and bo reads, with a device each, on a platform that records everything."""

    def __init__(self, platform: Platform, receiver: Receiver, ana: Person, bo: Person) -> None:
        self.platform = platform
        self.receiver = receiver
        self.ana = ana
        self.bo = bo
        self.devices: list[Device] = []
        self.conversation: Conversation

    async def begin(self, resources: AsyncExitStack) -> "Talk":
        client = await resources.enter_async_context(self.platform.client(self.ana))
        self.conversation = await client.open_conversation([self.bo.name])
        for person in (self.ana, self.bo):
            self.devices.append(await resources.enter_async_context(self.platform.device(person)))
        return self

    async def post(self, traceparent: str = "") -> str:
        """→ message_id"""
        body = {"conversation_id": self.conversation.conversation_id, "payload": {"type": "text", "text": TEXT}}
        headers = {"authorization": f"Bearer {self.ana.client.access_token}", "traceparent": traceparent}
        url = f"{self.platform.url}/v1/messages"
        async with httpx.AsyncClient(timeout=60) as http:
            answer = await http.post(url, json=body, headers=headers)
        assert answer.status_code == 202
        message_id: str = answer.json()["message_id"]
        return message_id

    async def trace(self, trace_id: str, spans: int) -> list[Received]:
        """All spans of one trace once so many have come, each after its parent."""
        await asyncio.to_thread(self.receiver.until, lambda r: len(_of(r, trace_id)) >= spans)
        return sorted(_of(self.receiver, trace_id), key=lambda s: s.started_ns)

    async def trace_with(self, name: str, spans: int) -> list[Received]:
        """The first trace in which something of this name happened."""
        await asyncio.to_thread(self.receiver.until, lambda r: any(s.name == name for s in r.spans))
        first = next(s for s in self.receiver.spans if s.name == name)
        return await self.trace(first.trace_id, spans)


def _of(receiver: Receiver, trace_id: str) -> list[Received]:
    return [span for span in receiver.spans if span.trace_id == trace_id]


def tree(spans: list[Received]) -> set[tuple[str, str, str]]:
    """(service, name, name of the parent)"""
    names = {span.span_id: span.name for span in spans}
    return {(s.service, s.name, names.get(s.parent_id, s.parent_id)) for s in spans}


@pytest.fixture(scope="module")
async def talk(stack: Stack) -> AsyncIterator[Talk]:
    prefix, name = f"test-{secrets.token_hex(6)}.", f"test-{secrets.token_hex(6)}"
    await schema.create_topics(stack.kafka, prefix)
    async with AsyncExitStack() as resources:
        database = await resources.enter_async_context(mongo.connect(stack.mongo, name))
        await schema.create_collections(database)
        received = resources.enter_context(receiver())
        told = {"otlp_url": received.url, "trace_ratio": "1"}
        own = await resources.enter_async_context(platform(stack, prefix, name, **told))
        chat = Chat(stack, resources)
        made = Talk(own, received, await chat.person("ana"), await chat.person("bo"))
        yield await made.begin(resources)
        await database.client.drop_database(name)
    await schema.delete_topics(stack.kafka, prefix)


async def test_a_message_is_one_trace_from_its_post_to_every_push(talk: Talk) -> None:
    client = secrets.token_hex(16)
    message_id = await talk.post(f"00-{client}-{CLIENTS_SPAN}-00")
    spans = await talk.trace(client, spans=7)
    assert tree(spans) == {
        ("frontend", "POST /v1/messages", CLIENTS_SPAN),
        ("frontend", "send message.events", "POST /v1/messages"),
        ("router", "store", "send message.events"),
        ("router", "append feeds", "store"),
        ("router", "send status.events", "store"),
        ("presence", "push message", "append feeds"),
    }
    assert len(spans) == 7, "a push for each device"
    named = {s.name: s.attributes["messaging.message.id"] for s in spans if "messaging.message.id" in s.attributes}
    assert named == dict.fromkeys(("send message.events", "store", "append feeds", "send status.events"), message_id)


async def test_a_text_over_the_socket_is_one_trace_too(talk: Talk) -> None:
    await talk.devices[0].socket.send(talk.conversation.conversation_id, TEXT)
    spans = await talk.trace_with("socket send", spans=7)
    assert {("presence", "socket send", ""), ("presence", "send message.events", "socket send")} <= tree(spans)
    assert sum(s.name == "push message" for s in spans) == 2


async def test_a_receipt_is_a_trace_from_the_device_to_the_frames(talk: Talk) -> None:
    await talk.post()
    spans = await talk.trace_with("push receipt", spans=7)
    assert tree(spans) == {
        ("presence", "socket delivered", ""),
        ("presence", "send receipt.events", "socket delivered"),
        ("router", "store", "send receipt.events"),
        ("router", "append feeds", "store"),
        ("router", "send status.events", "store"),
        ("presence", "push receipt", "append feeds"),
    }


async def test_the_span_of_a_batch_is_linked_to_all_that_it_goes_on_with(talk: Talk) -> None:
    client = secrets.token_hex(16)
    await talk.post(f"00-{client}-{CLIENTS_SPAN}-00")
    by_name = {s.name: s for s in await talk.trace(client, spans=7)}
    [whole_id] = by_name["store"].links
    await asyncio.to_thread(talk.receiver.until, lambda r: any(s.span_id == whole_id for s in r.spans))
    [whole] = [s for s in talk.receiver.spans if s.span_id == whole_id]
    assert (whole.name, whole.kind, whole.parent_id) == ("process message.events", "consumer", "")
    assert by_name["send message.events"].span_id in whole.links
    assert whole.trace_id != client
    assert whole.attributes["messaging.consumer.group.name"].endswith("router-messages")  # type: ignore[union-attr]


async def test_spans_tell_kinds_and_times_and_nothing_of_people(talk: Talk) -> None:
    client = secrets.token_hex(16)
    await talk.post(f"00-{client}-{CLIENTS_SPAN}-00")
    spans = await talk.trace(client, spans=7)
    assert {s.name: s.kind for s in spans} == {
        "POST /v1/messages": "server",
        "send message.events": "producer",
        "store": "consumer",
        "append feeds": "client",
        "send status.events": "producer",
        "push message": "producer",
    }
    starts = {s.span_id: s.started_ns for s in spans}
    wrong = [s for s in spans if not starts.get(s.parent_id, 0) - CLOCK_NS <= s.started_ns <= s.ended_ns]
    assert not wrong, (wrong, spans)
    everything = repr(talk.receiver.spans + talk.receiver.resources)
    secret = [TEXT, talk.ana.name, talk.bo.name, str(talk.ana.client.access_token)]
    assert [words for words in secret if words in everything] == []


async def test_messages_go_on_when_the_receiver_refuses_everything(talk: Talk) -> None:
    before = len(talk.devices[1].messages)
    talk.receiver.status = 500
    for _ in range(20):
        await talk.post()
    await talk.devices[1].until(before + 20)
    talk.receiver.status = 200


async def test_a_platform_that_records_nothing_cannot_be_asked_to(
    chat: Chat, kafka: tuple[str, str], database: mongo.Database
) -> None:
    """Not even for those behind it who do record: the flag in Kafka says no."""
    servers, prefix = kafka
    async with AsyncExitStack() as resources:
        own = await resources.enter_async_context(platform(chat.stack, prefix, database.name))
        received = resources.enter_context(receiver())
        talk = Talk(own, received, await chat.person("ana"), await chat.person("bo"))
        await (await talk.begin(resources)).post(f"00-{'a' * 32}-{CLIENTS_SPAN}-01")
        consumer = AIOKafkaConsumer(f"{prefix}message.events", bootstrap_servers=servers, auto_offset_reset="earliest")
        async with consumer, asyncio.timeout(60):
            said = dict((await consumer.getone()).headers)["traceparent"].decode()
    assert said.startswith(f"00-{'a' * 32}-")
    assert said.endswith("-00")
