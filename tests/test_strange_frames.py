"""Whatever a device says, the answers are as the document says, and its connection lives on."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import uuid4

from conftest import Stack
from tests.contract.conftest import NewCaller, new_caller
from tests.test_documents import document, untrue_frames

__all__ = ["new_caller"]

FRAMES = 300
NUMBERS = (-1, 0, 1, 7, 0.5, 1.0, 1e308, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1)
TEXTS = ("", "a", "\0", "\ud800", "٣", "x" * 5_000, "😀" * 300, "send", "all", "nobody", str(uuid4()))
LISTS: tuple[list[Any], ...] = ([], [1], [[]], ["all"], ["internal"], ["internal", "telegram"], ["nobody"])
OBJECTS: tuple[dict[str, Any], ...] = (
    {},
    {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}}},
    {"type": "text", "text": "hi"},
    {"type": "file", "file_id": str(uuid4())},
    {"type": "location", "latitude": 91, "longitude": 0},
    {"type": "location", "latitude": 1e-320, "longitude": -0.0, "name": "x"},
    {"epoch": "", "offset": -1},
)
VALUES: tuple[Any, ...] = (None, True, False, *NUMBERS, *TEXTS, *LISTS, *OBJECTS)
NAMES = ("type", "ref", "from", "to", "payload", "metadata", "channels", "reply_to", "resume", "offset", "message_id")


def strange_frames(conversation: str, chance: Random) -> Iterator[str]:
    """Frames of every type with up to three fields taken out, added or replaced; of some, a few characters."""
    mark = {"conversation_id": conversation, "sequence_number": 1}
    send = {"type": "send", "ref": "1", "conversation_id": conversation, "payload": {"type": "text", "text": "hi"}}
    whole: tuple[dict[str, Any], ...] = (
        *(send, send, send | {"metadata": {"a": 1}, "channels": ["internal"]}),
        *({"type": "ack", **mark}, {"type": "read", **mark}, {"type": "ping"}),
        *({"type": "typing", "conversation_id": conversation}, {"type": "auth", "token": "no"}),
    )
    for _ in range(FRAMES):
        frame = dict(chance.choice(whole))
        for _ in range(chance.randrange(4)):
            name = chance.choice([*frame, *NAMES])
            if chance.random() < 0.2:
                frame.pop(name, None)
            else:
                frame[name] = chance.choice(VALUES)
        yield _scratched(json.dumps(frame), chance) if chance.random() < 0.1 else json.dumps(frame)


def _scratched(text: str, chance: Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + chr(chance.randrange(32, 127)) + text[at + 1 :]


async def test_whatever_a_device_says_is_answered_and_its_connection_lives_on(
    stack: Stack, new_caller: NewCaller
) -> None:
    ana, bo = await new_caller(), await new_caller()
    conversation = await ana.opens(bo)
    hers, his = await ana.online(), await bo.online()
    for text in strange_frames(conversation, Random(2)):
        hers.say(text)
    hers.say({"type": "send", "ref": "last", "conversation_id": conversation, "payload": {"type": "text", "text": "."}})
    last = await hers.first("accepted", ref="last")
    await his.first("message", message_id=last["message_id"])
    accepted = {frame["message_id"] for frame in hers.of("accepted")}
    messages = his.of("message")
    assert {frame["message_id"] for frame in messages} == accepted
    assert [frame["sequence_number"] for frame in messages] == [*range(1, len(accepted) + 1)]
    assert untrue_frames(document(stack.gateway_url), hers.all + his.all) == []
    assert len(accepted) > FRAMES / 20
    assert hers.closed is None
