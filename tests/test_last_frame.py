"""What a device says right before it leaves counts."""

import asyncio

import msgspec
import picows

from clients.parley.socket import socket_url
from tests.conftest import DEADLINE_S, Chat
from tests.test_first_frame import Hasty


async def test_an_acknowledgement_in_one_breath_with_good_bye_counts(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    watcher = await ana.connect()
    await ana.client.send(conversation.conversation_id, "hi")
    log_in = msgspec.json.encode({"type": "auth", "token": bo.client.access_token})
    listener = Hasty([log_in])
    transport, _ = await picows.ws_connect(lambda: listener, socket_url(chat.stack.gateway_url))
    heard: set[str] = set()
    async with asyncio.timeout(DEADLINE_S):
        while not {"message", "caught_up"} <= heard:
            heard.add(await listener.heard.get())
    ack = {"type": "ack", "conversation_id": conversation.conversation_id, "sequence_number": 1}
    good_bye = _masked(picows.WSMsgType.CLOSE, (1000).to_bytes(2, "big"))
    transport.underlying_transport.write(_masked(picows.WSMsgType.TEXT, msgspec.json.encode(ack)) + good_bye)
    await watcher.receipt(bo.name, "DELIVERED", 1)


def _masked(kind: picows.WSMsgType, payload: bytes) -> bytes:
    return bytes([0x80 | kind.value, 0x80 | len(payload)]) + bytes(4) + payload
