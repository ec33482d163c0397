"""What the AsyncAPI document says is true of the running stack: of every frame, and of every record."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from uuid import uuid4

import httpx
import jsonschema_rs
import yaml
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from conftest import Stack
from libs.common.events import NOTICE_EVENTS, TOPICS
from tests.contract.conftest import Caller, Frames, NewCaller, new_caller

__all__ = ["new_caller"]

Json = dict[str, Any]

TEXT = {"type": "text", "text": "hi"}
SAID = TOPICS.keys() - {NOTICE_EVENTS}  # which is for codes, where addresses have to be proved


@cache
def document(gateway: str) -> Json:
    answer = httpx.get(f"{gateway}/asyncapi.yaml", timeout=60).raise_for_status()
    assert answer.headers["content-type"].startswith("application/yaml")
    shown: Json = yaml.safe_load(answer.text)
    return shown


def law(shown: Json, *allowed: Json) -> jsonschema_rs.Validator:
    whole = {"anyOf": allowed, "components": shown["components"]}
    return jsonschema_rs.validator_for(whole, validate_formats=True)


def untrue_frames(shown: Json, frames: Iterable[Json]) -> list[str]:
    """What is wrong with each, by all messages of its name."""
    payloads: dict[str, list[Json]] = {}
    for key, message in shown["components"]["messages"].items():
        if not key.startswith("client."):
            payloads.setdefault(message["name"], []).append(message["payload"])
    laws = {name: law(shown, *allowed) for name, allowed in payloads.items()}
    return [str(error) for frame in frames for error in laws[frame["type"]].iter_errors(frame)]


def untrue_records(shown: Json, records: Iterable[ConsumerRecord]) -> list[str]:
    errors: list[jsonschema_rs.ValidationError] = []
    for record in records:
        message = shown["components"]["messages"][record.topic.replace(".", "_")]
        headers = {name: value.decode() for name, value in record.headers}
        errors += law(shown, message["headers"]).iter_errors(headers)
        errors += law(shown, message["payload"]).iter_errors(json.loads(record.value))
    return [str(error) for error in errors]


@asynccontextmanager
async def listening(stack: Stack) -> AsyncIterator[AIOKafkaConsumer]:
    """To all topics of events, from here on."""
    consumer = AIOKafkaConsumer(*SAID, bootstrap_servers=stack.kafka)
    await consumer.start()
    try:
        await consumer.seek_to_end()
        yield consumer
    finally:
        await consumer.stop()


async def one_of_each(consumer: AIOKafkaConsumer) -> list[ConsumerRecord]:
    """Waits for at least one record of every topic to which something is said."""
    records: list[ConsumerRecord] = []
    async with asyncio.timeout(60):
        while {record.topic for record in records} != SAID:
            for some in (await consumer.getmany(timeout_ms=1_000)).values():
                records += some
    return records


async def test_a_conversation_is_as_the_document_says(stack: Stack, new_caller: NewCaller) -> None:
    shown = document(stack.gateway_url)
    async with listening(stack) as consumer:
        ana, bo = await new_caller(), await new_caller()
        frames = await _converse(ana, bo)
        await _tell_from_outside(stack)
        assert untrue_frames(shown, frames) == []
        assert {frame["type"] for frame in frames} == {
            *("ready", "caught_up", "accepted", "rejected", "message", "receipt", "status"),
            *("typing", "presence", "error", "pong"),
        }
        assert untrue_records(shown, await one_of_each(consumer)) == []


async def _tell_from_outside(stack: Stack) -> None:
    """An update of a kind that is of no concern to anybody."""
    proof = {"X-Telegram-Bot-Api-Secret-Token": stack.channels["telegram"]["main"]["webhook_secret"]}
    async with httpx.AsyncClient(base_url=stack.gateway_url, timeout=60) as http:
        hook = "/v1/channels/telegram/main/webhook"
        (await http.post(hook, json={"update_id": 1, "poll": {}}, headers=proof)).raise_for_status()


async def _converse(ana: Caller, bo: Caller) -> list[Json]:
    conversation = await ana.opens(bo)
    hers = await ana.online()
    his = await bo.online()
    await hers.first("presence")
    await _talk(hers, his, conversation)
    await _show(hers, his, conversation, await ana.uploads(b"a view"))
    await _stumble(hers, conversation)
    return hers.all + his.all


async def _talk(hers: Frames, his: Frames, conversation: str) -> None:
    """Also over a channel that nobody has, which ends in a `status` frame."""
    send = {"type": "send", "ref": "1", "conversation_id": conversation, "payload": TEXT}
    hers.say(send | {"channels": ["internal", "whatsapp"], "metadata": {"a": [1]}, "reply_to": str(uuid4())})
    message = await his.first("message")
    await his.goes_on_typing(conversation, hers)
    his.say({"type": "read", "conversation_id": conversation, "sequence_number": message["sequence_number"]})
    await hers.first("receipt", status="READ")
    await hers.first("status")


async def _show(hers: Frames, his: Frames, conversation: str, file_id: str) -> None:
    payload = {"type": "file", "file_id": file_id, "caption": "look"}
    hers.say({"type": "send", "ref": "file", "conversation_id": conversation, "payload": payload})
    sent = await hers.first("accepted", ref="file")
    await his.first("message", message_id=sent["message_id"])


async def _stumble(hers: Frames, conversation: str) -> None:
    hers.say({"type": "send", "ref": "2", "conversation_id": conversation, "payload": {"type": "text", "text": ""}})
    hers.say({"type": "dance"})
    hers.say({"type": "ping"})
    for kind in ("rejected", "error", "pong"):
        await hers.first(kind)
