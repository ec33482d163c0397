"""What a device hears first, however much it says before it is heard."""

import asyncio

import msgspec
import picows

from clients.parley.socket import socket_url
from tests.conftest import DEADLINE_S, Chat


class Hasty(picows.WSListener):
    """Says everything in one go; keeps what comes."""

    def __init__(self, frames: list[bytes]) -> None:
        self._frames = frames
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        for frame in self._frames:
            transport.send(picows.WSMsgType.TEXT, frame)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type is picows.WSMsgType.TEXT:
            self.heard.put_nowait(msgspec.json.decode(frame.get_payload_as_bytes())["type"])


async def test_ready_comes_before_the_answer_to_anything(chat: Chat) -> None:
    ana, _, conversation = await chat.pair()
    log_in = msgspec.json.encode({"type": "auth", "token": ana.client.access_token})
    text = {"type": "send", "conversation_id": conversation.conversation_id, "payload": {"type": "text", "text": "hi"}}
    listener = Hasty([log_in, b'{"type":"ping"}', b"rubbish", msgspec.json.encode(text)])
    transport, _ = await picows.ws_connect(lambda: listener, socket_url(chat.stack.gateway_url))
    async with asyncio.timeout(DEADLINE_S):
        heard = [await listener.heard.get()]
        while not {"pong", "error", "accepted"} <= set(heard):
            heard.append(await listener.heard.get())
    transport.disconnect()
    assert heard[0] == "ready"
