"""What the documents of the API say is true of the running stack."""

from functools import cache
from typing import Any
from uuid import uuid4

import httpx
import jsonschema_rs
import yaml

from conftest import Stack
from tests.contract.conftest import Frames, NewCaller, new_caller

__all__ = ["new_caller"]

TEXT = {"type": "text", "text": "hi"}


@cache
def socket_document(gateway: str) -> dict[str, Any]:
    answer = httpx.get(f"{gateway}/asyncapi.yaml").raise_for_status()
    assert answer.headers["content-type"].startswith("application/yaml")
    document: dict[str, Any] = yaml.safe_load(answer.text)
    return document


def untrue(document: dict[str, Any], frames: list[dict[str, Any]]) -> list[str]:
    """What is wrong with each frame, by all messages of its name."""
    components = document["components"]
    told = [m for key, m in components["messages"].items() if not key.startswith("client.")]
    by_name: dict[str, list[Any]] = {}
    for message in told:
        by_name.setdefault(message["name"], []).append(message["payload"])
    laws = {
        name: jsonschema_rs.validator_for({"anyOf": some, "components": components}, validate_formats=True)
        for name, some in by_name.items()
    }
    return [str(error) for frame in frames for error in laws[frame["type"]].iter_errors(frame)]


async def test_every_frame_of_a_conversation_is_as_the_document_says(stack: Stack, new_caller: NewCaller) -> None:
    ana, bo = await new_caller(), await new_caller()
    conversation = await ana.opens(bo)
    hers, his = await ana.online(), await bo.online()
    await _talk(hers, his, conversation)
    await _stumble(hers, conversation)
    seen = hers.all + his.all
    assert untrue(socket_document(stack.gateway_url), seen) == []
    assert {frame["type"] for frame in seen} >= {
        *("ready", "caught_up", "accepted", "rejected", "message", "receipt", "status", "typing", "error", "pong"),
    }


async def _talk(hers: Frames, his: Frames, conversation: str) -> None:
    """Also over a channel that nobody has, which ends in a `status` frame."""
    send = {"type": "send", "ref": "1", "conversation_id": conversation, "payload": TEXT}
    hers.say(send | {"channels": ["internal", "whatsapp"], "metadata": {"a": [1]}, "reply_to": str(uuid4())})
    message = await his.first("message")
    his.say({"type": "typing", "conversation_id": conversation})
    his.say({"type": "read", "conversation_id": conversation, "sequence_number": message["sequence_number"]})
    await hers.first("typing")
    await hers.first("receipt", status="READ")
    await hers.first("status")


async def _stumble(hers: Frames, conversation: str) -> None:
    hers.say({"type": "send", "ref": "2", "conversation_id": conversation, "payload": {"type": "text", "text": ""}})
    hers.say({"type": "dance"})
    hers.say({"type": "ping"})
    for kind in ("rejected", "error", "pong"):
        await hers.first(kind)
